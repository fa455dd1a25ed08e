//! Faults and warnings of schedules, found when the config is read and not after hours of training.

use std::collections::BTreeSet;

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Entry, EntryFault, Group, Include, Past, Target,
        chain::{Chain, Slot},
        entry::within,
        group::Selector,
        phase::Phase,
        value::{Track, Value},
    },
    units::Clock,
};

/// Every entry's own faults, and keys that its type does not read.
pub(super) fn keys(entries: &[Entry]) -> Vec<EntryFault> {
    let all = |(entry, e): (usize, &Entry)| {
        let factors = e.times.iter().enumerate().flat_map(|(i, factor)| {
            let keys = &factor.keys;
            let conventions = factor.curve.conventions();
            unread(
                &factor.kind,
                conventions,
                keys.to.map(|_| "to"),
                keys.include,
            )
            .into_iter()
            .map(move |fault| within(i, fault))
        });
        let to = e
            .keys
            .to
            .map(|_| "to")
            .or(e.keys.to_value.map(|_| "to_value"));
        e.check()
            .into_iter()
            .chain(unread(&e.kind, e.curve.conventions(), to, e.keys.include))
            .chain(factors)
            .map(move |fault| EntryFault { entry, fault })
            .collect::<Vec<_>>()
    };
    entries.iter().enumerate().flat_map(all).collect()
}

fn unread(
    kind: &str,
    conventions: Conventions,
    to: Option<&str>,
    include: Option<Include>,
) -> Vec<KeyFault> {
    let warning = |key: &str, why: &str| {
        KeyFault::warning(key, format!("`{key}` has no effect: `{kind}` {why}"))
    };
    let to = to
        .filter(|_| conventions.to.is_none())
        .map(|key| warning(key, "has no end to reach"));
    let include = include
        .filter(|_| conventions.include.is_none())
        .map(|_| warning("include", "counts steps"));
    to.into_iter().chain(include).collect()
}

/// What a curve finds wrong with its place in the run, and curves longer or shorter than their
/// phases.
pub(super) fn places(entries: &[Entry], chains: &[Chain], faults: &mut Vec<EntryFault>) {
    for slot in chains.iter().flat_map(|chain| &chain.slots) {
        let entry = &entries[slot.entry];
        let factors = entry.times.iter().enumerate().flat_map(|(i, factor)| {
            let frame = slot.factor_frame(&factor.keys);
            let found = factor.curve.check_in(&frame);
            let keys = &factor.keys;
            let misfit = misfit(
                keys.over.map(|_| frame.length),
                keys.past,
                factor.curve.conventions(),
                slot,
            );
            let found = found.into_iter().chain(misfit);
            found.map(move |fault| within(i, fault))
        });
        let misfit = misfit(slot.over, entry.keys.past, entry.curve.conventions(), slot);
        let found = entry.curve.check_in(&slot.frame()).into_iter();
        faults.extend(found.chain(factors).chain(misfit).map(|fault| EntryFault {
            entry: slot.entry,
            fault,
        }));
    }
}

/// A curve that its phase cuts short, or that `past = "error"` keeps the phase from leaving.
fn misfit(
    over: Option<f64>,
    past: Past,
    conventions: Conventions,
    slot: &Slot,
) -> Option<KeyFault> {
    let (over, runs) = (over?, slot.exact);
    let ends = conventions.to.is_some() && conventions.include.is_some();
    if over > runs && ends {
        let message = format!(
            "the curve takes `{over}` steps, the phase runs `{runs}`: the decay does not reach its `to`"
        );
        return Some(KeyFault::warning("over", message));
    }
    (over < runs && past == Past::Error).then(|| {
        KeyFault::error(
            "over",
            format!(
                "the curve takes `{over}` steps, the phase runs `{runs}`, and `past` is \"error\""
            ),
        )
        .hint("shorten the phase, or choose what happens past the curve: clamp, mirror or repeat")
    })
}

/// Patterns that select nothing, and targets that no group has.
pub(super) fn selection(
    chain: &Chain,
    selector: &Selector,
    groups: &[Group],
    faults: &mut Vec<EntryFault>,
) {
    let Some(entry) = chain.members.first().copied() else {
        return;
    };
    let found = selector.faults(groups);
    faults.extend(found.into_iter().map(|fault| EntryFault { entry, fault }));
    let target = chain.target;
    if !groups.is_empty() && groups.iter().all(|group| !group.base.contains_key(&target)) {
        let message = format!("`{target}` is scheduled, but the run has none");
        faults.push(EntryFault {
            entry,
            fault: KeyFault::error("target", message).hint(target.source()),
        });
    }
}

/// A chain that no group follows, since later ones take them all.
pub(super) fn shadowed(chain: &Chain) -> EntryFault {
    EntryFault {
        entry: chain.members.first().copied().unwrap_or_default(),
        fault: KeyFault::warning(
            "groups",
            format!(
                "the chain is never used: later chains on the track `{}` take all its groups",
                chain.track
            ),
        )
        .hint("put the chain for all groups first and those for single groups after it, or name another `track`"),
    }
}

