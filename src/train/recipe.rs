//! What a session is built from: resolved, checked, and without a word about files or terminals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use candle_core::{DType, Device};

use super::error::TrainError;
use crate::candle::Proof;
use crate::config::OnNan;
use crate::data::{Data, DatasetKeys, TransformEntry};
use crate::direction::Direction;
use crate::event::TestedState;
use crate::kernel::{Init, Param};
use crate::layer::Builder;
use crate::model::{Io, ModelSpec};
use crate::objective::{LossSpec, MetricSpec};
use crate::optim::OptimizerSpec;
use crate::schedule::{Group, Schedules, Target};
use crate::units::Clock;

/// Everything that decides what a training run computes. Two sessions with equal recipes and one
/// kind of processor go through the same bits.
#[derive(Clone)]
pub struct Recipe {
    /// Seed of every random stream.
    pub seed: u64,
    /// Where tensors live.
    pub device: Device,
    /// The model, built twice where averages are kept.
    pub model: Arc<dyn ModelSpec>,
    /// First values of parameters, by name, in place of the model's own.
    pub start: BTreeMap<String, Init>,
    /// Names that the model's constructor finds where it looks for weights.
    pub found: Vec<String>,
    /// What a foreign model need not pass before its first update.
    pub allow: BTreeSet<Proof>,
    /// Shape of a sample and number of outputs.
    pub io: Io,
    /// The loss that is minimised.
    pub loss: Arc<dyn LossSpec>,
    /// Metrics of every evaluation, by the name they are reported under.
    pub metrics: Vec<(String, Arc<dyn MetricSpec>)>,
    /// The update rule.
    pub optimizer: Arc<dyn OptimizerSpec>,
    /// Learning rate and other hyperparameters as functions of the update index, for each group
    /// of parameters; every parameter is in exactly one.
    pub schedules: Schedules,
    /// Names of the parameters that keep their first values: no gradient, no decay, no optimizer
    /// state.
    pub frozen: BTreeSet<String>,
    /// True where a norm whose parameters are all frozen keeps its running statistics, and
    /// normalises by them.
    pub freeze_statistics: bool,
    /// The samples.
    pub data: Data,
    /// Batch sizes, order and prefetching.
    pub loader: DatasetKeys,
    /// What is done to a sample before it is used, in order.
    pub transforms: Vec<TransformEntry>,
    /// What layers compute in: F32, or BF16 or F16 beside parameters in F32.
    pub precision: DType,
    /// Applied updates after which the run is complete.
    pub total_steps: u64,
    /// Updates in one epoch: batches / `grad_accumulation`, rounded up.
    pub steps_per_epoch: u64,
    /// Batches that one update takes; an epoch's last update takes what is left.
    pub grad_accumulation: usize,
    /// Largest L2 norm of the whole gradient; larger ones are scaled down to it.
    pub clip_norm: Option<f64>,
    /// Largest absolute value of a gradient's element, applied after `clip_norm`.
    pub clip_value: Option<f64>,
    /// Decay per update of the averages of parameters and buffers, 0 ≤ decay < 1.
    pub ema: Option<f64>,
    /// When to evaluate on the validation split; there is always one at the end. `None`: never.
    pub eval_every: Option<Cadence>,
    /// Updates between two logged rows; 0: none.
    pub log_every: u64,
    /// The state of the finished run that is measured on the test split.
    pub test: TestedState,
    /// When to give up before the end.
    pub early_stop: Option<EarlyStop>,
    /// What to do when the loss or a gradient is not finite.
    pub on_nan: OnNan,
    /// When to ask for checkpoints.
    pub checkpoint: CheckpointPolicy,
}

impl Recipe {
    /// Makes a recipe that trains for `epochs` at the constant learning rate `lr`, on the CPU in
    /// f32, in batches of 64, evaluates after each epoch where there is a validation split, and
    /// asks for no checkpoint before the end. Every field can be changed afterwards; `total_steps`
    /// and `steps_per_epoch` count the batches that `loader` makes.
    ///
    /// # Errors
    /// A model that cannot be built for the data.
    pub fn new(
        model: Arc<dyn ModelSpec>,
        data: Data,
        loss: Arc<dyn LossSpec>,
        optimizer: Arc<dyn OptimizerSpec>,
        lr: f64,
        epochs: u64,
    ) -> Result<Self, TrainError> {
        let io = Io {
            fields: data.facts.fields.clone(),
            outputs: loss.outputs(&data.facts.task),
        };
        let loader = DatasetKeys::default();
        let steps_per_epoch = data.train.len().div_ceil(loader.batch_size) as u64;
        let clock = Clock {
            steps_per_epoch,
            whole: epochs * steps_per_epoch,
            steps_per_eval: steps_per_epoch,
        };
        Ok(Self {
            seed: 0,
            device: Device::Cpu,
            schedules: constant((&*model, &io), &*optimizer, lr, &clock)?,
            model,
            io,
            start: BTreeMap::new(),
            found: Vec::new(),
            allow: BTreeSet::new(),
            loss,
            metrics: Vec::new(),
            optimizer,
            frozen: BTreeSet::new(),
            freeze_statistics: false,
            eval_every: data.val.is_some().then_some(Cadence::Epochs(1)),
            data,
            loader,
            transforms: Vec::new(),
            precision: DType::F32,
            total_steps: clock.whole,
            steps_per_epoch,
            grad_accumulation: 1,
            clip_norm: None,
            clip_value: None,
            ema: None,
            log_every: 1,
            test: TestedState::Last,
            early_stop: None,
            on_nan: OnNan::Stop,
            checkpoint: CheckpointPolicy::default(),
        })
    }

