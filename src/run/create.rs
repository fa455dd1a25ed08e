//! Making a run directory: everything that is known before training begins.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::{RunError, RunInfo, RunMeta, disk, layout, lock::RunLock, machine, mask, writer};

/// A run directory that was just made; its lock is held.
pub struct Made {
    /// Where it is, absolute.
    pub path: PathBuf,
    info: RunInfo,
    lock: RunLock,
}

/// Makes the directory of a new run below `root` and takes its lock. `run.json` is written last:
/// a directory without it is no run yet. Where it cannot be made, nothing stays.
pub fn create(root: &Path, meta: &RunMeta) -> Result<Made, RunError> {
    fs::create_dir_all(root).map_err(RunError::io("create", root))?;
    let root = std::path::absolute(root).map_err(RunError::io("find", root))?;
    let id = layout::run_id(&meta.name, &Zoned::now(), &disk::names(&root)?);
    let path = root.join(&id);
    disk::create_dir(&path)?;
    match fill(&path, id, meta) {
        Ok((info, lock)) => Ok(Made { path, info, lock }),
        Err(error) => {
            undo(&path);
            Err(error)
        }
    }
}

impl Made {
    /// Makes the directory's name durable, and gives its parts.
    pub fn sync(self) -> Result<(PathBuf, RunInfo, RunLock), RunError> {
        disk::sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
        Ok((self.path, self.info, self.lock))
    }
}

/// Removes the directory of a run that could not be begun. It was made a moment ago, by this
/// process; the error that kept it from beginning is the one to tell.
pub fn undo(path: &Path) {
    // A directory that was not empty in time is tried once more.
    if fs::remove_dir_all(path).is_err() {
        let _ = fs::remove_dir_all(path);
    }
}

fn fill(path: &Path, id: String, meta: &RunMeta) -> Result<(RunInfo, RunLock), RunError> {
    let lock = RunLock::take(path)?;
    let info = RunInfo {
        format: RunInfo::FORMAT,
        run: id,
        name: meta.name.clone(),
        created: machine::stamp(Timestamp::now()),
        config: meta.config_files.first().map(|(name, _)| name.clone()),
        seed: Some(meta.seed),
        plan_hash: meta.plan_hash.clone(),
        data_fingerprint: meta.data_fingerprint.clone(),
        data: meta.data.clone(),
        init: meta.init.clone(),
        parent: meta.parent.clone(),
        tags: meta.tags.clone(),
        notes: meta.notes.clone(),
        overrides: meta
            .overrides
            .iter()
            .map(|text| mask::assignment(text))
            .collect(),
        attempts: vec![writer::attempt(1, 0, &meta.attempt)],
    };
    config(path, meta, &info)?;
    disk::write_new(
        &path.join(layout::PLAN),
        mask::toml(&meta.plan_toml).as_bytes(),
    )?;
    disk::create_dir(&path.join(layout::CHECKPOINTS))?;
    disk::write_new(&path.join(layout::METRICS), b"")?;
    write_json(&path.join(layout::RUN), &info)?;
    Ok((info, lock))
}

/// The config as written: `config.toml`, and its bases and overrides in `config/`.
fn config(path: &Path, meta: &RunMeta, info: &RunInfo) -> Result<(), RunError> {
    let mut files = meta.config_files.iter();
    if let Some((_, text)) = files.next() {
        disk::write_new(&path.join(layout::CONFIG), mask::toml(text).as_bytes())?;
    }
    let parts = path.join(layout::CONFIG_PARTS);
    if meta.config_files.len() > 1 || !info.overrides.is_empty() {
        disk::create_dir(&parts)?;
    }
    for (number, (name, text)) in files.enumerate() {
        let name = Path::new(name)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let mut place = parts.join(layout::safe_name(&name));
        if place.exists() {
            place = parts.join(format!("{}-{}", number + 1, layout::safe_name(&name)));
        }
        disk::write_new(&place, mask::toml(text).as_bytes())?;
    }
    if !info.overrides.is_empty() {
        let lines: String = info
            .overrides
            .iter()
            .map(|text| format!("{text}\n"))
            .collect();
        disk::write_new(&parts.join(layout::OVERRIDES), lines.as_bytes())?;
    }
    Ok(())
}

/// Puts a JSON file in the place of the one at `path`, durably.
pub fn write_json(path: &Path, content: &impl Serialize) -> Result<(), RunError> {
    let mut text = serde_json::to_vec_pretty(content).map_err(|e| RunError::damaged(path, e))?;
    text.push(b'\n');
    disk::replace(path, &text)
}
