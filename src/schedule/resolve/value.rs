//! One scheduled quantity of one group: tracks that multiply.

use std::collections::BTreeMap;

use super::{
    chain::Chain,
    phase::{Around, Parts, Phase, place},
};
use crate::schedule::{Scale, language::Limits};

/// A target of a group as a function of the update index.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    /// The group's base.
    pub base: f64,
    /// The leading track first, then the others by name, so that their order in the file changes no
    /// bit of the product.
    pub tracks: Vec<Track>,
}

/// The phases of one track; never empty.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub phases: Vec<Phase>,
    /// Whether an entry of it names something in the target's own unit.
    pub absolute: bool,
}

impl Value {
    /// The value for update `t`, at least 0.
    pub fn at(&self, t: u64) -> f64 {
        let value = self.unchecked(t);
        if value < 0.0 { 0.0 } else { value }
    }

    /// Whether it is 0 for more than this update: a group with such a learning rate is frozen, while one whose rate only
    /// passes through 0 is not.
    pub fn rests(&self, t: u64) -> bool {
        let before = || t > 0 && self.at(t - 1) == 0.0;
        self.at(t) == 0.0 && (self.at(t + 1) == 0.0 || before())
    }

    /// The same where it may still be negative.
    pub fn unchecked(&self, t: u64) -> f64 {
        let Some((lead, others)) = self.tracks.split_first() else {
            return self.base;
        };
        let (mut product, mut limits) = lead.at(t);
        for track in others {
            let (factor, bounds) = track.at(t);
            product *= factor;
            limits = limits.meet(bounds);
        }
        limits.hold(product)
    }

    /// Places the chains that are in force for a group with this base, by track.
    pub fn new(base: f64, chains: &BTreeMap<&str, &Chain>, parts: &Parts<'_>) -> Self {
        let absolute = |chain: &Chain| {
            let mut members = chain.members.iter();
            members.any(|member| parts.entries[*member].is_absolute())
        };
        let mut running: Vec<&Chain> = chains
            .values()
            .copied()
            .filter(|chain| !chain.slots.is_empty())
            .collect();
        // A stable sort: the first track with an absolute value leads, else the first by name.
        running.sort_by_key(|chain| !absolute(chain));
        let tracks = running.iter().enumerate().map(|(i, chain)| {
            let around = Around::track(Scale::of_track(base, i == 0));
            let mut phases = Vec::with_capacity(chain.slots.len());
            for slot in &chain.slots {
                place(slot, &around, parts, 0, &mut phases);
            }
            Track {
                phases,
                absolute: absolute(chain),
            }
        });
        Self {
            base,
            tracks: tracks.collect(),
        }
    }
}

impl Track {
    /// (value, limits on the result) for update `t`; beyond the last phase, at its end point.
    pub fn at(&self, t: u64) -> (f64, Limits) {
        let phase = self.phase(t);
        let value = if t < phase.end {
            phase.at(t)
        } else {
            phase.end_value()
        };
        (value, phase.limits)
    }

    /// The phase that runs at update `t`.
    pub fn phase(&self, t: u64) -> &Phase {
        let after = self.phases.partition_point(|phase| phase.start <= t);
        &self.phases[after.max(1) - 1]
    }
}
