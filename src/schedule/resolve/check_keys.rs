//! Faults and warnings of keys and places, found when the config is read and not after hours of training.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    chain::Chain,
    slot::{Slot, add_new},
};
use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Entry, EntryFault, FactorKeys, Group, Include, Past,
        language::{Selector, inside, within},
    },
    units::number_of,
};

/// Every entry's own faults, and keys that its type does not read.
pub(crate) fn keys(entries: &[Entry]) -> Vec<EntryFault> {
    let all = |(entry, e): (usize, &Entry)| {
        let found = e.check().into_iter().chain(idle_keys(e));
        found
            .map(move |fault| EntryFault { entry, fault })
            .collect::<Vec<_>>()
    };
    entries.iter().enumerate().flat_map(all).collect()
}

/// Keys that an entry's type does not read, and those of its factors and of its body.
fn idle_keys(entry: &Entry) -> Vec<KeyFault> {
    let factors = entry.times.iter().enumerate().flat_map(|(i, factor)| {
        let FactorKeys { from, to, .. } = factor.keys;
        let ends = [from.map(|_| "from"), to.map(|_| "to")];
        let conventions = factor.curve.conventions();
        let found = unread(&factor.kind, conventions, ends, factor.keys.include);
        found.into_iter().map(move |fault| within(i, fault))
    });
    let phases = entry.body.iter().enumerate().flat_map(|(i, phase)| {
        let found = idle_keys(phase).into_iter();
        found.map(move |fault| inside(i, fault))
    });
    let keys = &entry.keys;
    let from = keys.from.map(|_| "from");
    let to = keys.to.map(|_| "to");
    let ends = [
        from.or(keys.from_value.map(|_| "from_value")),
        to.or(keys.to_value.map(|_| "to_value")),
    ];
    let own = unread(&entry.kind, entry.curve.conventions(), ends, keys.include);
    own.into_iter().chain(factors).chain(phases).collect()
}

fn unread(
    kind: &str,
    conventions: Conventions,
    [from, to]: [Option<&str>; 2],
    include: Option<Include>,
) -> Vec<KeyFault> {
    let warning = |key: &str, why: &str| {
        KeyFault::warning(key, format!("`{key}` has no effect: `{kind}` {why}"))
    };
    let from = from
        .filter(|_| conventions.from.is_none())
        .map(|key| warning(key, "names its own values"));
    let to = to
        .filter(|_| conventions.to.is_none())
        .map(|key| warning(key, "has no end to reach"));
    let include = include
        .filter(|_| conventions.include.is_none())
        .map(|_| warning("include", "counts steps"));
    from.into_iter().chain(to).chain(include).collect()
}

/// What a curve finds wrong with its place in the run, and curves longer or shorter than their
/// phases.
pub(crate) fn places(entries: &[Entry], chains: &[Chain], faults: &mut Vec<EntryFault>) {
    for slot in chains.iter().flat_map(Chain::every_slot) {
        let Some(entry) = slot.place.find(entries) else {
            continue;
        };
        let factors = entry.times.iter().enumerate().flat_map(|(i, factor)| {
            let frame = slot.factor_frame(&factor.keys);
            let found = factor.curve.check_in(&frame);
            let keys = &factor.keys;
            let over = keys.over.map(|_| frame.length);
            let misfit = misfit(over, keys.past, factor.curve.conventions(), slot);
            let found = found.into_iter().chain(misfit);
            found.map(move |fault| within(i, fault))
        });
        let over = entry.keys.over.and(slot.over);
        let misfit = misfit(over, entry.keys.past, entry.curve.conventions(), slot);
        let found = entry.curve.check_in(&slot.frame()).into_iter();
        let found = found.chain(factors).chain(misfit);
        add_new(faults, found.map(|fault| slot.place.fault(fault)).collect());
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
            "the curve takes `{}`, the phase runs `{runs}`: the decay does not reach its `to`",
            number_of(over, "step")
        );
        return Some(KeyFault::warning("over", message));
    }
    (over < runs && past == Past::Error).then(|| {
        KeyFault::error(
            "over",
            format!(
                "the curve takes `{}`, the phase runs `{runs}`, and `past` is \"error\"",
                number_of(over, "step")
            ),
        )
        .hint("shorten the phase, or choose what happens past the curve: clamp, mirror or repeat")
    })
}

/// The fault of very many tracks: each value is the product of all of them.
pub(crate) fn tracks(chains: &[Chain]) -> Option<EntryFault> {
    const MOST: usize = 100;
    let mut known: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    let chain = chains.iter().find(|chain| {
        let tracks = known.entry(chain.target).or_default();
        tracks.insert(chain.track.as_str());
        tracks.len() > MOST
    })?;
    let message = format!("`{}` has more than {MOST} tracks", chain.target);
    let fault =
        KeyFault::error("track", message).hint("phases that follow one another stand on one track");
    let entry = chain.members.first().copied().unwrap_or_default();
    Some(EntryFault { entry, fault })
}

/// Patterns that select nothing, and targets that no group has.
pub(crate) fn selection(
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
pub(crate) fn shadowed(chain: &Chain) -> EntryFault {
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
