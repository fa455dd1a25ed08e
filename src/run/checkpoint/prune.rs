//! Which checkpoints go, and how: by a rename that takes them out of sight at once, then deletion.

use std::{cmp::Ordering, collections::BTreeSet};

use super::CheckpointInfo;
use crate::run::{
    Keep, RunError,
    disk::{self, Entry},
    layout,
};

/// Steps of those among `saved` that need not stay; the last one is the one just written. The newest
/// and the best always stay; among equally good ones the earlier is better, and NaN and infinities are never good.
/// Those of later steps than the last one's go: the run went back behind them.
pub fn doomed(saved: &[CheckpointInfo], keep: Keep) -> Vec<u64> {
    let now = saved.last().map_or(0, |info| info.step);
    let (past, stale): (Vec<_>, Vec<_>) = saved.iter().partition(|info| info.step <= now);
    let mut steps: Vec<u64> = past.iter().map(|info| info.step).collect();
    steps.sort_unstable();
    let newest = steps.iter().rev().take(keep.newest.max(1)).copied();
    let mut best: Vec<(f64, u64)> = past
        .iter()
        .filter_map(|info| Some((info.best()?.1, info.step)))
        .filter(|(value, _)| value.is_finite())
        .collect();
    best.sort_by(|(a, a_step), (b, b_step)| {
        let better = |a: &f64, b: &f64| keep.mode.improves(*a, Some(*b), 0.0);
        match (better(a, b), better(b, a)) {
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
    steps.extend(stale.iter().map(|info| info.step));
    steps
}

/// Takes the checkpoint at `place` out of sight, if it is there; [`sweep`] deletes it.
pub fn discard(place: &Entry) -> Result<(), RunError> {
    if !disk::is_dir(place) {
        return Ok(());
    }
    let name = place.name();
    let trash = |number: u32| match number {
        0 => format!("{}{name}", layout::TRASH),
        _ => format!("{}{name}-{number}", layout::TRASH),
    };
    // An earlier one of this step may lie there that could not be deleted.
    let mut places = (0..=u32::MAX).map(|number| place.beside(trash(number)));
    let Some(free) = places.find(|trash| !disk::exists(trash)) else {
        return Ok(());
    };
    match disk::rename(place, &free) {
        // It is out of sight; that this is not durable yet does no harm.
        Err(_) if !disk::is_dir(place) => Ok(()),
        renamed => renamed,
    }
}

/// Deletes what is discarded or unfinished in the directory of the checkpoints. What cannot be
/// deleted stays, and the first error is told.
pub fn sweep(checkpoints: &Entry) -> Result<(), RunError> {
    let mut swept = Ok(());
    for name in disk::names(checkpoints)? {
        let path = checkpoints.join(&name);
        let goes = name.starts_with(disk::TEMPORARY) || name.starts_with(layout::TRASH);
        if goes && disk::is_dir(&path) {
            let removed = disk::remove_dir(&path);
            swept = swept.and(removed);
        }
    }
    swept
}
