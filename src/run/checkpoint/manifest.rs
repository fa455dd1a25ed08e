//! `manifest.json`: what a checkpoint is and what its files must contain. It carries its own
//! digest, so that a damaged manifest is told from a good one.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{CheckpointInfo, digest::FileDigest};
use crate::{
    event::{Metrics, Reason},
    number,
    run::{
        Binary, LogDigest, RunError, RunInfo,
        disk::{self, Entry},
        layout, seal,
    },
};

/// The manifest's file.
pub const MANIFEST: &str = "manifest.json";
/// Parameters, buffers and averages.
pub const MODEL: &str = "model.safetensors";
/// Optimizer state.
pub const OPTIMIZER: &str = "optimizer.safetensors";
/// Counters.
pub const STATE: &str = "state.json";

/// Longest manifest that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// BLAKE3 of the manifest file with 64 zeros in the place of this value.
    pub digest: String,
    /// Format version of the run directory.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The attempt that wrote it.
    pub attempt: u32,
    /// Updates done.
    pub step: u64,
    /// Epochs done, as a fraction.
    #[serde(with = "number")]
    pub epoch: f64,
    /// When it was written.
    pub created: String,
    /// Why it was taken.
    pub reasons: Vec<Reason>,
    /// The metrics known at that point.
    #[serde(with = "number::map")]
    pub metrics: Metrics,
    /// BLAKE3 over the training state.
    pub state_hash: String,
    /// Hash of the plan.
    pub plan_hash: String,
    /// Hash of the data.
    pub data_fingerprint: String,
    /// The program.
    pub binary: Binary,
    /// The class of instruction sets.
    pub isa: String,
    /// The log when it was taken; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogDigest>,
    /// Lengths and digests of the other files.
    pub files: BTreeMap<String, FileDigest>,
}

impl Manifest {
    /// The file's text; the digest in it is that of the text.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let blank = Self {
            digest: seal::blank(),
            ..self.clone()
        };
        seal::seal(&blank).map(|(text, _)| text)
    }

    /// Reads the manifest of the checkpoint at `dir` and checks its digest, its format, that it
    /// belongs to `run` and to this directory, and that it names the three files and no other.
    pub fn read(dir: &Entry, run: &str) -> Result<Self, RunError> {
        let path = dir.join(MANIFEST);
        if !disk::is_dir(dir) {
            return Err(RunError::damaged(dir, "not a directory"));
        }
        let bytes = disk::read(&path, LONGEST)?;
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|e| RunError::damaged(&path, e))?;
        manifest
            .check(&bytes, dir, run)
            .map_err(|why| RunError::damaged(&path, why))?;
        if manifest.format > RunInfo::FORMAT {
            return Err(RunError::Format {
                path: (&path).into(),
                found: manifest.format,
                known: RunInfo::FORMAT,
            });
        }
        Ok(manifest)
    }

    fn check(&self, bytes: &[u8], dir: &Entry, run: &str) -> Result<(), String> {
        if !seal::holds(bytes, &self.digest) {
            return Err("its content does not have the digest in it".into());
        }
        if self.run != run {
            return Err(format!("it belongs to run `{}`", self.run));
        }
        if layout::checkpoint_step(&dir.name()) != Some(self.step) {
            return Err(format!("it is of step {}", self.step));
        }
        let names: Vec<&str> = self.files.keys().map(String::as_str).collect();
        if names != [MODEL, OPTIMIZER, STATE] {
            return Err(format!("it names the files {names:?}"));
        }
        Ok(())
    }

    /// The entry of one of the three files.
    pub fn file(&self, name: &str) -> Result<&FileDigest, RunError> {
        self.files
            .get(name)
            .ok_or_else(|| RunError::damaged(MANIFEST, format_args!("it lacks `{name}`")))
    }

    /// Returns the reason that counts where there are several: the best value, else the first.
    pub fn main_reason(&self) -> Reason {
        let best = self
            .reasons
            .iter()
            .find(|mark| matches!(mark, Reason::Best { .. }));
        best.or(self.reasons.first())
            .cloned()
            .unwrap_or(Reason::Every)
    }

    /// What readers get to see of it.
    pub fn info(&self, dir: &Path) -> CheckpointInfo {
        CheckpointInfo {
            step: self.step,
            epoch: self.epoch,
            path: dir.into(),
            reasons: self.reasons.clone(),
            bytes: self
                .files
                .values()
                .fold(0, |sum: u64, file| sum.saturating_add(file.bytes)),
            created: self.created.clone(),
            state_hash: self.state_hash.clone(),
            metrics: self.metrics.clone(),
        }
    }
}
