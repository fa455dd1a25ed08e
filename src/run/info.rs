//! `run.json`: what a run is, and every attempt at it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DataInfo, FileDigest, RunError,
    disk::{self, Entry},
    layout, seal,
};

/// The content of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// BLAKE3 of the file with 64 zeros in the place of this value; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Format version of the directory; this program writes [`RunInfo::FORMAT`].
    pub format: u32,
    /// The run's id, which is also its directory's first name.
    pub run: String,
    /// The run's name, as the user gave it.
    pub name: String,
    /// When the directory was made: RFC 3339, UTC, microseconds.
    pub created: String,
    /// The config file, as the user named it; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Seed of every random stream; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Hash of the resolved plan.
    pub plan_hash: String,
    /// Hash of the data's content.
    pub data_fingerprint: String,
    /// Samples and classes of the data; absent in runs of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataInfo>,
    /// The weights that it started from, where it did not start from its seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitInfo>,
    /// Id of the run that this one was derived from (a reproduction, a sweep).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Labels to filter by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What the user wants to remember about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// `--set` and other overrides, in order; values of secret keys masked.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Processes that worked on it, the first one first; a resumed run has several.
    pub attempts: Vec<Attempt>,
    /// Lengths and digests of config and plan, by their paths within the run; absent in older runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileDigest>,
}

impl RunInfo {
    /// Returns the text of the file, with its digest in it.
    pub(super) fn seal(&mut self) -> Result<String, RunError> {
        self.digest = Some(seal::blank());
        let sealed = seal::seal(self).map_err(|e| RunError::damaged(layout::RUN, e));
        let (text, digest) = sealed?;
        self.digest = Some(digest);
        Ok(text)
    }

    /// Puts the file in the place of the one of the run at `run`, durably, with its own digest.
    pub(super) fn write(&mut self, run: &Entry) -> Result<(), RunError> {
        let text = self.seal()?;
        disk::replace(&run.join(layout::RUN), text.as_bytes())
    }

    /// Number of the first epoch in the files of a run of this format.
    #[must_use]
    pub fn first_epoch(format: u32) -> u64 {
        u64::from(format > 1)
    }

    /// Format version that this program gives a new run, and the newest that it reads. A run keeps
    /// the one that it was begun with.
    pub const FORMAT: u32 = 2;
}

/// Weights that a run started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitInfo {
    /// As the plan names them: a path, or an address on the hub.
    pub from: String,
    /// The commit on the hub that the address stood for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The run whose checkpoint it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The updates that this checkpoint had done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// BLAKE3 of the file.
    pub blake3: String,
}

/// One process that worked on a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts from 1; rows name it.
    pub attempt: u32,
    /// When it began: RFC 3339, UTC.
    pub start: String,
    /// When it ended; of a crashed one, its last sign of life; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How it ended: `completed`, `early_stopped`, `stopped`, `failed`, `diverged` or `crashed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Updates already done when it began.
    pub from_step: u64,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Its command line; values of secret keys masked.
    pub argv: Vec<String>,
    /// The program.
    pub binary: Binary,
    /// The class of instruction sets that decides which bits come out, such as `x86-64-avx2-fma`.
    pub isa: String,
    /// Threads that computed.
    pub threads: usize,
    /// `cpu`, `cuda:0`, `metal`.
    pub device: String,
    /// What the user allowed to differ from the first attempt, one sentence each.
    #[serde(default)]
    pub changes: Vec<String>,
}

/// Which program it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binary {
    /// Name of its binary, or of its file where it does not say; empty in older runs, which
    /// trainer itself made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Version of its package; `unknown` where it does not say.
    pub version: String,
    /// Git commit it was built from; absent where it was built without git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether its sources differed from that commit.
    #[serde(default)]
    pub dirty: bool,
    /// Short hash of how they differed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// Target triple.
    pub target: String,
    /// `debug` or `release`.
    pub profile: String,
    /// BLAKE3 of the executable; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
    /// Version and commit of trainer, where the program is another one that is built on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trainer: Option<String>,
}
