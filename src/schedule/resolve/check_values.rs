//! Faults and warnings that show in the numbers themselves, once every value is known.

use std::collections::BTreeSet;

use super::{
    phase::Phase,
    slot::add_new,
    value::{Track, Value},
};
use crate::{
    error::KeyFault,
    schedule::{Entry, EntryFault, Target, language::within},
    units::Clock,
};

/// Faults that show in the numbers themselves. What several groups share is said once.
pub(crate) fn values(
    entries: &[Entry],
    target: Target,
    value: &Value,
    clock: &Clock,
    faults: &mut Vec<EntryFault>,
) {
    let mut found = Vec::new();
    for track in &value.tracks {
        for phase in &track.phases {
            let Some(entry) = phase.place.find(entries) else {
                continue;
            };
            found.extend(contradiction(entry, phase));
            found.extend(ends(entry, phase));
        }
        for pair in track.phases.windows(2) {
            let entry = pair[1].place.find(entries);
            found.extend(entry.and_then(|entry| jump(entry, &pair[0], &pair[1])));
        }
    }
    found.extend(two_units(value));
    found.extend(wasted(target, value));
    found.extend(idle(target, value));
    if found.iter().all(|fault| !fault.is_error()) {
        found.extend(impossible(target, value, clock));
    }
    add_new(faults, found);
}

/// An explicit end above the ceiling, or a floor above it.
fn contradiction(entry: &Entry, phase: &Phase) -> Option<EntryFault> {
    let (from, to, limits) = phase.ends();
    let keys = &entry.keys;
    let explicit = [
        ("from_value", keys.from_value, from),
        ("from", explicit_factor(entry), from),
        ("to_value", keys.to_value, to),
        ("to", keys.to, to),
        ("floor_value", keys.floor_value, limits.floor),
        ("floor", keys.floor, limits.floor),
    ];
    let (key, written, _) = explicit
        .into_iter()
        .find(|(_, written, value)| written.is_some() && *value > limits.ceil)?;
    let ceil = match (keys.ceil_value, keys.ceil) {
        (Some(value), _) => format!("`ceil_value` `{value}`"),
        (None, Some(factor)) => format!("`ceil` `{factor}`"),
        (None, None) => "the `ceil` around it".into(),
    };
    let message = format!("`{}` is above {ceil}", written.unwrap_or(f64::NAN));
    Some(phase.place.fault(KeyFault::error(key, message)))
}

/// Ends that a curve, or one of its factors, cannot have.
fn ends(entry: &Entry, phase: &Phase) -> Vec<EntryFault> {
    let (from, to, _) = phase.ends();
    let factors = entry.times.iter().zip(phase.factor_ends()).enumerate();
    let factors = factors.flat_map(|(i, (factor, (from, to)))| {
        let found = factor.curve.check_ends(from, to).into_iter();
        found.map(move |fault| within(i, fault))
    });
    let own = entry.curve.check_ends(from, to).into_iter();
    own.chain(factors)
        .map(|fault| phase.place.fault(fault))
        .collect()
}

fn explicit_factor(entry: &Entry) -> Option<f64> {
    match entry.keys.from {
        Some(crate::schedule::Origin::Factor(factor)) => Some(factor),
        _ => None,
    }
}

/// A jump over 1 % of the base at a join that does not say where it starts.
fn jump(entry: &Entry, before: &Phase, after: &Phase) -> Option<EntryFault> {
    let named = entry.keys.from.is_some() || entry.keys.from_value.is_some();
    if named || after.restarts || entry.curve.conventions().from.is_none() {
        return None;
    }
    let (left, right) = (before.carried(), after.opening());
    let unit = after.unit();
    let whole = if unit > 0.0 { unit } else { left.max(right) };
    let start = after.start;
    let message = || format!("the value jumps from `{left}` to `{right}` at step `{start}`");
    ((left - right).abs() > 0.01 * whole).then(|| {
        after.place.fault(KeyFault::warning("from", message()).hint(
            "`from = \"carry\"` goes on smoothly; write `from` to say that the jump is meant",
        ))
    })
}

