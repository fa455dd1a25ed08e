//! One phase of one group's chain, resolved: a function of the run's update index.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::slot::{Place, Slot};
use crate::{
    schedule::{
        Curve, Entry, Every, Formula, Include, Keys, Origin, Past, Point, Reaction, Scale, Target,
        language::{Axis, Limits, Reactions},
    },
    units::Clock,
};

/// A phase with its place in the run and its two ends.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    /// The entry it comes from.
    pub place: Place,
    /// Its first update.
    pub start: u64,
    /// The update after its last.
    pub end: u64,
    /// What the result is held between while the phase runs, in the target's unit.
    pub limits: Limits,
    /// Whether it begins a further cycle, where a jump is meant.
    pub restarts: bool,
    /// The same limits for this track alone, in its scale: what the next phase carries on from.
    own: Limits,
    /// Updates that share one value: 1, or those of an epoch.
    hold: u64,
    clock: Clock,
    scale: Scale,
    curve: Placed,
    factors: Vec<Placed>,
}

/// A curve with its axis and its two ends.
#[derive(Debug, Clone)]
struct Placed {
    start: u64,
    axis: Axis,
    formula: Formula,
    from: f64,
    to: f64,
    scale: Scale,
    followed: Option<Followed>,
    reaction: Option<Reaction>,
}

/// A target that curves may follow: its factor of its base by update.
#[derive(Clone)]
pub(crate) struct Followed(Arc<dyn Fn(u64) -> f64 + Send + Sync>);

impl Followed {
    pub fn new(factor: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(factor))
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Followed")
    }
}

/// What the values of a group are made of.
pub(crate) struct Parts<'a> {
    /// All entries.
    pub entries: &'a [Entry],
    /// The run's.
    pub clock: &'a Clock,
    /// The group's other values, by target.
    pub values: &'a BTreeMap<Target, Followed>,
    /// What the phases that follow a metric remember, by entry.
    pub reactions: &'a Reactions,
}

/// What stands around a phase: its track, or the phase that repeats it.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    scale: Scale,
    limits: Limits,
    own: Limits,
    hold: u64,
    factors: Vec<Placed>,
}

impl Around {
    /// Nothing but the track.
    pub fn track(scale: Scale) -> Self {
        Self {
            scale,
            limits: Limits::NONE,
            own: Limits::NONE,
            hold: 1,
            factors: Vec::new(),
        }
    }

    /// With what an entry adds for its own phase and for those inside it.
    fn with(&self, entry: &Entry, slot: &Slot, parts: &Parts<'_>) -> Self {
        let keys = &entry.keys;
        let hold = match keys.every {
            Every::Step => 1,
            Every::Epoch => parts.clock.steps_per_epoch.max(1),
        };
        let own = factors(entry, slot, self.scale.base, parts);
        Self {
            scale: self.scale,
            limits: self.limits.meet(Limits::of(keys, self.scale.leading())),
            own: self.own.meet(Limits::of(keys, self.scale)),
            hold: hold.max(self.hold),
            factors: self.factors.iter().cloned().chain(own).collect(),
        }
    }
}

/// Places the entry of a slot behind the phases of `out`, of which those from `fresh` on belong to its chain or cycle;
/// one that repeats others places these, cycle by cycle.
pub(crate) fn place(
    slot: &Slot,
    around: &Around,
    parts: &Parts<'_>,
    fresh: usize,
    out: &mut Vec<Phase>,
) {
    let Some(entry) = slot.place.find(parts.entries) else {
        return;
    };
    let inner = around.with(entry, slot, parts);
    let previous = out[fresh..].last();
    if slot.cycles.is_empty() {
        out.push(Phase::new(entry, slot, inner, parts, previous));
        return;
    }
    let start = start_value(entry, inner.scale, previous);
    for (index, (height, slots)) in slot.cycles.iter().enumerate() {
        let mut inner = inner.clone();
        inner.scale.unit = start * height;
        let fresh = out.len();
        for slot in slots {
            place(slot, &inner, parts, fresh, out);
        }
        if let Some(first) = out.get_mut(fresh) {
            first.restarts = index > 0;
        }
    }
}

impl Phase {
    /// The track's value at an executed update `t`, not yet held between limits.
    pub fn at(&self, t: u64) -> f64 {
        self.smooth(if self.hold > 1 {
            (t - t % self.hold).max(self.start)
        } else {
            t
        })
    }

