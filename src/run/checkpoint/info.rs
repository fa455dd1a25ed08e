//! What is known about a checkpoint without reading its tensors.

use std::path::PathBuf;

use crate::event::{Metrics, Reason};

/// One checkpoint as its manifest describes it. Digests are not compared: see
/// [`verify`](crate::run::verify()).
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointInfo {
    /// Updates done.
    pub step: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Its directory.
    pub path: PathBuf,
    /// Why it was taken; several where several reasons met at one step.
    pub reasons: Vec<Reason>,
    /// Length of its tensors and counters, in bytes, as the manifest has it.
    pub bytes: u64,
    /// When it was written: RFC 3339, UTC.
    pub created: String,
    /// BLAKE3 over the training state.
    pub state_hash: String,
    /// The metrics known at that point.
    pub metrics: Metrics,
}

impl CheckpointInfo {
    /// The metric and value for which it was the best when it was taken.
    #[must_use]
    pub fn best(&self) -> Option<(&str, f64)> {
        self.reasons.iter().find_map(|reason| match reason {
            Reason::Best { metric, value } => Some((metric.as_str(), *value)),
            _ => None,
        })
    }
}
