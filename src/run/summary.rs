//! `summary.json`: what came of a run, written last; its absence means unfinished.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FileDigest, LogDigest, RunError, layout, seal};
use crate::{
    event::{Metrics, Status, Tested},
    number,
};

/// The content of `summary.json`, and of `trainer run --format json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// BLAKE3 of the file with 64 zeros in the place of this value; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Format version of the directory.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The run's name; this and the next seven are those of `run.json`, and empty in older runs.
    #[serde(default)]
    pub name: String,
    /// The config file, as the user named it.
    #[serde(default)]
    pub config: Option<String>,
    /// Seed of every random stream.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Hash of the resolved plan.
    #[serde(default)]
    pub plan_hash: String,
    /// Hash of the data's content.
    #[serde(default)]
    pub data_fingerprint: String,
    /// Git commit of the program of the last attempt.
    #[serde(default)]
    pub commit: Option<String>,
    /// Id of the run that this one was derived from.
    #[serde(default)]
    pub parent: Option<String>,
    /// Labels to filter by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The run's directory when it was written, absolute.
    pub path: String,
    /// What came of it, as the keys `status`, `why` and `signal`.
    #[serde(flatten)]
    pub status: Status,
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
    /// The whole log; absent in older runs, and where it could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogDigest>,
    /// Lengths and digests of the other files, by their paths within the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileDigest>,
}

impl Summary {
    /// Returns the text of the file, with its digest in it.
    pub(super) fn seal(&mut self) -> Result<String, RunError> {
        self.digest = Some(seal::blank());
        let sealed = seal::seal(self).map_err(|e| RunError::damaged(layout::SUMMARY, e));
        let (text, digest) = sealed?;
        self.digest = Some(digest);
        Ok(text)
    }
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
