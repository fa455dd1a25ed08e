//! What the tests train: a few points in three clouds, and a network small enough to reason about.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use super::{CheckpointPolicy, Recipe, Session, StopFlag};
use crate::data::{
    ClassCounts, Data, DataError, Dataset, DatasetKeys, DatasetSpec, Digits, Facts, Values,
};
use crate::error::KeyFault;
use crate::event::{Checkpoint, Ending, Event, Sink, SinkError};
use crate::field::Field;
use crate::kernel::{Init, Param};
use crate::layer::{Builder, LayerError, Mode};
use crate::model::{Inputs, Io, Model, ModelSpec};
use crate::objective::{CrossEntropy, metric};
use crate::optim::Sgd;
use crate::rng::{Purpose, Stream};
use crate::schedule::{Entry, Group, Keys, Poly, Schedules, Target};
use crate::task::{Target as Answer, Task};
use crate::units::Clock;

/// Features of a sample.
pub const WIDTH: usize = 4;

/// Points in three clouds; one sample may be poisoned.
#[derive(Clone, Default)]
pub struct Clouds {
    /// Raises a flag when this sample is read.
    pub trip: Option<(StopFlag, usize)>,
    pub samples: usize,
    pub seed: u64,
    pub poisoned: Option<usize>,
}

impl Dataset for Clouds {
    fn len(&self) -> usize {
        self.samples
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        if let Some((stop, _)) = self.trip.iter().find(|(_, at)| *at == index) {
            stop.raise(2);
        }
        let mut noise = vec![0.0; WIDTH];
        let name = format!("sample {index}");
        Stream::new(self.seed, Purpose::Sample, &name).fill_normal(&mut noise, 0.0, 0.7);
        for (i, slot) in noise.iter_mut().enumerate() {
            *slot += if i == index % 3 { 1.5 } else { 0.0 };
        }
        if self.poisoned == Some(index) {
            noise[0] = f32::NAN;
        }
        out.numbers()?.extend(noise);
        Ok(())
    }

    fn target(&self, index: usize) -> Answer<'_> {
        Answer::Class((index % 3) as u32)
    }
}

/// Two linear layers with tanh between, and what else a test wants to see.
#[derive(Debug, Clone, Default)]
pub struct Net {
    /// Raises a flag in the forward pass of this update's second batch.
    pub trip: Option<(StopFlag, u32)>,
    /// ReLU instead of tanh.
    pub relu: bool,
    /// Dropout with probability ½ after the activation.
    pub dropout: bool,
    /// Batch normalisation before the activation, with running statistics.
    pub norm: bool,
    /// A parameter that the output does not depend on.
    pub idle: bool,
}

struct Built {
    spec: Net,
    first: [Param; 2],
    second: [Param; 2],
    norm: Option<[Param; 4]>,
}

impl ModelSpec for Net {
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        let linear = |b: &Builder, from: usize, to: usize| {
            [
                b.param("weight", &[from, to], Init::Normal(0.5)),
                b.param("bias", &[to], Init::Constant(0.0)),
            ]
        };
        let norm = |b: &Builder| {
            [
                b.param("scale", &[8], Init::Constant(1.0)),
                b.param("shift", &[8], Init::Constant(0.0)),
                b.buffer("mean", &[8], 0.0),
                b.buffer("var", &[8], 1.0),
            ]
        };
        if self.idle {
            b.param("idle", &[2], Init::Constant(0.0));
        }
        Ok(Box::new(Built {
            spec: self.clone(),
            first: linear(&b.child("first"), WIDTH, 8),
            second: linear(&b.child("second"), 8, io.outputs),
            norm: self.norm.then(|| norm(&b.child("norm"))),
        }))
    }
}

impl Model for Built {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let input = inputs.only()?;
        if let (Some((stop, at)), Mode::Train { step, micro: 1, .. }) = (&self.spec.trip, mode)
            && step == at
        {
            stop.raise(2);
        }
        let [weight, bias] = &self.first;
        let mut x = input
            .matmul(weight.tensor())?
            .broadcast_add(bias.tensor())?;
        if let Some(norm) = &self.norm {
            x = normalise(norm, &x, mode)?;
        }
        x = if self.spec.relu { x.relu()? } else { x.tanh()? };
        if self.spec.dropout
            && let Mode::Train { seed, step, micro } = *mode
        {
            let stream = Stream::new(seed, Purpose::Dropout, "drop");
            let keep = |i| {
                if stream.uniform(step, micro, i) < 0.5 {
                    0.0
                } else {
                    2f32
                }
            };
            let mask = (0..x.elem_count() as u64).map(keep).collect::<Vec<_>>();
            x = (&x * Tensor::from_vec(mask, x.shape(), x.device())?)?;
        }
        let [weight, bias] = &self.second;
        x.matmul(weight.tensor())?.broadcast_add(bias.tensor())
    }
}

