//! All schedules of a run, resolved: what the training loop asks at every update.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    chain::{Chain, lay_out},
    check_keys, check_values, following,
    phase::{Followed, Parts},
    slot::{self, Slot},
    value::Value,
};
use crate::{
    event::Metrics,
    schedule::{
        Change, Entry, EntryFault, Group, Reaction, Reactions, Rule, Target, language::Selector,
    },
    units::Clock,
};

/// Every scheduled value of every group as a pure function of the update index.
#[derive(Debug, Clone)]
pub struct Schedules {
    entries: Vec<Entry>,
    clock: Clock,
    groups: Vec<Group>,
    reactions: Reactions,
    scheduled: BTreeSet<Target>,
    /// By target, then by group.
    values: Vec<Option<Arc<Value>>>,
    in_force: Vec<InForce>,
    /// By chain in force, then by phase.
    kinds: Vec<Vec<String>>,
}

/// A chain with the groups that it moves.
#[derive(Debug, Clone)]
struct InForce {
    chain: Chain,
    groups: Vec<usize>,
}

/// One phase of one chain, for printing.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseInfo {
    /// Its place in the list of entries.
    pub entry: usize,
    /// Its `type`.
    pub kind: String,
    /// What it moves.
    pub target: Target,
    /// Its chain's track.
    pub track: String,
    /// The groups that it moves.
    pub groups: Vec<String>,
    /// Its first update.
    pub start: u64,
    /// The update after its last.
    pub end: u64,
    /// What its first update uses: all tracks together, of the first of `groups`.
    pub first: f64,
    /// What its last update uses.
    pub last: f64,
}

impl Schedules {
    /// Resolves entries for a run of `clock.whole` updates (the horizon) and finds every fault on
    /// the way; `None` where one of them is an error.
    ///
    /// Groups come out of [`partition`](crate::schedule::partition). For one group, target and track
    /// the last declared matching chain wins, a chain being declared by its first entry. Each entry's own [`Entry::check`] is included: a caller
    /// that has shown those faults already need not come here before they are mended.
    #[must_use]
    pub fn resolve(
        entries: &[Entry],
        clock: &Clock,
        groups: &[Group],
    ) -> (Option<Self>, Vec<EntryFault>) {
        let mut faults = check_keys::keys(entries);
        let sound = faults.iter().all(|fault| !fault.is_error());
        let chains = lay_out(entries, clock, &mut faults);
        if let Some(fault) = check_keys::tracks(&chains) {
            faults.push(fault);
            return (None, faults);
        }
        if sound {
            check_keys::places(entries, &chains, &mut faults);
        }
        let in_force = assign(chains, groups, &mut faults);
        for (index, group) in groups.iter().enumerate() {
            let moving = moving(entries, &in_force, index);
            slot::add_new(&mut faults, following::faults(&moving, group));
        }
        if faults.iter().any(EntryFault::is_error) {
            faults.sort_by_key(|fault| fault.entry);
            return (None, faults);
        }
        let reactions = fresh(entries);
        let schedules = Self::build(entries, clock, groups, in_force, reactions);
        for (slot, value) in schedules.values.iter().enumerate() {
            if let Some(value) = value {
                let target = Target::ALL[slot / groups.len()];
                check_values::values(entries, target, value, clock, &mut faults);
            }
        }
        faults.sort_by_key(|fault| fault.entry);
        let refused = faults.iter().any(EntryFault::is_error);
        ((!refused).then_some(schedules), faults)
    }

    /// The value of a target for one group at update `t` (0-based: the update about to run); the
    /// group's base where nothing is scheduled, `None` where it has none. At and beyond the horizon
    /// it is that of the end point.
    #[must_use]
    pub fn value(&self, target: Target, group: usize, t: u64) -> Option<f64> {
        if group >= self.groups.len() {
            return None;
        }
        let slot = target as usize * self.groups.len() + group;
        self.values[slot].as_ref().map(|value| value.at(t))
    }

