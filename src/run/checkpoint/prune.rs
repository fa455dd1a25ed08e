//! Which checkpoints go, and how: by a rename that takes them out of sight at once, then deletion.

use std::{cmp::Ordering, collections::BTreeSet, fs, path::Path};

use super::CheckpointInfo;
use crate::run::{Keep, RunError, disk, layout};

/// Steps of those among `saved` that need not stay. The newest and the best always stay; among
/// equally good ones the earlier is better, and NaN is never good.
pub fn doomed(saved: &[CheckpointInfo], keep: Keep) -> Vec<u64> {
    let mut steps: Vec<u64> = saved.iter().map(|info| info.step).collect();
    steps.sort_unstable();
    let newest = steps.iter().rev().take(keep.newest.max(1)).copied();
    let mut best: Vec<(f64, u64)> = saved
        .iter()
        .filter_map(|info| Some((info.best()?.1, info.step)))
        .filter(|(value, _)| !value.is_nan())
        .collect();
    best.sort_by(|(a, a_step), (b, b_step)| {
        match (keep.mode.better(*a, *b), keep.mode.better(*b, *a)) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            _ => a_step.cmp(b_step),
        }
    });
    let best = best
        .into_iter()
        .take(keep.best.max(1))
        .map(|(_, step)| step);
    let stay: BTreeSet<u64> = newest.chain(best).collect();
    steps.retain(|step| !stay.contains(step));
    steps
}

/// Deletes the checkpoint at `step`, if it is there.
pub fn remove(checkpoints: &Path, step: u64) -> Result<(), RunError> {
    let name = layout::checkpoint_name(step);
    let place = checkpoints.join(&name);
    if !disk::is_dir(&place) {
        return Ok(());
    }
    let trash = checkpoints.join(format!("{}{name}", layout::TRASH));
    if disk::is_dir(&trash) {
        fs::remove_dir_all(&trash).map_err(RunError::io("remove", &trash))?;
    }
    disk::rename(&place, &trash)?;
    fs::remove_dir_all(&trash).map_err(RunError::io("remove", &trash))
}

/// Deletes what a killed process left unfinished in the directory of the checkpoints.
pub fn clean(checkpoints: &Path) -> Result<(), RunError> {
    for name in disk::names(checkpoints)? {
        let path = checkpoints.join(&name);
        let unfinished = name.starts_with(disk::TEMPORARY) || name.starts_with(layout::TRASH);
        if unfinished && disk::is_dir(&path) {
            fs::remove_dir_all(&path).map_err(RunError::io("remove", &path))?;
        }
    }
    Ok(())
}
