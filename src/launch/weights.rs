//! `[model] init`: weights to start from.

use std::path::Path;

use super::LaunchError;
use crate::{run, train::Session};

/// Lays the arrays of a safetensors file over the session's parameters and buffers.
///
/// # Errors
/// Where the file cannot be read, or names and shapes are not exactly the model's.
pub fn load(session: &mut Session, path: &Path) -> Result<(), LaunchError> {
    let arrays = run::load_weights(path)?;
    Ok(session.load_weights(&arrays)?)
}