    /// Whether a group is frozen at update `t`: its learning rate is 0 now and at the update before or after, and neither
    /// its parameters nor what the optimizer knows of them shall move. A rate that only passes through 0 freezes nothing.
    #[must_use]
    pub fn frozen(&self, group: usize, t: u64) -> bool {
        let slot = Target::Lr as usize * self.groups.len() + group;
        let value = self.values.get(slot).and_then(Option::as_ref);
        group < self.groups.len() && value.is_some_and(|value| value.rests(t))
    }

    /// The targets that entries move, and always [`Target::Lr`].
    #[must_use]
    pub fn scheduled(&self) -> &BTreeSet<Target> {
        &self.scheduled
    }

    /// The groups, in the order of their indices.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Every phase that runs, chain by chain, in file order.
    #[must_use]
    pub fn phases(&self) -> Vec<PhaseInfo> {
        let describe = |(used, kinds): (&InForce, &Vec<String>)| -> Vec<PhaseInfo> {
            let names = used.groups.iter().map(|g| self.groups[*g].name.clone());
            let names: Vec<String> = names.collect();
            let at = |t| {
                let group = used.groups.first().copied().unwrap_or(usize::MAX);
                self.value(used.chain.target, group, t).unwrap_or(f64::NAN)
            };
            let slots = used.chain.leaves().zip(kinds);
            slots
                .map(|(slot, kind)| PhaseInfo {
                    entry: slot.place.entry,
                    kind: kind.clone(),
                    target: used.chain.target,
                    track: used.chain.track.clone(),
                    groups: names.clone(),
                    start: slot.start,
                    end: slot.end,
                    first: at(slot.start),
                    last: at(slot.end - 1),
                })
                .collect()
        };
        let chains = self.in_force.iter().zip(&self.kinds);
        chains.flat_map(describe).collect()
    }

    /// What the phases that follow a metric remember; empty where there are none.
    #[must_use]
    pub fn reactions(&self) -> &Reactions {
        &self.reactions
    }

    /// Takes what a checkpoint remembers, as far as its entries still follow a metric.
    pub fn restore(&mut self, reactions: &Reactions) {
        let mut own = fresh(&self.entries);
        for (entry, reaction) in &mut own {
            if let Some(saved) = reactions.get(entry) {
                reaction.clone_from(saved);
            }
        }
        self.rebuild(own);
    }

    /// Takes the metrics of an evaluation after `step` updates; returns what changes from the next
    /// update on.
    pub fn react(&mut self, step: u64, values: &Metrics) -> Vec<Change> {
        let mut reactions = self.reactions.clone();
        let mut changes = Vec::new();
        for (rule, slot) in self.rules() {
            let running = slot.start < step && step <= slot.end;
            let (Some(value), Some(reaction)) = (
                values.get(&rule.watched.metric).filter(|_| running),
                reactions.get_mut(&slot.place.entry),
            ) else {
                continue;
            };
            if let Some((old, new)) = reaction.observe(&rule, step, *value) {
                changes.push(Change {
                    entry: slot.place.entry,
                    kind: self.entries[slot.place.entry].kind.clone(),
                    metric: rule.watched.metric,
                    old,
                    new,
                });
            }
        }
        match changes.is_empty() {
            true => self.reactions = reactions,
            false => self.rebuild(reactions),
        }
        changes
    }

    /// How each phase that follows a metric does so, and where it runs; one that several groups
    /// have is there once.
    fn rules(&self) -> Vec<(Rule, Slot)> {
        let mut rules: Vec<(Rule, Slot)> = Vec::new();
        for slot in self.in_force.iter().flat_map(|used| used.chain.leaves()) {
            let known = rules.iter().any(|(_, other)| other.place == slot.place);
            let entry = slot.place.find(&self.entries).filter(|_| !known);
            let rule = entry.and_then(|entry| {
                let watched = entry.watched.clone().unwrap_or_default();
                entry.curve.reacts(&slot.frame(), &watched)
            });
            rules.extend(rule.map(|rule| (rule, slot.clone())));
        }
        rules
    }

    fn rebuild(&mut self, reactions: Reactions) {
        let in_force = std::mem::take(&mut self.in_force);
        *self = Self::build(
            &self.entries,
            &self.clock,
            &self.groups,
            in_force,
            reactions,
        );
    }

