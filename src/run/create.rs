//! Making a run directory: everything that is known before training begins.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::{RunError, RunInfo, RunMeta, disk, layout, lock::RunLock, machine, mask, writer};

/// Makes the directory of a new run below `root` and takes its lock. `run.json` is written last:
/// a directory without it is no run yet.
pub fn create(root: &Path, meta: &RunMeta) -> Result<(PathBuf, RunInfo, RunLock), RunError> {
    disk::create_dirs(root)?;
    let root = std::path::absolute(root).map_err(RunError::io("find", root))?;
    let id = layout::run_id(&meta.name, &Zoned::now(), &disk::names(&root)?);
    let path = root.join(&id);
    disk::create_dir(&path)?;
    let filled = fill(&path, id, meta);
    if filled.is_err() {
        // The first error is the one to tell; this directory was made a moment ago, by this call.
        let _ = disk::remove_dir(&path);
    }
    let (info, lock) = filled?;
    disk::sync_dir(&root)?;
    Ok((path, info, lock))
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
