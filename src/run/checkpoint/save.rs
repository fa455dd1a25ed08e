//! Writing a checkpoint so that it is durable or does not exist.
//!
//! 1 files into an exclusive temporary directory, hashed as they are written · 2 each synced · 3 the
//! manifest, synced · 4 the directory synced · 5 the log synced, then the rename, and the parent
//! synced. The commit line (6), the announcement (7) and pruning (8) are the caller's. Whatever
//! fails, the attempt is discarded and nothing is tried again on the same file.

use std::collections::BTreeMap;

use super::manifest::{MANIFEST, MODEL, Manifest, OPTIMIZER, STATE};
use super::{digest::FileDigest, prune, tensors};
use crate::{
    event::{Checkpoint, Reason},
    run::{
        Binary, LogDigest, RunError,
        disk::{self, Entry},
        layout, machine,
    },
};

/// Where a checkpoint comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Format of the run.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The attempt.
    pub attempt: u32,
    /// Hash of the plan.
    pub plan_hash: String,
    /// Hash of the data.
    pub data_fingerprint: String,
    /// The program.
    pub binary: Binary,
    /// The class of instruction sets.
    pub isa: String,
}

/// Writes `checkpoint` into the directory `into`. `log` is the digest of the rows up to it, and
/// `sync_log` makes them durable; it is called before the checkpoint comes into existence, so that
/// one that exists always has its rows.
///
/// Where the step has a checkpoint already, of an earlier state, the new one stands beside it under
/// another name until [`settle`] puts it in its place: at every moment one of them is there.
pub fn save(
    into: &Entry,
    checkpoint: &Checkpoint,
    origin: &Origin,
    log: LogDigest,
    sync_log: impl FnOnce() -> Result<(), RunError>,
) -> Result<Manifest, RunError> {
    let name = layout::checkpoint_name(checkpoint.step);
    let mut place = into.join(&name);
    let temporary = into.join(format!("{}{name}-{}", disk::TEMPORARY, origin.attempt));
    if disk::exists(&place) {
        place = into.join(format!("{name}{}", layout::NEXT));
    }
    let saved = write(&temporary, checkpoint, origin, log).and_then(|manifest| {
        sync_log()?;
        // The lock makes this process the only one that could put something there in between; and
        // a directory that is not empty is not replaced by rename(2) anyway.
        if disk::exists(&place) {
            return Err(RunError::damaged(&place, "it is already there"));
        }
        disk::rename(&temporary, &place)?;
        Ok(manifest)
    });
    if saved.is_err() {
        // The first error is the one to tell.
        let _ = disk::remove_dir(&temporary);
    }
    saved
}

/// Puts a checkpoint that was saved beside an earlier one of the same step in its place.
pub fn settle(checkpoints: &Entry, step: u64) -> Result<(), RunError> {
    let name = layout::checkpoint_name(step);
    let (place, next) = (
        checkpoints.join(&name),
        checkpoints.join(name + layout::NEXT),
    );
    if disk::is_dir(&next) {
        prune::discard(&place)?;
        disk::rename(&next, &place)?;
    }
    Ok(())
}

/// Steps 1 to 4.
fn write(
    dir: &Entry,
    checkpoint: &Checkpoint,
    origin: &Origin,
    log: LogDigest,
) -> Result<Manifest, RunError> {
    disk::create_dir(dir)?;
    let state = dir.join(STATE);
    let text = serde_json::to_vec(&checkpoint.state).map_err(|e| RunError::damaged(&state, e))?;
    disk::write_new(&state, &text)?;
    let state = FileDigest::of(&text);
    let files = BTreeMap::from([
        (
            MODEL.into(),
            tensors::write(&dir.join(MODEL), &checkpoint.model)?,
        ),
        (
            OPTIMIZER.into(),
            tensors::write(&dir.join(OPTIMIZER), &checkpoint.optimizer)?,
        ),
        (STATE.into(), state),
    ]);
    let manifest = Manifest {
        digest: String::new(),
        format: origin.format,
        run: origin.run.clone(),
        attempt: origin.attempt,
        step: checkpoint.step,
        epoch: checkpoint.epoch,
        created: machine::stamp(jiff::Timestamp::now()),
        reasons: vec![checkpoint.reason.clone()],
        metrics: checkpoint.metrics.clone(),
        state_hash: checkpoint.state_hash.clone(),
        plan_hash: origin.plan_hash.clone(),
        data_fingerprint: origin.data_fingerprint.clone(),
        binary: origin.binary.clone(),
        isa: origin.isa.clone(),
        log: Some(log),
        files,
    };
    let path = dir.join(MANIFEST);
    let text = manifest.text().map_err(|e| RunError::damaged(&path, e))?;
    disk::write_new(&path, text.as_bytes())?;
    disk::sync_dir(dir)?;
    Ok(manifest)
}

/// Adds a reason to the checkpoint at `dir`, which was taken at the same step: its manifest is
/// replaced, its other files stay.
pub fn mark(dir: &Entry, run: &str, reason: &Reason) -> Result<Manifest, RunError> {
    let mut manifest = Manifest::read(dir, run)?;
    if !manifest.reasons.contains(reason) {
        manifest.reasons.push(reason.clone());
        let path = dir.join(MANIFEST);
        let text = manifest.text().map_err(|e| RunError::damaged(&path, e))?;
        disk::replace(&path, text.as_bytes())?;
    }
    Ok(manifest)
}
