//! `[train]`: how long, and what happens around a step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{direction::Direction, event::TestedState, units::Span};

/// Keys of `[train]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainKeys {
    /// Passes over the training split. Either this or `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 100)]
    pub epochs: Option<u64>,
    /// Optimizer updates. Either this or `epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 5000)]
    pub steps: Option<u64>,
    /// Length that schedules refer to. Default: the run's own length, or the one that the file
    /// says where `--steps` or `--epochs` cuts it short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"100 epochs")]
    pub horizon: Option<Span>,
    /// Batches whose gradients make one update. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub grad_accumulation: usize,
    /// Largest L2 norm of the whole gradient; longer ones are scaled down. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0), example = 1.0)]
    pub clip_norm: Option<f64>,
    /// Largest absolute value of a gradient's element; larger ones are cut. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0), example = 0.5)]
    pub clip_value: Option<f64>,
    /// Number format that layers compute in: `f32`, or `bf16` or `f16` as mixed precision. Then
    /// parameters, optimizer state and checkpoints stay f32, products and activations are rounded
    /// to it, norms and the loss compute in f32, and `f16` scales the loss as PyTorch's GradScaler
    /// does. On the CPU it saves memory, no time: products are f32 ones of rounded numbers.
    /// Default `f32`.
    #[serde(default)]
    pub precision: Precision,
    /// An exponential moving average of the weights, used for evaluation. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<EmaKeys>,
    /// How often the validation split is evaluated. Default "1 epoch".
    #[serde(default = "one_epoch")]
    pub eval_every: Span,
    /// How often a step's numbers are logged. Default "10 steps".
    #[serde(default = "ten_steps")]
    pub log_every: Span,
    /// The state of the finished run that is measured on the test split: the `last` one, or the
    /// `best` by the metric of `[checkpoint] best`. Default `last`.
    #[serde(default, skip_serializing_if = "TestedState::is_last")]
    #[schemars(example = &"best")]
    pub test: TestedState,
    /// Ends the run when a metric no longer improves; `[checkpoint] best` then watches the same
    /// metric, unless it says another. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStopKeys>,
    /// What a loss or gradient that is not finite does: `stop` the run, `skip` the update, or
    /// `rollback` to the last good state. Default `stop`.
    #[serde(default)]
    pub on_nan: OnNan,
    /// CPU threads; results do not depend on it. Default: all cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024), example = 4)]
    pub threads: Option<usize>,
}

/// Keys of `ema`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmaKeys {
    /// Weight of the old average at each update, below 1. Default 0.999.
    #[serde(default = "ema_decay")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub decay: f64,
}

/// Keys of `early_stop`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopKeys {
    /// The metric to watch. Default: that of `[checkpoint] best`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"val/loss")]
    pub metric: Option<String>,
    /// Whether `max` or `min` is better. Default: as the metric says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Direction>,
    /// How long it may go without improving: `"10 evals"` or `"10 epochs"`. Default "10 evals".
    #[serde(default = "ten_evals")]
    #[schemars(example = &"10 evals")]
    pub patience: Span,
    /// The least change that counts. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub min_delta: f64,
}

/// A number format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Precision {
    #[default]
    F32,
    Bf16,
    F16,
}

impl Precision {
    /// Bytes of a number.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }
}

/// The reaction to a loss or a gradient that is not finite.
///
/// `Stop` ends the run as diverged. `Skip` leaves the update out, and gives up after ten in a row.
/// `Rollback` goes back to the state of the last checkpoint or epoch start, and its step, and goes on
/// with the batches that follow; it gives up after five times, and the numbers of the updates that
/// were undone come again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum OnNan {
    #[default]
    Stop,
    Skip,
    Rollback,
}

fn one() -> usize {
    1
}

fn ema_decay() -> f64 {
    0.999
}

fn one_epoch() -> Span {
    Span::Epochs(1.0)
}

fn ten_steps() -> Span {
    Span::Steps(10)
}

fn ten_evals() -> Span {
    Span::Evals(10)
}