fn normalise(norm: &[Param; 4], x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
    let [scale, shift, mean, var] = norm;
    let (m, v) = if matches!(mode, Mode::Eval) {
        (mean.tensor().clone(), var.tensor().clone())
    } else {
        let m = x.mean(0)?;
        let v = x.broadcast_sub(&m)?.sqr()?.mean(0)?;
        for (buffer, value) in [(mean, &m), (var, &v)] {
            let old = buffer.var().as_detached_tensor();
            buffer
                .var()
                .set(&((old * 0.9)? + (value.detach() * 0.1)?)?)?;
        }
        (m, v)
    };
    let x = x.broadcast_sub(&m)?.broadcast_div(&(v + 1e-5)?.sqrt()?)?;
    x.broadcast_mul(scale.tensor())?
        .broadcast_add(shift.tensor())
}

/// Three epochs over 44 samples in batches of 8 (the sixth has 4): 18 updates, evaluated and
/// checkpointed at each epoch's end, with SGD.
pub fn recipe() -> Recipe {
    let clouds = |samples, seed| {
        Arc::new(Clouds {
            samples,
            seed,
            ..Clouds::default()
        }) as Arc<dyn Dataset>
    };
    let facts = Facts {
        fields: vec![Field::numbers("input", &[WIDTH])],
        task: Task::classes(vec!["a".into(), "b".into(), "c".into()]),
        train: 44,
        val: 20,
        test: 0,
        counts: ClassCounts::default(),
        notes: Vec::new(),
        warnings: Vec::new(),
    };
    let data = Data {
        facts,
        train: clouds(44, 1),
        val: Some(clouds(20, 2)),
        test: None,
        fingerprint: String::new(),
        target_scale: None,
    };
    let loss = Arc::new(CrossEntropy::default());
    let sgd = Arc::new(Sgd {
        momentum: 0.9,
        ..Sgd::default()
    });
    let new = Recipe::new(Arc::new(Net::default()), data, loss, sgd, 0.1, 3);
    let recipe = Recipe {
        seed: 7,
        metrics: vec![("accuracy".into(), metric("accuracy").unwrap().into())],
        freeze_statistics: true,
        loader: DatasetKeys {
            batch_size: 8,
            prefetch: 0,
            ..DatasetKeys::default()
        },
        total_steps: 18,
        steps_per_epoch: 6,
        checkpoint: CheckpointPolicy {
            every: Some(super::Cadence::Epochs(1)),
            best: None,
        },
        ..new.unwrap()
    };
    grouped(recipe, 0.1)
}

/// One epoch over 150 of the digits in batches of 32: 5 updates.
pub fn digits(model: Arc<dyn ModelSpec>) -> Recipe {
    let keys = DatasetKeys {
        batch_size: 32,
        limit: Some(150),
        ..DatasetKeys::default()
    };
    let keys = keys.filled(&Digits {}.defaults());
    let data = Digits {}.load(&keys, 7).unwrap();
    let recipe = Recipe {
        model,
        io: Io {
            fields: data.facts.fields.clone(),
            outputs: 10,
        },
        data,
        loader: keys,
        steps_per_epoch: 5,
        total_steps: 5,
        ..recipe()
    };
    grouped(recipe, 0.05)
}

/// The same recipe with every parameter of its model in the group `default`: poly from this rate,
/// and the optimizer's own momentum.
pub fn grouped(mut recipe: Recipe, lr: f64) -> Recipe {
    let builder = Builder::plan();
    recipe.model.build(&builder, &recipe.io).unwrap();
    let mut base = BTreeMap::from([(Target::Lr, lr), (Target::WeightDecay, 1e-3)]);
    base.extend(recipe.optimizer.momentum().map(|m| (Target::Momentum, m)));
    base.extend(recipe.optimizer.beta2().map(|b| (Target::Beta2, b)));
    let params = builder.finish().params;
    let group = Group {
        name: "default".into(),
        params: params.iter().map(|p| p.name().to_owned()).collect(),
        base,
        ..Group::default()
    };
    recipe.schedules = schedules(&[group], recipe.total_steps);
    recipe
}