    /// The value at the end point: where the curve has run its length, which is the last executed
    /// update or, by the default convention, the one after it. A staircase has its treads before it.
    pub fn end_value(&self) -> f64 {
        self.smooth(if self.curve.axis.include.executes_end() {
            self.end - 1
        } else {
            self.end
        })
    }

    fn smooth(&self, t: u64) -> f64 {
        let value = self.curve.at(t, &self.clock);
        self.factors
            .iter()
            .fold(value, |value, factor| value * factor.at(t, &self.clock))
    }

    /// What the next phase carries on from: the value at the end point.
    pub fn carried(&self) -> f64 {
        self.own.hold(self.end_value())
    }

    /// The last executed value.
    pub fn last(&self) -> f64 {
        self.own.hold(self.at(self.end - 1))
    }

    /// The value at the curve's very start, whether it is executed or not.
    pub fn opening(&self) -> f64 {
        let open = |placed: &Placed| {
            let axis = Axis {
                include: Include::Start,
                ..placed.axis
            };
            Placed {
                axis,
                ..placed.clone()
            }
            .at(self.start, &self.clock)
        };
        let factors: f64 = self.factors.iter().map(open).product();
        self.own.hold(open(&self.curve) * factors)
    }

    fn new(
        entry: &Entry,
        slot: &Slot,
        around: Around,
        parts: &Parts<'_>,
        previous: Option<&Self>,
    ) -> Self {
        let Around {
            scale, limits, own, ..
        } = around;
        let keys = &entry.keys;
        let length = slot.frame().length;
        Self {
            place: slot.place.clone(),
            start: slot.start,
            end: slot.end,
            limits,
            restarts: false,
            own,
            hold: around.hold,
            clock: *parts.clock,
            scale,
            curve: Placed {
                start: slot.start,
                axis: axis(length, keys.include, keys.past, &*entry.curve),
                formula: slot.formula(entry),
                from: start_value(entry, scale, previous),
                to: end_value(entry, scale),
                scale,
                followed: parts.followed(&*entry.curve),
                reaction: parts.reactions.get(&slot.place.entry).cloned(),
            },
            factors: around.factors,
        }
    }

    /// (`from`, `to`, limits) of the track, in its scale.
    pub fn ends(&self) -> (f64, f64, Limits) {
        (self.curve.from, self.curve.to, self.own)
    }

    /// (`from`, `to`) of each factor.
    pub fn factor_ends(&self) -> impl Iterator<Item = (f64, f64)> {
        self.factors.iter().map(|factor| (factor.from, factor.to))
    }

    /// What the base itself is in the track's scale.
    pub fn unit(&self) -> f64 {
        self.scale.factor(1.0)
    }
}

impl Placed {
    fn at(&self, t: u64, clock: &Clock) -> f64 {
        let (u, p) = self.axis.at((t - self.start) as f64);
        self.formula.at(&Point {
            u,
            p,
            length: self.axis.length,
            t: t as f64,
            epoch: t as f64 / clock.steps_per_epoch.max(1) as f64,
            horizon: clock.whole as f64,
            from: self.from,
            to: self.to,
            scale: self.scale,
            followed: self.followed.as_ref().map_or(1.0, |other| (other.0)(t)),
            state: self
                .reaction
                .as_ref()
                .map_or(1.0, |reaction| reaction.at(t)),
        })
    }
}

impl Parts<'_> {
    fn followed(&self, curve: &dyn Curve) -> Option<Followed> {
        self.values.get(&curve.follows()?).cloned()
    }
}

fn axis(length: f64, include: Option<Include>, past: Past, curve: &dyn Curve) -> Axis {
    let include = match curve.conventions().include {
        Some(default) => include.unwrap_or(default),
        None => Include::Start,
    };
    Axis {
        length,
        include,
        past,
    }
}

fn start_value(entry: &Entry, scale: Scale, previous: Option<&Phase>) -> f64 {
    let Keys {
        from, from_value, ..
    } = entry.keys;
    if let Some(value) = from_value {
        return scale.value(value);
    }
    let default = entry.curve.conventions().from.unwrap_or(Origin::Carry);
    let origin = from.unwrap_or(default);
    match (origin, previous) {
        (Origin::Factor(factor), _) => scale.factor(factor),
        (Origin::Carry, Some(previous)) => previous.carried(),
        (Origin::Last, Some(previous)) => previous.last(),
        (Origin::Base, _) | (_, None) => scale.factor(1.0),
    }
}