    /// Gives parameters and buffers their first values.
    pub(super) fn fill(&self, params: &[Param]) -> candle_core::Result<()> {
        for param in params {
            let own = param.init();
            let init = self.start.get(param.name()).unwrap_or(&own);
            param.fill_as(*init, self.seed, &self.device)?;
        }
        Ok(())
    }
}

/// All parameters of a model in one group, at a constant learning rate.
fn constant(
    (model, io): (&dyn ModelSpec, &Io),
    optimizer: &dyn OptimizerSpec,
    lr: f64,
    clock: &Clock,
) -> Result<Schedules, TrainError> {
    let builder = Builder::plan();
    model.build(&builder, io)?;
    let params = builder.finish().params;
    let mut base = BTreeMap::from([(Target::Lr, lr), (Target::WeightDecay, 0.0)]);
    base.extend(optimizer.momentum().map(|m| (Target::Momentum, m)));
    base.extend(optimizer.beta2().map(|b| (Target::Beta2, b)));
    let group = Group {
        name: "default".into(),
        params: params.iter().map(|p| p.name().to_owned()).collect(),
        base,
        ..Group::default()
    };
    let (schedules, faults) = Schedules::resolve(&[], clock, &[group]);
    schedules.ok_or_else(|| TrainError::Recipe(format!("{faults:?}")))
}

/// How often something happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cadence {
    /// After every so many applied updates; 0: never.
    Steps(u64),
    /// At the end of every so many epochs, however many updates of them were applied; 0: never.
    Epochs(u64),
    /// At the first update after so many seconds; for checkpoints only, which change no results.
    Seconds(f64),
}

impl Cadence {
    /// Whether it is due after `step` updates; `ended` is the number of epochs done where an epoch
    /// has just ended.
    #[must_use]
    pub fn due(self, step: u64, ended: Option<u64>) -> bool {
        match self {
            Self::Steps(n) => n > 0 && step > 0 && step.is_multiple_of(n),
            Self::Seconds(_) => false,
            Self::Epochs(n) => n > 0 && ended.is_some_and(|epochs| epochs.is_multiple_of(n)),
        }
    }
}

/// Rules of a recipe that watch another metric, or other values of it, than when a checkpoint was
/// made: what the checkpoint remembers of them means nothing now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// The early stop.
    pub early_stop: bool,
    /// The best state.
    pub best: bool,
    /// Places in the list of schedules where a phase follows another metric.
    pub metrics: BTreeSet<usize>,
    /// Places in the list of schedules where another phase stands.
    pub phases: BTreeSet<usize>,
}

/// Ends a run whose metric no longer improves.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStop {
    /// The metric it watches, `split/name`.
    pub metric: String,
    /// Which values are better.
    pub mode: Direction,
    /// Values in a row, one an evaluation, that may be no better than the best one before the run
    /// ends.
    pub patience: u64,
    /// By how much a value must beat the best one to count, in the metric's unit.
    pub min_delta: f64,
}

/// When to ask for checkpoints. The end of a run always does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckpointPolicy {
    /// Regular ones.
    pub every: Option<Cadence>,
    /// One at each new best value of a metric.
    pub best: Option<BestPolicy>,
}

/// The metric whose best value is worth a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct BestPolicy {
    /// The metric, `split/name`.
    pub metric: String,
    /// Which values are better.
    pub mode: Direction,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cadence_of_steps_counts_updates_and_one_of_epochs_their_ends() {
        let due = |cadence: Cadence| (0..7).filter(|s| cadence.due(*s, None)).collect::<Vec<_>>();
        assert_eq!(due(Cadence::Steps(3)), [3, 6]);
        assert!(due(Cadence::Steps(0)).is_empty());
        assert!(due(Cadence::Epochs(1)).is_empty());
        assert!(Cadence::Epochs(2).due(19, Some(4)) && !Cadence::Epochs(2).due(19, Some(3)));
    }
}
