//! What happens in a run, as plain data: the training loop emits [`Event`]s and knows neither files
//! nor terminals; a [`Sink`] turns them into metrics, traces, screens or a test's vector.

pub mod key;

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{array::NamedArray, number};

/// Values by `split/name`, in order of their names.
pub type Metrics = BTreeMap<String, f64>;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Training begins, or goes on, at `step` updates done.
    Start {
        /// Updates already done.
        step: u64,
        /// Updates when the run is complete.
        total_steps: u64,
        /// Updates in one epoch.
        steps_per_epoch: u64,
        /// Epochs when the run is complete, rounded up.
        epochs: u64,
    },
    /// An epoch begins (0-based).
    EpochStart {
        /// The epoch.
        epoch: u64,
    },
    /// An optimizer update was applied; emitted for every update, `logged` at `log_every`.
    Step(StepRow),
    /// An evaluation ended.
    Eval(EvalRow),
    /// An epoch ended.
    Epoch(EpochRow),
    /// A checkpoint is due.
    Checkpoint(Arc<Checkpoint>),
    /// Something the reader should know (a skipped update, a rollback, a fallback).
    Warning {
        /// Updates done.
        step: u64,
        /// What happened.
        message: String,
    },
    /// Training is over.
    End(Ending),
}

/// Numbers of one optimizer update.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRow {
    /// Updates done (1 after the first).
    pub step: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Whether `log_every` asks for this row; loss and norm are only there where it does.
    pub logged: bool,
    /// Learning rate of the default group for this update.
    pub lr: f64,
    /// Further scheduled values: `lr/<group>`, `momentum`, `weight_decay`, …; in f16 `loss_scale`.
    pub extra: Metrics,
    /// Mean loss over the update's samples.
    pub loss: Option<f64>,
    /// L2 norm of the whole gradient before clipping.
    pub grad_norm: Option<f64>,
    /// Milliseconds of the whole step.
    pub step_time_ms: f64,
    /// Milliseconds that the step waited for data.
    pub data_time_ms: f64,
    /// Samples of the update.
    pub samples: u64,
}

/// Numbers of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalRow {
    /// Updates done.
    pub step: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// `val` or `test`.
    pub split: String,
    /// Values by `split/name`.
    pub metrics: Metrics,
    /// The updates that the measured state had done, where it is an earlier one: the best.
    pub of_step: Option<u64>,
    /// The confusion matrix of a classification.
    pub confusion: Option<Arc<Confusion>>,
}

/// A confusion matrix: the number of times that each class was predicted as each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    /// The classes' names.
    pub classes: Vec<String>,
    /// By class, then by prediction: samples.
    pub counts: Vec<Vec<u64>>,
}

/// Numbers of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochRow {
    /// The epoch (0-based).
    pub epoch: u64,
    /// Updates done.
    pub step: u64,
    /// Learning rate of the default group at the epoch's first update.
    pub lr: f64,
    /// Learning rate of the default group at the epoch's last update.
    pub lr_last: f64,
    /// Further scheduled values at the epoch's first update.
    pub extra: Metrics,
    /// `train/loss` and the evaluation's `val/…`.
    pub metrics: Metrics,
    /// Training samples a second, evaluation and checkpoints excluded.
    pub samples_per_s: f64,
    /// Seconds that the epoch took, everything included.
    pub wall_s: f64,
    /// Seconds since training began in this process.
    pub elapsed_s: f64,
    /// BLAKE3 over the sample ids in order, in hexadecimal.
    pub order_hash: String,
    /// BLAKE3 over the training state (see `Checkpoint::state_hash`).
    pub state_hash: String,
}

impl EpochRow {
    /// The epoch as people count: the first is 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.epoch + 1
    }
}

/// Everything that a run needs to go on, copied out of the session.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Updates done.
    pub step: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Parameters, buffers and (named `ema/…`) averages, sorted by name.
    pub model: Vec<NamedArray>,
    /// Optimizer state, sorted by name.
    pub optimizer: Vec<NamedArray>,
    /// Counters: stopping, best, plateau, partial epoch sums.
    pub state: serde_json::Value,
    /// BLAKE3 over the sorted names, dtypes, shapes and bytes of parameters, optimizer state, EMA
    /// and counters.
    pub state_hash: String,
    /// Why it was taken.
    pub reason: Reason,
    /// The metrics known at this point.
    pub metrics: Metrics,
}

/// Why a checkpoint was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// `[checkpoint] every`.
    Every,
    /// A new best value of the watched metric.
    Best {
        /// `split/name`.
        metric: String,
        /// Its value.
        #[serde(with = "number")]
        value: f64,
    },
    /// The run is over.
    Final,
    /// A signal asked the run to stop.
    Signal,
    /// SIGUSR1 asked for a checkpoint.
    Request,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// What came of it.
    pub status: Status,
    /// Updates done.
    pub step: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Last value of every metric.
    pub metrics: Metrics,
    /// The best value of the watched metric: name, value, step.
    pub best: Option<Best>,
    /// The state that the test split was measured on, where it was measured.
    pub tested: Option<Tested>,
    /// BLAKE3 over the training state.
    pub state_hash: String,
    /// Training samples a second, evaluation and checkpoints excluded.
    pub samples_per_s: f64,
    /// Seconds by activity: data, forward, loss, backward, optimizer, evaluation, checkpoint, logging.
    pub ledger: BTreeMap<String, f64>,
}

/// The best value so far of the metric that `[checkpoint] best` watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// `split/name`.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Updates done when it was reached.
    pub step: u64,
}

/// The state that the test split was measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The last state or the best one.
    pub state: TestedState,
    /// The updates that it had done.
    pub step: u64,
}

/// The state that a run is tested on: that of the last update, or the one with the best value of the
/// watched metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum TestedState {
    #[default]
    Last,
    Best,
}

impl TestedState {
    pub(crate) fn is_last(&self) -> bool {
        *self == Self::Last
    }
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Status {
    /// It did all its steps.
    #[default]
    Completed,
    /// The metric that `early_stop` watches no longer improved: the run is done, before its last
    /// step.
    EarlyStopped {
        /// The finding, for a person.
        why: String,
    },
    /// It ended earlier, by a signal.
    Stopped {
        /// Why, for a person.
        why: String,
        /// The signal's number. Absent in the early stops of older versions.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    /// The loss or a gradient was not finite.
    Diverged {
        /// What was seen where.
        why: String,
    },
    /// An error ended it.
    Failed {
        /// The error.
        why: String,
    },
}

impl Status {
    /// Returns its name, as files and the screen have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::EarlyStopped { .. } => "early_stopped",
            Self::Stopped { .. } => "stopped",
            Self::Diverged { .. } => "diverged",
            Self::Failed { .. } => "failed",
        }
    }

    /// Returns why the run ended before its last step, for a person.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Completed => None,
            Self::EarlyStopped { why }
            | Self::Stopped { why, .. }
            | Self::Diverged { why }
            | Self::Failed { why } => Some(why),
        }
    }

    /// Returns whether the run came to an end of its own.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Completed | Self::EarlyStopped { .. })
    }
}

/// Takes events. An error ends the run.
pub trait Sink {
    /// Takes one event.
    ///
    /// # Errors
    /// Where the event could not be kept (a full disk, say).
    fn event(&mut self, event: &Event) -> Result<(), SinkError>;
}

/// Why a sink could not take an event.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The tests' sink: keeps everything.
impl Sink for Vec<Event> {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        self.push(event.clone());
        Ok(())
    }
}