/// Faults that show in the numbers themselves. What several groups share is said once.
pub(super) fn values(
    entries: &[Entry],
    target: Target,
    value: &Value,
    clock: &Clock,
    faults: &mut Vec<EntryFault>,
) {
    let mut found = Vec::new();
    for track in &value.tracks {
        for phase in &track.phases {
            found.extend(contradiction(&entries[phase.entry], phase));
        }
        for pair in track.phases.windows(2) {
            found.extend(jump(&entries[pair[1].entry], &pair[0], &pair[1]));
        }
    }
    found.extend(two_units(value));
    found.extend(wasted(target, value));
    found.extend(idle(target, value));
    if found.iter().all(|fault| !fault.is_error()) {
        found.extend(impossible(target, value, clock));
    }
    for fault in found {
        let known = |other: &EntryFault| {
            (other.entry, &other.fault.key, other.fault.severity)
                == (fault.entry, &fault.fault.key, fault.fault.severity)
        };
        if !faults.iter().any(known) {
            faults.push(fault);
        }
    }
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
        (None, factor) => format!("`ceil` `{}`", factor.unwrap_or(f64::INFINITY)),
    };
    Some(EntryFault {
        entry: phase.entry,
        fault: KeyFault::error(
            key,
            format!("`{}` is above {ceil}", written.unwrap_or(f64::NAN)),
        ),
    })
}

fn explicit_factor(entry: &Entry) -> Option<f64> {
    match entry.keys.from {
        Some(crate::schedule::Origin::Factor(factor)) => Some(factor),
        _ => None,
    }
}

/// A jump over 1 % of the base at a join that does not say where it starts.
fn jump(entry: &Entry, before: &Phase, after: &Phase) -> Option<EntryFault> {
    if entry.keys.from.is_some() || entry.keys.from_value.is_some() {
        return None;
    }
    let (left, right) = (before.carried(), after.opening());
    let unit = after.unit();
    let whole = if unit > 0.0 { unit } else { left.max(right) };
    ((left - right).abs() > 0.01 * whole).then(|| EntryFault {
        entry: after.entry,
        fault: KeyFault::warning(
            "from",
            format!(
                "the value jumps from `{left}` to `{right}` at step `{}`",
                after.start
            ),
        )
        .hint("`from = \"carry\"` goes on smoothly; write `from` to say that the jump is meant"),
    })
}

/// Two tracks in the target's own unit over a base of 0, of which neither can be a factor.
fn two_units(value: &Value) -> Option<EntryFault> {
    let mut absolute = value.tracks.iter().filter(|track| track.absolute);
    let second = absolute.nth(1).filter(|_| value.base == 0.0)?;
    Some(EntryFault {
        entry: second.phases.first()?.entry,
        fault: KeyFault::error(
            "track",
            "a second track gives absolute values where the base is `0`",
        )
        .hint("give the base a value, or use factors on all tracks but one"),
    })
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
    let entry = value.tracks.iter().find(rises)?.phase(0).entry;
    Some(EntryFault {
        entry,
        fault: KeyFault::warning("from", "the learning rate is `0` at update `0`")
            .hint("`include = \"end\"` begins one step further, as `warmup` does"),
    })
}

/// Factors of a base that is 0, which stays 0. A learning rate of 0 freezes its group on purpose.
fn idle(target: Target, value: &Value) -> Option<EntryFault> {
    let absolute = value.tracks.iter().any(|track| track.absolute);
    if target == Target::Lr || value.base != 0.0 || absolute {
        return None;
    }
    Some(EntryFault {
        entry: value.tracks.first()?.phases.first()?.entry,
        fault: KeyFault::warning(
            "target",
            format!("the base of `{target}` is `0`, and so are all factors of it"),
        )
        .hint(format!(
            "use `from_value` and `to_value`, or {}",
            target.source()
        )),
    })
}

/// A value that the target can never take, at the edges of all phases and between them.
fn impossible(target: Target, value: &Value, clock: &Clock) -> Option<EntryFault> {
    const INNER: u64 = 64;
    let phases = || value.tracks.iter().flat_map(|track| &track.phases);
    let points: BTreeSet<u64> = phases()
        .flat_map(|phase| {
            let steps = phase.end - phase.start;
            let inner = move |k| phase.start + (steps as f64 * k as f64 / INNER as f64) as u64;
            (0..INNER).map(inner).chain([phase.end - 1, clock.whole])
        })
        .collect();
    let (t, result, why) = points.into_iter().find_map(|t| {
        let result = value.at(t);
        Some((t, result, target.refuses(result)?))
    })?;
    let culprit = |track: &&Track| {
        let (own, _) = track.at(t);
        !(own.is_finite() && own >= 0.0)
    };
    let track = value.tracks.iter().find(culprit).or(value.tracks.first())?;
    Some(EntryFault {
        entry: track.phase(t).entry,
        fault: KeyFault::error(
            "",
            format!("`{target}` is `{result}` at step `{t}`, which {why}"),
        ),
    })
}
