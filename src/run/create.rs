//! Making a run directory: everything that is known before training begins.

use std::{collections::BTreeMap, path::Path, time::Duration};

use super::{
    RunError, RunInfo, RunMeta, contents,
    disk::{self, Entry},
    layout,
    lock::{self, RunLock},
    machine, mask, writer,
};
use jiff::{Timestamp, Zoned};

/// Makes the directory of a new run below `root` and takes its lock. It gets its name when it is
/// whole. Where it cannot be made, nothing stays.
pub fn create(root: &Path, meta: &RunMeta) -> Result<(Entry, RunInfo, RunLock), RunError> {
    disk::create_dirs(root)?;
    let root = std::path::absolute(root).map_err(RunError::io("find", root))?;
    sweep(&root)?;
    let taken = disk::folder(&root)?;
    let taken: Vec<String> = taken
        .iter()
        .filter_map(|id| Some(id.to_str()?.into()))
        .collect();
    let id = layout::run_id(&meta.name, &Zoned::now(), &taken);
    let path = root.join(&id);
    let unborn = root.join(format!("{}{id}", disk::TEMPORARY));
    let made = disk::create_run(&unborn)
        .and_then(|run| fill(&run, id, meta))
        .and_then(|(info, lock)| {
            disk::rename_run(&unborn, &path)?;
            Ok((Entry::open(&path)?, info, lock))
        });
    if made.is_err() {
        undo(&unborn);
        undo(&path);
    }
    made
}

/// Removes the directory of a run that could not be begun. It was made a moment ago, by this
/// process; the error that kept it from beginning is the one to tell.
pub fn undo(path: &Path) {
    // What a first error kept from being deleted is tried once more.
    if disk::remove_run(path).is_err() {
        let _ = disk::remove_run(path);
    }
}

/// A directory without a lock may be one that another process has just made, up to this age.
const YOUNG: Duration = Duration::from_secs(60);

/// Removes what killed processes left of runs that they were making: directories with a lock that
/// nobody holds, and empty ones. What cannot be removed is in nobody's way.
fn sweep(root: &Path) -> Result<(), RunError> {
    let names = disk::folder(root)?.into_iter();
    let unborn = names.filter(|name| name.to_string_lossy().starts_with(disk::TEMPORARY));
    for path in unborn.map(|name| root.join(name)) {
        let made = path.symlink_metadata().and_then(|found| found.modified());
        let is_old = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > YOUNG));
        if !is_old || path.is_symlink() {
            continue;
        }
        let Ok(run) = Entry::open(&path) else {
            continue;
        };
        let _ = match disk::exists(&run.join(layout::LOCK)) {
            true if lock::is_held(&run) => Ok(()),
            true => disk::remove_run(&path),
            false => disk::remove_empty_run(&path),
        };
    }
    Ok(())
}

fn fill(path: &Entry, id: String, meta: &RunMeta) -> Result<(RunInfo, RunLock), RunError> {
    let lock = RunLock::take(path)?;
    let mut info = RunInfo {
        digest: None,
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
        files: BTreeMap::new(),
    };
    config(path, meta, &info)?;
    disk::write_new(
        &path.join(layout::PLAN),
        mask::toml(&meta.plan_toml).as_bytes(),
    )?;
    disk::create_dir(&path.join(layout::CHECKPOINTS))?;
    disk::write_new(&path.join(layout::METRICS), b"")?;
    info.files = contents::fixed(path)?;
    info.write(path)?;
    Ok((info, lock))
}

/// The config as written: `config.toml`, and its bases and overrides in `config/`.
fn config(path: &Entry, meta: &RunMeta, info: &RunInfo) -> Result<(), RunError> {
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
        if disk::exists(&place) {
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