/// Poly over groups.
pub fn schedules(groups: &[Group], whole: u64) -> Schedules {
    let clock = Clock {
        steps_per_epoch: 6,
        whole,
        steps_per_eval: 6,
    };
    let poly = Poly {
        power: 0.9,
        k_decay: 1.0,
    };
    let entries = [Entry::new("poly", Keys::default(), Arc::new(poly))];
    let (schedules, faults) = Schedules::resolve(&entries, &clock, groups);
    schedules.unwrap_or_else(|| panic!("{faults:?}"))
}

/// Takes everything, and raises a flag after so many applied updates.
pub struct Interrupter {
    pub events: Vec<Event>,
    pub stop: StopFlag,
    pub after: u64,
}

impl Sink for Interrupter {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        if let Event::Step(row) = event
            && row.step == self.after
        {
            self.stop.raise(15);
        }
        self.events.push(event.clone());
        Ok(())
    }
}

/// Runs a fresh session to its end.
pub fn run(recipe: &Recipe) -> (Ending, Vec<Event>) {
    let mut events = Vec::new();
    let mut session = Session::new(recipe.clone()).unwrap();
    let ending = session.run(&mut events, &StopFlag::new()).unwrap();
    (ending, events)
}

/// Runs a session, fresh or restored, until it ends or has applied `after` updates in all.
pub fn run_until(recipe: &Recipe, from: Option<&Checkpoint>, after: u64) -> (Ending, Vec<Event>) {
    let mut session = Session::new(recipe.clone()).unwrap();
    if let Some(checkpoint) = from {
        session.restore(checkpoint).unwrap();
    }
    interrupted(&mut session, after)
}

/// Runs a session until it ends or has applied `after` updates in all.
pub fn interrupted(session: &mut Session, after: u64) -> (Ending, Vec<Event>) {
    interrupted_by(session, &StopFlag::new(), after)
}

/// The same, where something else may raise the flag.
pub fn interrupted_by(session: &mut Session, stop: &StopFlag, after: u64) -> (Ending, Vec<Event>) {
    let mut sink = Interrupter {
        events: Vec::new(),
        stop: stop.clone(),
        after,
    };
    let ending = session.run(&mut sink, stop).unwrap();
    (ending, sink.events)
}

/// The checkpoints among events.
pub fn checkpoints(events: &[Event]) -> Vec<Checkpoint> {
    let checkpoint = |event: &Event| match event {
        Event::Checkpoint(checkpoint) => Some((**checkpoint).clone()),
        _ => None,
    };
    events.iter().filter_map(checkpoint).collect()
}

/// What an event says but for times: what must be equal however often a run was interrupted.
pub fn timeless(events: &[Event]) -> Vec<String> {
    let mut lines = Vec::new();
    for event in events {
        match event {
            Event::Step(row) => lines.push(format!(
                "step {} {} {} {:?} {:?} {:?}",
                row.step, row.epoch, row.lr, row.extra, row.loss, row.grad_norm
            )),
            Event::Eval(row) => lines.push(format!("eval {row:?}")),
            Event::Epoch(row) => lines.push(format!(
                "epoch {} {} {} {} {:?} {} {}",
                row.epoch,
                row.step,
                row.lr,
                row.lr_last,
                row.metrics,
                row.order_hash,
                row.state_hash
            )),
            Event::Warning { step, message } => lines.push(format!("warning {step} {message}")),
            _ => {}
        }
    }
    lines
}

/// A parameter of a checkpoint as numbers.
pub fn numbers(checkpoint: &Checkpoint, name: &str) -> Vec<f32> {
    let array = checkpoint.model.iter().find(|array| array.name == name);
    array.unwrap().elements(f32::from_le_bytes)
}

/// Largest difference between two checkpoints' parameters.
pub fn distance(a: &Checkpoint, b: &Checkpoint) -> f64 {
    assert_eq!(a.model.len(), b.model.len());
    let pairs = a.model.iter().flat_map(|array| {
        let (a, b) = (numbers(a, &array.name), numbers(b, &array.name));
        a.into_iter().zip(b)
    });
    pairs
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(0.0, f64::max)
}
