//! `[checkpoint]`: what is kept of a run's states.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::direction::Direction;
use crate::units::Span;

/// Keys of `[checkpoint]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointKeys {
    /// How often the state is saved: `"1 epoch"`, `"500 steps"`, `"30 min"`. Default "1 epoch".
    #[serde(default = "one_epoch")]
    pub every: Span,
    /// How many of the newest are kept. Default 2.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub keep: usize,
    /// Which evaluations are worth keeping. Default: the metric of `train.early_stop`, else the
    /// task's first one on the validation split, the best one; without such a split, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<BestKeys>,
}

/// Keys of `best`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BestKeys {
    /// The metric to watch. Default: that of `train.early_stop`, else the task's first one, on the
    /// validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"val/accuracy")]
    pub metric: Option<String>,
    /// Whether `max` or `min` is better. Default: as `train.early_stop` has it for the same metric,
    /// else as the metric says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Direction>,
    /// How many of the best are kept. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub keep: usize,
}

impl Default for CheckpointKeys {
    fn default() -> Self {
        Self {
            every: one_epoch(),
            keep: two(),
            best: None,
        }
    }
}

impl Default for BestKeys {
    fn default() -> Self {
        Self {
            metric: None,
            mode: None,
            keep: one(),
        }
    }
}

fn one_epoch() -> Span {
    Span::Epochs(1.0)
}

fn two() -> usize {
    2
}

fn one() -> usize {
    1
}