/// Two tracks in the target's own unit over a base of 0, of which neither can be a factor.
fn two_units(value: &Value) -> Option<EntryFault> {
    let mut absolute = value.tracks.iter().filter(|track| track.absolute);
    let second = absolute.nth(1).filter(|_| value.base == 0.0)?;
    let message = "a second track gives absolute values where the base is `0`";
    let fault = KeyFault::error("track", message)
        .hint("give the base a value, or use factors on all tracks but one");
    outermost(second, fault)
}

/// A learning rate of 0 at update 0 that then rises: the first update is wasted. A phase of zeros
/// freezes its group on purpose.
fn wasted(target: Target, value: &Value) -> Option<EntryFault> {
    if target != Target::Lr || value.base <= 0.0 || value.at(0) > 0.0 {
        return None;
    }
    let rises = |track: &&Track| {
        let phase = track.phase(0);
        phase.at(0) == 0.0 && phase.carried() > 0.0
    };
    let phase = value.tracks.iter().find(rises)?.phase(0);
    let warning = KeyFault::warning("from", "the learning rate is `0` at update `0`")
        .hint("`include = \"end\"` begins one step further, as `warmup` does");
    Some(phase.place.fault(warning))
}

/// Factors of a base that is 0, which stays 0. A learning rate of 0 freezes its group on purpose.
fn idle(target: Target, value: &Value) -> Option<EntryFault> {
    let absolute = value.tracks.iter().any(|track| track.absolute);
    if target == Target::Lr || value.base != 0.0 || absolute {
        return None;
    }
    let message = format!("the base of `{target}` is `0`, and so are all factors of it");
    let source = target.source();
    let warning = KeyFault::warning("target", message)
        .hint(format!("use `from_value` and `to_value`, or {source}"));
    outermost(value.tracks.first()?, warning)
}

/// A value that the target can never take: every update of phases of up to `ALL` updates is looked at, and as many,
/// evenly spread, of longer ones; fewer where there are very many phases or tracks.
fn impossible(target: Target, value: &Value, clock: &Clock) -> Option<EntryFault> {
    const ALL: u64 = 4096;
    /// Times that a track is asked for its value, about.
    const MOST: u64 = 1 << 22;
    let edges: BTreeSet<(u64, u64)> = value
        .tracks
        .iter()
        .flat_map(|track| &track.phases)
        .map(|phase| (phase.start, phase.end))
        .collect();
    let tracks = value.tracks.len().max(1);
    let each = MOST / (edges.len().max(1) * tracks) as u64;
    let each = each.clamp(16, ALL);
    let inside = |(start, end): (u64, u64)| {
        let stride = (end - start).div_ceil(each).max(1);
        (start..end).step_by(stride as usize).chain([end - 1])
    };
    let mut points = edges.into_iter().flat_map(inside).chain([clock.whole]);
    let (t, result, why) = points.find_map(|t| {
        let result = value.unchecked(t);
        Some((t, result, target.refuses(result)?))
    })?;
    let culprit = |track: &&Track| {
        let (own, _) = track.at(t);
        !(own.is_finite() && own >= 0.0)
    };
    let track = value.tracks.iter().find(culprit).or(value.tracks.first())?;
    let message = format!("`{target}` is `{result}` at step `{t}`, which {why}");
    let fault = KeyFault::error("", message).hint(remedy(result));
    Some(track.phase(t).place.fault(fault))
}

fn remedy(result: f64) -> &'static str {
    if result.is_nan() {
        "a division of 0 by 0, or the root or logarithm of a negative number, has no value"
    } else if result < 0.0 {
        "`floor` holds what falls below 0"
    } else {
        "`ceil` or `ceil_value` holds what grows too large"
    }
}

/// A fault of a track's first entry.
fn outermost(track: &Track, fault: KeyFault) -> Option<EntryFault> {
    let entry = track.phases.first()?.place.entry;
    Some(EntryFault { entry, fault })
}
