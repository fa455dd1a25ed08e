//! How fast a plan trains here: its session without a run directory.

use super::{LaunchError, Run};
use crate::{
    config::Plan,
    memory,
    train::{Bench, BenchKeys, StopFlag},
};

/// What was measured, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The updates.
    pub bench: Bench,
    /// The device's name.
    pub device: String,
    /// Bytes in memory before the data and the model were there; `None` where the system does not say.
    pub base: Option<u64>,
    /// Bytes in memory at most.
    pub peak: Option<u64>,
    /// Remarks for the user about this process.
    pub notes: Vec<String>,
}

/// Builds the plan's session and measures its updates. Nothing is written.
///
/// # Errors
/// Whatever keeps the plan from running here.
pub fn bench(plan: &Plan, keys: &BenchKeys, stop: &StopFlag) -> Result<Measured, LaunchError> {
    let base = memory::resident();
    let mut run = Run::new(plan)?;
    let bench = run.session.bench(keys, stop)?;
    Ok(Measured {
        bench,
        notes: run.take_notes(),
        device: run.opened.name,
        base,
        peak: memory::peak(),
    })
}
