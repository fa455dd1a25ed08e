//! Making a run directory: everything that is known before training begins.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::{
    RunError, RunInfo, RunMeta, disk, layout,
    lock::{self, RunLock},
    machine, mask, writer,
};

/// Makes the directory of a new run below `root` and takes its lock. It gets its name when it is
/// whole. Where it cannot be made, nothing stays.
pub fn create(root: &Path, meta: &RunMeta) -> Result<(PathBuf, RunInfo, RunLock), RunError> {
    disk::create_dirs(root)?;
    let root = std::path::absolute(root).map_err(RunError::io("find", root))?;
    sweep(&root)?;
    let id = layout::run_id(&meta.name, &Zoned::now(), &disk::names(&root)?);
    let path = root.join(&id);
    let unborn = disk::fresh_name(&path);
    disk::create_dir(&unborn)?;
    let made = fill(&unborn, id, meta).and_then(|made| {
        disk::rename(&unborn, &path)?;
        Ok(made)
    });
    match made {
        Ok((info, lock)) => Ok((path, info, lock)),
        Err(error) => {
            undo(&unborn);
            undo(&path);
            Err(error)
        }
    }
}

/// Removes the directory of a run that could not be begun. It was made a moment ago, by this
/// process; the error that kept it from beginning is the one to tell.
pub fn undo(path: &Path) {
    // What a first error kept from being deleted is tried once more.
    if disk::remove_dir(path).is_err() {
        let _ = disk::remove_dir(path);
    }
}

/// A directory without a lock may be one that another process has just made, up to this age.
const YOUNG: Duration = Duration::from_secs(60);

/// Removes what killed processes left of runs that they were making: directories with a lock that
/// nobody holds, and empty ones. What cannot be removed is in nobody's way.
fn sweep(root: &Path) -> Result<(), RunError> {
    let names = disk::names(root)?.into_iter();
    let unborn = names.filter(|name| name.starts_with(disk::TEMPORARY));
    for path in unborn.map(|name| root.join(name)) {
        let made = path.symlink_metadata().and_then(|found| found.modified());
        let is_old = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > YOUNG));
        if !disk::is_dir(&path) || !is_old || lock::is_held(&path) {
            continue;
        }
        let _ = match path.join(layout::LOCK).is_file() {
            true => disk::remove_dir(&path),
            false => disk::remove_empty(&path),
        };
    }
    Ok(())
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