    fn build(
        entries: &[Entry],
        clock: &Clock,
        groups: &[Group],
        in_force: Vec<InForce>,
        reactions: Reactions,
    ) -> Self {
        let mut values = vec![None; Target::ALL.len() * groups.len()];
        for (index, group) in groups.iter().enumerate() {
            let moving = moving(entries, &in_force, index);
            let mut known: BTreeMap<Target, Followed> = BTreeMap::new();
            for target in following::order(&moving) {
                let Some(base) = group.base.get(&target) else {
                    continue;
                };
                let tracks: BTreeMap<&str, &Chain> = in_force
                    .iter()
                    .filter(|used| used.chain.target == target && used.groups.contains(&index))
                    .map(|used| (used.chain.track.as_str(), &used.chain))
                    .collect();
                let parts = Parts {
                    entries,
                    clock,
                    values: &known,
                    reactions: &reactions,
                };
                let value = Arc::new(Value::new(*base, &tracks, &parts));
                let followed = Arc::clone(&value);
                known.insert(
                    target,
                    Followed::new(move |t| followed.at(t) / followed.base),
                );
                values[target as usize * groups.len() + index] = Some(value);
            }
        }
        let moved = in_force.iter().map(|used| used.chain.target);
        Self {
            entries: entries.to_vec(),
            clock: *clock,
            groups: groups.to_vec(),
            reactions,
            scheduled: moved.chain([Target::Lr]).collect(),
            kinds: in_force.iter().map(|used| used.kinds(entries)).collect(),
            values,
            in_force,
        }
    }
}

impl InForce {
    /// What its phases are called: `cosine`, and `repeat/cosine` in the cycles of another.
    fn kinds(&self, entries: &[Entry]) -> Vec<String> {
        let leaves = self.chain.leaves();
        leaves.map(|slot| slot.place.kind(entries)).collect()
    }
}

/// Nothing observed yet, for each entry that follows a metric.
fn fresh(entries: &[Entry]) -> Reactions {
    let watching = entries.iter().enumerate();
    let watching = watching.filter(|(_, entry)| entry.curve.watches().is_some());
    watching.map(|(i, _)| (i, Reaction::default())).collect()
}

/// The entries that move a group's targets.
fn moving<'a>(
    entries: &'a [Entry],
    in_force: &[InForce],
    group: usize,
) -> Vec<(Target, usize, &'a Entry)> {
    let used = in_force.iter().filter(|used| used.groups.contains(&group));
    let members = used.flat_map(|used| {
        let target = used.chain.target;
        used.chain.members.iter().map(move |m| (target, *m))
    });
    members
        .filter_map(|(target, m)| Some((target, m, entries.get(m)?)))
        .collect()
}

/// Gives every (group, target, track) the last declared chain that selects the group.
fn assign(chains: Vec<Chain>, groups: &[Group], faults: &mut Vec<EntryFault>) -> Vec<InForce> {
    let selected: Vec<Vec<usize>> = chains
        .iter()
        .map(|chain| {
            let selector = Selector::new(&chain.groups);
            check_keys::selection(chain, &selector, groups, faults);
            (0..groups.len())
                .filter(|group| selector.selects(&groups[*group]))
                .collect()
        })
        .collect();
    // Later chains come first.
    let mut taken = HashSet::new();
    let mut left: Vec<Vec<usize>> = Vec::new();
    for (chain, groups) in chains.iter().zip(&selected).rev() {
        let name = |group: &usize| (chain.target, chain.track.as_str(), *group);
        let free = groups.iter().filter(|group| !taken.contains(&name(group)));
        left.push(free.copied().collect());
        taken.extend(groups.iter().map(name));
    }
    let mut in_force = Vec::new();
    for ((chain, selected), groups) in chains.iter().zip(&selected).zip(left.into_iter().rev()) {
        if groups.is_empty() && !selected.is_empty() {
            faults.push(check_keys::shadowed(chain));
        }
        if !groups.is_empty() {
            let chain = chain.clone();
            in_force.push(InForce { chain, groups });
        }
    }
    in_force
}
