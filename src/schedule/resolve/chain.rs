//! From entries to chains: which of them belong together.

use std::collections::{BTreeSet, HashMap};

use super::slot::{Place, Room, Slot, Stretch};
use crate::{
    schedule::{Entry, EntryFault, Target},
    units::Clock,
};

/// The phases of one (target, groups, track), in file order.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub target: Target,
    pub track: String,
    /// As the entries wrote them; empty for all groups.
    pub groups: Vec<String>,
    /// Its entries, those of length zero included.
    pub members: Vec<usize>,
    /// Its phases, those of length zero left out: each begins where the one before ends.
    pub slots: Vec<Slot>,
}

impl Chain {
    /// Its phases, those that repeat others given as these, cycle by cycle.
    pub fn leaves(&self) -> impl Iterator<Item = &Slot> {
        self.every_slot().filter(|slot| slot.cycles.is_empty())
    }

    /// Its phases, and those of their cycles.
    pub fn every_slot(&self) -> impl Iterator<Item = &Slot> {
        let mut all = Vec::new();
        for slot in &self.slots {
            slot.collect(&mut all);
        }
        all.into_iter()
    }
}

/// Sorts entries into chains, in the order of their first entries, and lays out their phases.
pub(crate) fn lay_out(
    entries: &[Entry],
    clock: &Clock,
    faults: &mut Vec<EntryFault>,
) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut known = HashMap::new();
    for (index, Entry { keys, .. }) in entries.iter().enumerate() {
        let groups: BTreeSet<&String> = keys.groups.iter().collect();
        let name = (keys.target, &keys.track, groups);
        let chain = *known.entry(name).or_insert(chains.len());
        if chain == chains.len() {
            chains.push(Chain {
                target: keys.target,
                track: keys.track.clone(),
                groups: keys.groups.clone(),
                members: Vec::new(),
                slots: Vec::new(),
            });
        }
        chains[chain].members.push(index);
    }
    let room = Room::new();
    for chain in &mut chains {
        let places = chain.members.iter().map(|member| Place::of_entry(*member));
        let phases: Vec<_> = places
            .map(|place| (place.find(entries), place))
            .filter_map(|(entry, place)| Some((entry?, place)))
            .collect();
        chain.slots = Stretch::run(clock, &room).slots(&phases, faults);
    }
    chains
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, entries, messages};

    /// (start, end) of every phase of the chains.
    fn boundaries(text: &str, run: &Run) -> Vec<(u64, u64)> {
        let mut faults = Vec::new();
        let chains = super::lay_out(&entries(text), &run.clock(), &mut faults);
        assert!(faults.iter().all(|fault| !fault.is_error()), "{faults:?}");
        chains
            .iter()
            .flat_map(|chain| &chain.slots)
            .map(|slot| (slot.start, slot.end))
            .collect()
    }

    fn constants(lengths: &[&str]) -> String {
        let phase = |length: &&str| format!("[[schedule]]\ntype = \"constant\"\n{length}\n");
        lengths.iter().map(phase).collect()
    }

    #[test]
    fn boundaries_are_rounded_running_sums() {
        let run = Run {
            horizon: 100,
            steps_per_epoch: 7,
            ..Run::default()
        };
        let thirds = constants(&["for = \"1.5 epochs\"", "for = \"1.5 epochs\"", ""]);
        assert_eq!(boundaries(&thirds, &run), [(0, 11), (11, 21), (21, 100)]);
        let rest_inside = constants(&["for = \"10%\"", "for = \"rest\"", "for = \"2 epochs\""]);
        assert_eq!(
            boundaries(&rest_inside, &run),
            [(0, 10), (10, 86), (86, 100)]
        );
    }

    #[test]
    fn chains_are_told_apart_by_target_track_and_groups() {
        let entry = |keys: &str| format!("[[schedule]]\ntype = \"constant\"\n{keys}\n");
        let text = [
            "groups = [\"a\", \"b\"]",
            "groups = [\"b\", \"a\"]\nfor = \"1 step\"",
            "groups = [\"a\", \"c\"]",
            "",
            "track = \"main\"\nfor = \"1 step\"",
            "track = \"warmup\"",
            "target = \"momentum\"",
        ]
        .map(entry)
        .concat();
        let clock = Run::default().clock();
        let chains = super::lay_out(&entries(&text), &clock, &mut Vec::new());
        let members: Vec<_> = chains.into_iter().map(|chain| chain.members).collect();
        assert_eq!(members, [vec![0, 1], vec![2], vec![3, 4], vec![5], vec![6]]);
    }

    #[test]
    fn phases_of_no_length_are_skipped() {
        let run = Run {
            horizon: 10,
            ..Run::default()
        };
        let text = constants(&[
            "for = \"0 epochs\"",
            "for = \"1%\"",
            "",
            "for = \"10 steps\"",
        ]);
        assert_eq!(boundaries(&text, &run), [(0, 10)]);
    }

    #[test]
    fn a_phase_that_gets_nothing_says_so() {
        let text = constants(&["for = \"100%\"", ""]);
        assert_eq!(
            messages(&text, 100),
            ["schedule[1] `for`: the phase gets no step, and is skipped"]
        );
        assert_eq!(
            messages(&constants(&["for = \"0 epochs\"", ""]), 100).len(),
            0
        );
    }

    #[test]
    fn several_rests_are_named() {
        let text = "[[schedule]]\ntype = \"warmup\"\n[[schedule]]\ntype = \"constant\"\nfor = \"1 step\"\n[[schedule]]\ntype = \"poly\"\nfor = \"rest\"";
        assert_eq!(
            messages(text, 10),
            [
                "schedule[0] `for`: 2 phases of one chain have no length of their own: `schedule[0] (warmup)`, `schedule[2] (poly)`; hint: `for` defaults to \"rest\", which one phase can take; give the others a length such as `for = \"5 epochs\"`"
            ]
        );
    }

    #[test]
    fn a_phase_longer_than_what_is_left_is_refused() {
        let text = constants(&["for = \"70 steps\"", "", "for = \"50%\""]);
        assert_eq!(
            messages(&text, 100),
            [
                "schedule[2] `for`: the phase runs `50 steps`, but `30` of the horizon's `100` are left; hint: shorten a phase, or lengthen `horizon` or the run in [train]"
            ]
        );
    }

    #[test]
    fn a_chain_that_ends_early_holds_and_says_so() {
        assert_eq!(
            messages(&constants(&["for = \"40 steps\"", "for = \"50%\""]), 100),
            [
                "schedule[1] `for`: the chain ends at step `90` of `100`; its last value holds from there; hint: leave `for` out of one phase, which then takes the rest"
            ]
        );
    }

    #[test]
    fn random_percentages_fill_the_horizon() {
        let stream = crate::rng::Stream::new(1, crate::rng::Purpose::Sample, "percentages");
        for round in 0..200 {
            let count = 2 + stream.below(6, round, 0, 0) as usize;
            let weights: Vec<f64> = (0..count)
                .map(|i| f64::from(stream.uniform(round, 1, i as u64)) + 0.01)
                .collect();
            let sum: f64 = weights.iter().sum();
            let horizon = 10 + u64::from(stream.below(100_000, round, 2, 0));
            let run = Run {
                horizon,
                ..Run::default()
            };
            let phases: Vec<String> = weights
                .iter()
                .map(|weight| format!("for = \"{}%\"", 100.0 * weight / sum))
                .collect();
            let phases: Vec<&str> = phases.iter().map(String::as_str).collect();
            let boundaries = boundaries(&constants(&phases), &run);
            assert_eq!(boundaries.first().map(|b| b.0), Some(0));
            assert_eq!(boundaries.last().map(|b| b.1), Some(horizon));
            assert!(boundaries.windows(2).all(|pair| pair[0].1 == pair[1].0));
        }
    }
}
