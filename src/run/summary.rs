//! `summary.json`: what came of a run, written last; its absence means unfinished.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::number;
use crate::event::{Metrics, Tested};

/// The content of `summary.json`, and of `trainer run --format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Format version of the directory.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The run's directory when it was written, absolute.
    pub path: String,
    /// `completed`, `early_stopped`, `stopped`, `failed` or `diverged`.
    pub status: String,
    /// Why it stopped, failed or diverged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Number of the signal that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Optimizer updates done.
    pub step: u64,
    /// Epochs done, as a fraction.
    #[serde(with = "number")]
    pub epoch: f64,
    /// Last value by `split/name`.
    #[serde(with = "number::map")]
    pub metrics: Metrics,
    /// The best value of the watched metric.
    pub best: Option<BestSummary>,
    /// The state that `test/…` was measured on; absent where nothing was, and in summaries of older
    /// versions, which measured the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Tested>,
    /// BLAKE3 over the sorted names, dtypes, shapes and bytes of parameters, optimizer state, EMA
    /// and counters.
    pub state_hash: String,
    /// Training samples a second of the last attempt, evaluation and checkpoints excluded.
    #[serde(with = "number")]
    pub samples_per_s: f64,
    /// Seconds of all attempts together, from their start to their end.
    #[serde(with = "number")]
    pub wall_s: f64,
    /// How many attempts it took.
    pub attempts: usize,
    /// Seconds of the last attempt by activity: data, forward, loss, backward, optimizer,
    /// evaluation, checkpoint, logging.
    #[serde(default, with = "number::map")]
    pub ledger: BTreeMap<String, f64>,
}

/// The best value of the watched metric, and where its weights are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestSummary {
    /// `split/name`.
    pub metric: String,
    /// Its value.
    #[serde(with = "number")]
    pub value: f64,
    /// Updates done when it was reached.
    pub step: u64,
    /// The checkpoint of that step, relative to the run's directory, where there is one.
    pub checkpoint: Option<String>,
}