fn end_value(entry: &Entry, scale: Scale) -> f64 {
    let Keys { to, to_value, .. } = entry.keys;
    match to_value {
        Some(value) => scale.value(value),
        None => scale.factor(to.or(entry.curve.conventions().to).unwrap_or(0.0)),
    }
}

fn factors(entry: &Entry, slot: &Slot, base: f64, parts: &Parts<'_>) -> Vec<Placed> {
    let place = |factor: &crate::schedule::Factor| {
        let keys = &factor.keys;
        let conventions = factor.curve.conventions();
        let default = match conventions.from {
            Some(Origin::Factor(factor)) => factor,
            _ => 1.0,
        };
        let frame = slot.factor_frame(keys);
        Placed {
            start: slot.start,
            axis: axis(frame.length, keys.include, keys.past, &*factor.curve),
            formula: factor.curve.formula(&frame),
            from: keys.from.unwrap_or(default),
            to: keys.to.or(conventions.to).unwrap_or(0.0),
            scale: Scale {
                base,
                ..Scale::FACTOR
            },
            followed: parts.followed(&*factor.curve),
            reaction: None,
        }
    };
    entry.times.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, assert_close, curve_values};

    #[test]
    fn floors_and_ceilings_hold_the_result() {
        assert_eq!(
            curve_values("type = \"linear\"\nfloor = 0.5\nceil = 0.75", 4),
            [0.75, 0.75, 0.5, 0.5, 0.5]
        );
        let run = Run {
            base: 0.1,
            horizon: 4,
            ..Run::default()
        };
        let schedule = run.one("type = \"linear\"\nfloor_value = 0.06");
        assert_eq!(schedule.lr(3), 0.06);
    }

    #[test]
    fn factors_multiply_on_the_local_clock() {
        let text = r#"
            [[schedule]]
            type = "constant"
            for = "2 steps"
            [[schedule]]
            type = "linear"
            times = [{ type = "warmup", over = "2 steps" }, { type = "step", size = "3 steps", gamma = 0.5, from = 2.0 }]
        "#;
        let schedule = Run {
            horizon: 10,
            ..Run::default()
        }
        .many(text);
        for t in 0..10u64 {
            let expected = if t < 2 {
                1.0
            } else {
                let u = (t - 2) as f64;
                let warmup = ((u + 1.0) / 2.0).min(1.0);
                (1.0 - u / 8.0) * warmup * 2.0 * 0.5f64.powi((u / 3.0) as i32)
            };
            assert_close(schedule.lr(t), expected, 1.0, "times");
        }
    }

    /// Epochs of 4 updates; the phase begins in the middle of one.
    #[test]
    fn the_staircase_holds_the_epochs_first_value() {
        let text = "[[schedule]]\ntype = \"constant\"\nfor = \"6 steps\"\n[[schedule]]\ntype = \"linear\"\nevery = \"epoch\"";
        let run = Run {
            horizon: 16,
            steps_per_epoch: 4,
            ..Run::default()
        };
        let schedule = run.many(text);
        let values: Vec<f64> = (6..16).map(|t| schedule.lr(t)).collect();
        assert_eq!(values, [1.0, 1.0, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4]);
    }

    /// A warmup that executes its end reaches it, although its last tread began an epoch earlier.
    #[test]
    fn a_staircase_carries_its_end_and_not_its_last_tread() {
        let text = "[[schedule]]\ntype = \"warmup\"\nfor = \"2 epochs\"\nevery = \"epoch\"\n[[schedule]]\ntype = \"linear\"\nevery = \"epoch\"";
        let run = Run {
            horizon: 16,
            steps_per_epoch: 4,
            ..Run::default()
        };
        let schedule = run.many(text);
        let values: Vec<f64> = (0..16).step_by(4).map(|t| schedule.lr(t)).collect();
        assert_eq!(values, [0.125, 0.625, 1.0, 0.5]);
        assert_eq!(schedule.lr(16), 0.0);
    }
}
