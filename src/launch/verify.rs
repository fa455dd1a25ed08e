//! Verification of a run directory, its plan included.

use std::path::Path;

use super::LaunchError;
use crate::{
    config::Plan,
    run::{self, FileDigest, Reader, RunError, Verification},
};

/// What the stored plan of a run is.
enum Stored {
    /// The plan that `run.json` names.
    Same,
    /// It has secrets left out and no digest, so that nobody can tell.
    Masked,
    /// Another one.
    Changed,
}

/// Verifies the run at `path` as [`run::verify()`] does, and that `plan.toml` is the plan that
/// `run.json` names by its hash.
///
/// # Errors
/// As of [`run::verify()`].
pub fn verify(path: &Path) -> Result<Verification, RunError> {
    let mut found = run::verify(path)?;
    match stored(path) {
        Ok(Stored::Same) => {}
        Ok(Stored::Masked) => found
            .notes
            .push("plan.toml has masked values: its hash cannot be compared".into()),
        Ok(Stored::Changed) => found
            .faults
            .push("plan.toml was changed: it does not have the hash in run.json".into()),
        Err(error) => found.faults.push(error.to_string()),
    }
    Ok(found)
}

/// Refuses a run whose stored plan is not the one that it was begun with: what it says was not run.
pub(super) fn refuse_edited(path: &Path) -> Result<(), LaunchError> {
    match stored(path)? {
        Stored::Same | Stored::Masked => Ok(()),
        Stored::Changed => Err(LaunchError::EditedPlan {
            run: Reader::info(path)?.run,
            plan: run::plan_path(path),
        }),
    }
}

/// Compares the stored plan of the run at `path` with what `run.json` says of it.
fn stored(path: &Path) -> Result<Stored, RunError> {
    let (info, text) = (Reader::info(path)?, Reader::plan_text(path)?);
    if Plan::hash_of_text(&text).as_ref() == Some(&info.plan_hash) {
        return Ok(Stored::Same);
    }
    // A secret was never written, so the text is not the whole plan.
    Ok(match info.files.get(run::PLAN) {
        _ if !run::has_masks(&text) => Stored::Changed,
        None => Stored::Masked,
        Some(digest) if *digest == FileDigest::of(text.as_bytes()) => Stored::Same,
        Some(_) => Stored::Changed,
    })
}
