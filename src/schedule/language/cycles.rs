//! Cycles of changing length: where each begins, by a loop over the lengths.

use super::without_dust;
use crate::error::KeyFault;
use crate::units::number_of;

/// One cycle, in steps from the phase's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cycle {
    pub start: f64,
    pub length: f64,
}

/// Cycles shorter than this share of a step are not laid out: with `stretch` below 1 the running
/// sum of the lengths has a limit, which no number of cycles passes.
const SHORTEST: f64 = 1.0 / 1024.0;

/// Cycles that one phase can have, where each has a place of its own.
const MOST: usize = 10_000;

/// The cycles that begin within `steps`, and where the last of them ends: the first is `length` steps long, each other
/// one `stretch` times as long as the one before. Of more than [`MOST`], which [`too_many`] refuses, the
/// others are left out.
pub(crate) fn lay_out(
    length: f64,
    stretch: f64,
    count: Option<u64>,
    steps: f64,
) -> (Vec<Cycle>, f64) {
    let count = count.unwrap_or(u64::MAX).min(MOST as u64 + 1);
    let (mut cycles, mut start, mut length) = (Vec::new(), 0.0, length);
    while start <= steps && (cycles.len() as u64) < count && length >= SHORTEST {
        cycles.push(Cycle {
            start: without_dust(start),
            length: without_dust(length),
        });
        start += length;
        length *= stretch;
    }
    (cycles, without_dust(start))
}

/// The fault of more cycles than a phase can have.
pub(crate) fn too_many(cycles: &[Cycle]) -> Option<KeyFault> {
    let message = || format!("the phase has more than {MOST} cycles");
    (cycles.len() > MOST)
        .then(|| KeyFault::error("cycle", message()).hint("give it a longer `cycle`"))
}

/// The cycle at `u` and how much of it is done; beyond the last one, its end.
pub(crate) fn locate(cycles: &[Cycle], end: f64, u: f64) -> (f64, f64) {
    if u >= end {
        return (cycles.len() as f64 - 1.0, 1.0);
    }
    let index = cycles.partition_point(|cycle| cycle.start <= u).max(1) - 1;
    let Cycle { start, length } = cycles[index];
    (index as f64, ((u - start) / length).min(1.0))
}

/// What a phase of `steps` does to its last cycle.
pub(crate) fn warning(
    cycles: &[Cycle],
    end: f64,
    count: Option<u64>,
    steps: f64,
) -> Option<KeyFault> {
    if end < steps {
        return Some(ends_early(end, count, steps));
    }
    let (index, share) = locate(cycles, end, steps);
    inside(index, share)
}

/// The warning of cycles that end before their phase.
pub(crate) fn ends_early(end: f64, count: Option<u64>, steps: f64) -> KeyFault {
    let end = number_of(end, "step");
    let what = match count {
        Some(1) => format!("the cycle ends after `{end}`"),
        Some(count) => format!("{count} cycles end after `{end}`"),
        None => format!("the cycles shrink to nothing after `{end}`"),
    };
    KeyFault::warning("cycle", format!("{what} of the phase's `{steps}`"))
        .hint("their end holds for the rest")
}

/// The warning of a phase that ends inside a cycle, with `share` of it done.
pub(crate) fn inside(index: f64, share: f64) -> Option<KeyFault> {
    let message = || {
        format!(
            "the phase ends inside cycle {}, {:.0} % through: the decay does not reach its `to`",
            index + 1.0,
            100.0 * share
        )
    };
    (share > 0.0 && share < 1.0).then(|| KeyFault::warning("cycle", message()))
}
