//! Mixed precision against PyTorch's autocast and GradScaler: `tests/reference/precision.json`, made by
//! the script beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::DType;
use serde::Deserialize;

use super::precision::Scale;
use super::testing::*;
use super::*;
use crate::data::{DataError, Dataset, Values};
use crate::event::{Event, Reason};
use crate::field::Field;
use crate::layer::Activation;
use crate::model::{Cnn, Mlp, ModelSpec, Norm};
use crate::optim::Sgd;
use crate::schedule::{Group, Target};
use crate::task::Target as Answer;

/// The whole file.
#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
    scaler: Trace,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    sample: Vec<usize>,
    input: Vec<f32>,
    params: Vec<Array>,
    steps: BTreeMap<String, Step>,
}

#[derive(Deserialize)]
struct Array {
    name: String,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Step {
    loss: f64,
    grads: BTreeMap<String, Vec<f32>>,
}

#[derive(Deserialize)]
struct Trace {
    overflows: Vec<u32>,
    updates: u32,
    changes: Vec<(u32, f64)>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../tests/reference/precision.json")).unwrap()
}

/// Samples one after the other; their classes go round.
struct Samples {
    numbers: Vec<f32>,
    width: usize,
}

impl Dataset for Samples {
    fn len(&self) -> usize {
        self.numbers.len() / self.width
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        let sample = &self.numbers[index * self.width..][..self.width];
        out.numbers()?.extend_from_slice(sample);
        Ok(())
    }

    fn target(&self, index: usize) -> Answer<'_> {
        Answer::Class((index % 3) as u32)
    }
}

fn model(case: &str) -> Arc<dyn ModelSpec> {
    let mlp = Mlp {
        hidden: vec![9, 7],
        ..Mlp::default()
    };
    let cnn = Cnn {
        channels: vec![4, 5],
        kernel: 3,
        hidden: vec![],
        ..Cnn::default()
    };
    match case {
        "mlp" => Arc::new(mlp),
        "mlp_layer_norm" => Arc::new(Mlp {
            norm: Norm::Layer,
            activation: Activation::Gelu,
            ..mlp
        }),
        "cnn" => Arc::new(cnn),
        "cnn_batch_norm" => Arc::new(Cnn {
            norm: Norm::Batch,
            ..cnn
        }),
        other => panic!("`{other}` has no counterpart"),
    }
}

/// All samples in one step of plain SGD at rate 1, so that parameters move by their gradient.
fn one_step(case: &Case, precision: DType) -> Recipe {
    let mut recipe = recipe();
    recipe.precision = precision;
    recipe.model = model(&case.name);
    recipe.optimizer = Arc::new(Sgd::default());
    recipe.io.fields = vec![Field::numbers("input", &case.sample)];
    recipe.data.facts.fields.clone_from(&recipe.io.fields);
    let width = case.sample.iter().product();
    recipe.data.train = Arc::new(Samples {
        numbers: case.input.clone(),
        width,
    });
    recipe.data.val = None;
    recipe.loader.batch_size = recipe.data.train.len();
    (recipe.steps_per_epoch, recipe.total_steps) = (1, 1);
    let group = Group {
        name: "default".into(),
        params: case.params.iter().map(|p| p.name.clone()).collect(),
        base: [(Target::Lr, 1.0)].into(),
        ..Group::default()
    };
    recipe.schedules = schedules(&[group], 1);
    recipe
}

/// The step's loss, and its gradients by name.
fn step(case: &Case, precision: DType) -> (f64, BTreeMap<String, Vec<f32>>) {
    let mut session = Session::new(one_step(case, precision)).unwrap();
    let mut arrays = session.checkpoint(Reason::Every).unwrap().model;
    for array in &mut arrays {
        // Running statistics are not the reference's matter.
        if let Some(own) = case.params.iter().find(|p| p.name == array.name) {
            let bytes = own.values.iter().flat_map(|x| x.to_le_bytes());
            array.bytes = bytes.collect();
        }
    }
    session.load_weights(&arrays).unwrap();
    let mut events = Vec::new();
    session.run(&mut events, &StopFlag::new()).unwrap();
    let loss = events.iter().find_map(|event| match event {
        Event::Step(row) => row.loss,
        _ => None,
    });
    let end = checkpoints(&events).pop().unwrap();
    let grads = case.params.iter().map(|param| {
        let after = numbers(&end, &param.name);
        let moved = param.values.iter().zip(after).map(|(a, b)| a - b);
        (param.name.clone(), moved.collect())
    });
    (loss.unwrap(), grads.collect())
}

/// ‖a − b‖ / ‖b‖ over all gradients.
fn apart(a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>) -> f64 {
    let square = |x: f32| f64::from(x).powi(2);
    let (mut difference, mut length) = (0.0, 0.0);
    for (name, b) in b {
        for (a, b) in a[name].iter().zip(b) {
            difference += square(a - b);
            length += square(*b);
        }
    }
    (difference / length).sqrt()
}

/// Within a fraction of a rounding of PyTorch's numbers, and much nearer to them than the gradient in
/// f32 is: what is left are sums in another order, which sometimes round to the other side.
#[test]
fn a_step_is_that_of_pytorch_under_autocast() {
    let epsilons = [(DType::BF16, 2f64.powi(-8)), (DType::F16, 2f64.powi(-11))];
    for case in reference().cases {
        let (_, plain) = step(&case, DType::F32);
        let exact = apart(&plain, &case.steps["f32"].grads);
        assert!(exact < 1e-6, "{}: {exact}", case.name);
        for (precision, epsilon) in epsilons {
            let want = &case.steps[precision.as_str()];
            let (loss, grads) = step(&case, precision);
            let what = format!("{} in {}", case.name, precision.as_str());
            let (ours, plain) = (apart(&grads, &want.grads), apart(&plain, &want.grads));
            assert!((loss - want.loss).abs() < 0.1 * epsilon * loss, "{what}");
            assert!(
                ours < 0.5 * epsilon && ours < 0.3 * plain,
                "{what}: {:.2} of a rounding, f32 {:.2}",
                ours / epsilon,
                plain / epsilon
            );
        }
    }
}

#[test]
fn the_scale_follows_pytorchs_grad_scaler() {
    let Trace {
        overflows,
        updates,
        changes,
    } = reference().scaler;
    let mut scale = Scale::of(DType::F16).unwrap();
    let mut seen = vec![(0, scale.factor)];
    for update in 0..updates {
        if scale.factor != seen[seen.len() - 1].1 {
            seen.push((update, scale.factor));
        }
        if overflows.contains(&update) {
            assert!(scale.back_off());
        } else {
            scale.grow();
        }
    }
    assert_eq!(seen, changes);
    assert!(Scale::of(DType::BF16).is_none() && Scale::of(DType::F32).is_none());
}
