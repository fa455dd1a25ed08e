//! From entries to chains of phases with boundaries in steps.

use std::collections::BTreeSet;

use crate::{
    error::KeyFault,
    schedule::{
        Entry, EntryFault, FactorKeys, Formula, Frame, Target,
        curve::{self, without_dust},
    },
    units::{Clock, Span},
};

/// The phases of one (target, groups, track), in file order.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub target: Target,
    pub track: String,
    /// As the entries wrote them; empty for all groups.
    pub groups: Vec<String>,
    /// Its entries, those of length zero included.
    pub members: Vec<usize>,
    /// Its phases, those of length zero left out: each begins where the one before ends.
    pub slots: Vec<Slot>,
}

/// Where one entry runs.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub entry: usize,
    pub start: u64,
    pub end: u64,
    /// Length before its boundaries were rounded to steps.
    pub exact: f64,
    /// Length of its curve, where `over` gives one.
    pub over: Option<f64>,
    clock: Clock,
}

impl Slot {
    /// What its curve needs to know.
    pub fn frame(&self) -> Frame {
        self.frame_over(self.over)
    }

    /// What the curve of one of its factors needs to know.
    pub fn factor_frame(&self, keys: &FactorKeys) -> Frame {
        self.frame_over(keys.over.and_then(|span| curve::steps(span, &self.clock)))
    }

    /// Its curve as a function.
    pub fn formula(&self, entry: &Entry) -> Formula {
        entry.curve.formula(&self.frame())
    }

    fn frame_over(&self, over: Option<f64>) -> Frame {
        let steps = self.end - self.start;
        Frame {
            clock: self.clock,
            start: self.start,
            steps,
            length: over.unwrap_or(steps as f64),
        }
    }
}

/// Sorts entries into chains, in the order of their first entries, and lays out their phases.
pub(super) fn lay_out(
    entries: &[Entry],
    clock: &Clock,
    faults: &mut Vec<EntryFault>,
) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    for (index, Entry { keys, .. }) in entries.iter().enumerate() {
        let names = |groups: &[String]| groups.iter().cloned().collect::<BTreeSet<_>>();
        let same = |chain: &&mut Chain| {
            chain.target == keys.target
                && chain.track == keys.track
                && names(&chain.groups) == names(&keys.groups)
        };
        match chains.iter_mut().find(same) {
            Some(chain) => chain.members.push(index),
            None => chains.push(Chain {
                target: keys.target,
                track: keys.track.clone(),
                groups: keys.groups.clone(),
                members: vec![index],
                slots: Vec::new(),
            }),
        }
    }
    for chain in &mut chains {
        chain.slots = slots(&chain.members, entries, clock, faults);
    }
    chains
}

/// Boundaries = round(running sum), with `rest` taking what the others leave of the horizon.
fn slots(
    members: &[usize],
    entries: &[Entry],
    clock: &Clock,
    faults: &mut Vec<EntryFault>,
) -> Vec<Slot> {
    let horizon = clock.whole as f64;
    let lengths: Vec<Option<f64>> = members
        .iter()
        .map(|member| fixed_length(&entries[*member], clock))
        .collect();
    let total: f64 = lengths.iter().flatten().sum();
    let refused = several_rests(members, &lengths, entries).into_iter();
    let refused: Vec<_> = refused.chain(too_long(members, &lengths, clock)).collect();
    let sound = refused.is_empty();
    faults.extend(refused);
    let rest = (horizon - total).max(0.0);

    let (mut slots, mut at) = (Vec::new(), 0.0);
    let mut boundary = 0;
    for (member, length) in members.iter().zip(&lengths) {
        let exact = length.unwrap_or(rest);
        at += exact;
        let (start, end) = (boundary, (at.round() as u64).min(clock.whole));
        boundary = end;
        if end == start && sound && length.is_none_or(|exact| exact > 0.0) {
            faults.extend(no_steps(*member, clock));
        } else if end > start {
            let over = entries[*member].keys.over;
            slots.push(Slot {
                entry: *member,
                start,
                end,
                exact: without_dust(exact),
                over: over.and_then(|span| curve::steps(span, clock)),
                clock: *clock,
            });
        }
    }
    if boundary < clock.whole {
        faults.extend(
            members
                .last()
                .map(|last| ends_early(*last, boundary, clock)),
        );
    }
    slots
}

/// An entry's length in steps; `None` where it takes the rest.
fn fixed_length(entry: &Entry, clock: &Clock) -> Option<f64> {
    match entry.keys.r#for {
        None | Some(Span::Rest) => None,
        // Wall-clock time is refused by the entry's own check.
        Some(span) => Some(curve::steps(span, clock).unwrap_or(0.0)),
    }
}

fn several_rests(
    members: &[usize],
    lengths: &[Option<f64>],
    entries: &[Entry],
) -> Option<EntryFault> {
    let open = || members.iter().zip(lengths).filter(|(_, l)| l.is_none());
    let (first, _) = open().next()?;
    let names: Vec<String> = open()
        .map(|(member, _)| format!("schedule[{member}] ({})", entries[*member].kind))
        .collect();
    (names.len() > 1).then(|| EntryFault {
        entry: *first,
        fault: KeyFault::error(
            "for",
            format!(
                "{} phases of one chain have no length of their own: `{}`",
                names.len(),
                names.join("`, `")
            ),
        )
        .hint("`for` defaults to \"rest\", which one phase can take; give the others a length such as `for = \"5 epochs\"`"),
    })
}

fn too_long(members: &[usize], lengths: &[Option<f64>], clock: &Clock) -> Option<EntryFault> {
    let horizon = clock.whole;
    let mut sum = 0.0;
    let (entry, length) = members.iter().zip(lengths).find_map(|(member, length)| {
        let length = (*length)?;
        sum += length;
        (f64::round(sum) as u64 > horizon).then_some((*member, length))
    })?;
    let left = horizon as f64 - (sum - length);
    Some(EntryFault {
        entry,
        fault: KeyFault::error(
            "for",
            format!(
                "the phase runs `{length}` steps, but `{}` of the horizon's `{horizon}` are left",
                left.max(0.0)
            ),
        )
        .hint("shorten a phase, or lengthen `horizon` or the run in [train]"),
    })
}

fn no_steps(entry: usize, clock: &Clock) -> Option<EntryFault> {
    (clock.whole > 0).then(|| EntryFault {
        entry,
        fault: KeyFault::warning("for", "the phase gets no step, and is skipped"),
    })
}

fn ends_early(entry: usize, boundary: u64, clock: &Clock) -> EntryFault {
    let message = format!(
        "the chain ends at step `{boundary}` of `{}`; its last value holds from there",
        clock.whole
    );
    EntryFault {
        entry,
        fault: KeyFault::warning("for", message)
            .hint("leave `for` out of one phase, which then takes the rest"),
    }
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
                "schedule[2] `for`: the phase runs `50` steps, but `30` of the horizon's `100` are left; hint: shorten a phase, or lengthen `horizon` or the run in [train]"
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
