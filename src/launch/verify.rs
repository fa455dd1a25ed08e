//! Verification of a run directory, its plan included.

use std::path::Path;

use crate::{
    config::Plan,
    run::{self, Reader, RunError, Verification},
};

/// Verifies the run at `path` as [`run::verify()`] does, and that `plan.toml` is the plan that
/// `run.json` names by its hash.
///
/// # Errors
/// As of [`run::verify()`].
pub fn verify(path: &Path) -> Result<Verification, RunError> {
    let mut found = run::verify(path)?;
    let hash = Reader::info(path)?.plan_hash;
    match Reader::plan_text(path) {
        Ok(text) if Plan::hash_of_text(&text).as_ref() == Some(&hash) => {}
        // A secret was never written, so the text is not the whole plan.
        Ok(text) if run::has_masks(&text) => found
            .notes
            .push("plan.toml has masked values: its hash cannot be compared".into()),
        Ok(_) => found
            .faults
            .push("plan.toml was changed: it does not have the hash in run.json".into()),
        Err(error) => found.faults.push(error.to_string()),
    }
    Ok(found)
}
