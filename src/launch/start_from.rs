//! `[model] init` that names a run or a folder: the checkpoint that it stands for. It is looked up
//! before the config is checked, so that the plan names a file that stays the same.

use std::path::{Path, PathBuf};

use crate::{
    config::{Spec, expand},
    error::Fault,
    run::{MODEL, Pick, RunError, Store, find_weights, is_run},
};

/// Puts the file of a checkpoint in the place of the run or folder that `[model] init` names; runs
/// lie below `runs`. What names a file, or nothing, stays for the check of the config.
pub fn start_from(spec: &mut Spec, runs: &Path) {
    let Some((text, folders)) = spec.init() else {
        return;
    };
    let folder = folders
        .iter()
        .find(|folder| folder.join(expand(text)).exists());
    let folder = folder.or(folders.first()).cloned().unwrap_or_default();
    if let Some(found) = look_up(text, &folder, runs) {
        let found = found.and_then(|path| {
            std::path::absolute(&path).map_err(|e| (e.to_string(), String::new()))
        });
        spec.start_from(found);
    }
}

/// The file, or message and hint; `None` where the text is the path of a file.
fn look_up(text: &str, folder: &Path, runs: &Path) -> Option<Result<PathBuf, (String, String)>> {
    let path = folder.join(expand(text));
    if path.is_file() {
        return None;
    }
    if path.is_dir() {
        return in_folder(text, &path, Pick::Newest);
    }
    let (name, pick) = match text.rsplit_once('@').filter(|(name, _)| !name.is_empty()) {
        Some((name, "best")) => (name, Pick::Best),
        Some((name, "last")) => (name, Pick::Newest),
        Some((name, step)) => match step.parse() {
            Ok(step) => (name, Pick::Step(step)),
            Err(_) if Store::new(runs).find(name).is_ok() => {
                let message = format!("cannot start from `{text}`: `{step}` names no checkpoint");
                return Some(Err((message, checkpoints_of(name))));
            }
            Err(_) => (text, Pick::Newest),
        },
        None => (text, Pick::Newest),
    };
    let path = folder.join(expand(name));
    if path.is_dir() {
        return in_folder(text, &path, pick);
    }
    let is_path = name.contains(['/', '\\']) || name.ends_with(".safetensors");
    if is_path {
        return None;
    }
    let found = Store::new(runs)
        .find(name)
        .and_then(|run| find_weights(&run, pick));
    Some(found.map_err(|error| not_found(text, name, &error)))
}

/// The weights in a folder: those of a checkpoint, or those of a run.
fn in_folder(text: &str, path: &Path, pick: Pick) -> Option<Result<PathBuf, (String, String)>> {
    let weights = path.join(MODEL);
    if weights.is_file() && pick == Pick::Newest {
        return Some(Ok(weights));
    }
    is_run(path).then(|| find_weights(path, pick).map_err(|error| not_found(text, text, &error)))
}

/// Message and hint where a run or its checkpoint cannot be had.
fn not_found(text: &str, name: &str, error: &RunError) -> (String, String) {
    let Fault { message: why, hint } = Fault::of(error);
    let (message, help) = match error {
        RunError::Unknown { .. } => {
            let message =
                format!("cannot start from `{text}`: it is no file here, and there is {why}");
            (message, "name a safetensors file or a run".to_string())
        }
        RunError::NoCheckpoint { .. } => {
            let message = format!("cannot start from `{text}`: {why}");
            (message, checkpoints_of(name))
        }
        _ => (format!("cannot start from `{text}`: {why}"), String::new()),
    };
    let hint = hint
        .into_iter()
        .chain([help])
        .filter(|hint| !hint.is_empty());
    (message, hint.collect::<Vec<_>>().join("; "))
}

/// The hint that says how a checkpoint of a run is named.
fn checkpoints_of(name: &str) -> String {
    format!(
        "`{name}@last`, `{name}@best` and `{name}@STEP` name a checkpoint; `trainer show {name}` lists them"
    )
}
