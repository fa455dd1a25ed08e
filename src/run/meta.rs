//! What the writer has to be told, as plain data.

use super::{DataInfo, InitInfo};
use crate::direction::Direction;

/// A new run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunMeta {
    /// Its name.
    pub name: String,
    /// The resolved plan as TOML; running it again is the same experiment.
    pub plan_toml: String,
    /// Its hash.
    pub plan_hash: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// Files the config consists of, as (file name, text): first the one that the user named, then
    /// its bases.
    pub config_files: Vec<(String, String)>,
    /// Overrides from the command line, in order, as `key=value`.
    pub overrides: Vec<String>,
    /// Id of the run that this one is derived from.
    pub parent: Option<String>,
    /// Labels to filter by.
    pub tags: Vec<String>,
    /// What the user wants to remember about it.
    pub notes: Option<String>,
    /// Hash of the data's content.
    pub data_fingerprint: String,
    /// Samples and classes of the data.
    pub data: Option<DataInfo>,
    /// The weights that it starts from.
    pub init: Option<InitInfo>,
    /// Which checkpoints stay.
    pub keep: Keep,
    /// The process.
    pub attempt: AttemptMeta,
}

/// One process that works on a run.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptMeta {
    /// Its command line.
    pub argv: Vec<String>,
    /// Threads that compute.
    pub threads: usize,
    /// `cpu`, `cuda:0`, `metal`.
    pub device: String,
    /// What the user allowed to differ from the first attempt, one sentence each.
    pub changes: Vec<String>,
}

/// Which checkpoints stay. The newest one and the best one always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// How many of the newest.
    pub newest: usize,
    /// How many of the best.
    pub best: usize,
    /// What is better.
    pub mode: Direction,
}
