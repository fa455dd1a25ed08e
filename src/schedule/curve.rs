//! What a schedule type is: keys that become a pure function of a point in a phase.

use std::{fmt, sync::Arc};

use crate::{
    error::KeyFault,
    schedule::{Include, Origin, Rule, Target, Watch, Watched},
    units::{Clock, Span},
};

/// One schedule type. The struct holds the type's own keys; everything else (lengths, end points,
/// tracks, groups, clamping) is done for it.
///
/// ```
/// use trainer::schedule::{Curve, Formula, Frame};
///
/// /// `b + (a − b)(1 − p²)`
/// #[derive(Debug)]
/// struct SquareDecay {}
///
/// impl Curve for SquareDecay {
///     fn formula(&self, _: &Frame) -> Formula {
///         Formula::new(|x| x.mix(1.0 - x.p * x.p))
///     }
/// }
/// ```
pub trait Curve: fmt::Debug + Send + Sync {
    /// The function itself, once spans can be turned into steps. Called only where [`check`] and
    /// [`check_in`] found no error.
    ///
    /// [`check`]: Curve::check
    /// [`check_in`]: Curve::check_in
    fn formula(&self, frame: &Frame) -> Formula;

    /// Faults in the type's own keys that show without knowing the length of the run.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Faults and warnings that show only once the phase's place in the run is known.
    fn check_in(&self, frame: &Frame) -> Vec<KeyFault> {
        let _ = frame;
        Vec::new()
    }

    /// Faults of the ends that the phase came to have, in the scale of the group: asked for each group.
    fn check_ends(&self, from: f64, to: f64) -> Vec<KeyFault> {
        let _ = (from, to);
        Vec::new()
    }

    /// Returns whether keys of its own name something in the target's own unit.
    fn is_absolute(&self) -> bool {
        false
    }

    /// How often the phases of its body start again, where it has a body.
    fn repeats(&self) -> Option<Repeated> {
        None
    }

    /// The target whose factor it reads at every update ([`Point::followed`]).
    fn follows(&self) -> Option<Target> {
        None
    }

    /// The metric that its state follows ([`Point::state`]), where it has one.
    fn watches(&self) -> Option<Watch<'_>> {
        None
    }

    /// How its state follows the metric, where it has one.
    fn reacts(&self, frame: &Frame, watched: &Watched) -> Option<Rule> {
        let _ = (frame, watched);
        None
    }

    /// What absent common keys mean for this type, and which of them it reads at all.
    fn conventions(&self) -> Conventions {
        Conventions::DECAY
    }
}

/// How a body of phases starts again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeated {
    /// Length of the first cycle.
    pub cycle: Span,
    /// Number of cycles; as many as fit where it is `None`.
    pub count: Option<u64>,
    /// Length of a cycle over that of the one before.
    pub stretch: f64,
    /// Height of a cycle over that of the one before.
    pub shrink: f64,
}

/// What the absent common keys of an entry mean for one type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conventions {
    /// Where the curve starts when neither `from` nor `from_value` is there; `None` where the type names its own values.
    pub from: Option<Origin>,
    /// Where it ends (a factor of the base); `None` where the type has no `to`.
    pub to: Option<f64>,
    /// Which end points it executes; `None` where it counts steps and does not read `p`.
    pub include: Option<Include>,
}

impl Conventions {
    /// From where the previous phase ended to 0, starting exactly there.
    pub const DECAY: Self = Self {
        from: Some(Origin::Carry),
        to: Some(0.0),
        include: Some(Include::Start),
    };
    /// From where the previous phase ended, by counting steps, to nowhere in particular.
    pub const COUNTING: Self = Self {
        from: Some(Origin::Carry),
        to: None,
        include: None,
    };
    /// Values that the type names itself, by counting steps.
    pub const ITS_OWN: Self = Self {
        from: None,
        ..Self::COUNTING
    };
}

/// A resolved curve: [`Point`] → value, in the scale of the point's `from` and `to`.
#[derive(Clone)]
pub struct Formula(Arc<dyn Fn(&Point) -> f64 + Send + Sync>);

impl Formula {
    /// Wraps a pure function. It is called for every update: it must not allocate, and should take
    /// its transcendental functions from `libm` (the same bits on every platform).
    pub fn new(function: impl Fn(&Point) -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    /// The value at a point.
    #[must_use]
    pub fn at(&self, point: &Point) -> f64 {
        (self.0)(point)
    }
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Formula")
    }
}

/// Where in a phase a curve is asked for its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Steps since the phase began (`past` already applied).
    pub u: f64,
    /// Share of the curve done, 0–1, by the phase's `include`.
    pub p: f64,
    /// Length of the curve in steps, D.
    pub length: f64,
    /// The update of the run (held at the epoch's first where `every = "epoch"`).
    pub t: f64,
    /// Epochs done at `t`, as a fraction.
    pub epoch: f64,
    /// Updates in the run's horizon, T.
    pub horizon: f64,
    /// Where the curve starts, a.
    pub from: f64,
    /// Where the curve ends, b.
    pub to: f64,
    /// What factors and absolute values are in the scale of `from` and `to`.
    pub scale: Scale,
    /// The factor of the followed target at `t`; 1 where none is followed.
    pub followed: f64,
    /// What the metric has made of it by `t`; 1 where none is watched.
    pub state: f64,
}

impl Point {
    /// `b + (a − b)·weight`, exact at both ends: 1 gives `from`, 0 gives `to`.
    #[must_use]
    pub fn mix(&self, weight: f64) -> f64 {
        self.from * weight + self.to * (1.0 - weight)
    }
}

/// The scale in which one track of one group is computed. The leading track works in the target's
/// own unit, so that `to_value = 1e-6` is met exactly; the others are factors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The group's base.
    pub base: f64,
    /// Whether this track works in the target's unit.
    pub leads: bool,
    /// What the factor 1 is: the base or 1, and less or more of it in the cycles of a `repeat`.
    pub unit: f64,
}

impl Scale {
    /// A scale for plain factors, on which nothing absolute can stand.
    pub const FACTOR: Self = Self {
        base: 1.0,
        leads: false,
        unit: 1.0,
    };

    /// The scale of a whole track over a base.
    pub(super) fn of_track(base: f64, leads: bool) -> Self {
        let unit = if leads { base } else { 1.0 };
        Self { base, leads, unit }
    }

    /// The scale of the result: the target's own unit.
    #[must_use]
    pub fn leading(self) -> Self {
        let unit = if self.leads {
            self.unit
        } else {
            self.unit * self.base
        };
        Self {
            leads: true,
            unit,
            ..self
        }
    }

    /// A factor of the base.
    #[must_use]
    pub fn factor(&self, factor: f64) -> f64 {
        factor * self.unit
    }

    /// An absolute value in the target's unit.
    #[must_use]
    pub fn value(&self, value: f64) -> f64 {
        if self.leads { value } else { value / self.base }
    }
}

/// A phase's place in the run, known when its curve becomes a formula.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Turns spans into steps; `whole` is the horizon.
    pub clock: Clock,
    /// The update at which the phase begins.
    pub start: u64,
    /// Updates that the phase runs.
    pub steps: u64,
    /// Length of the curve in steps, D.
    pub length: f64,
}

impl Frame {
    /// A span in steps, as a fraction where it is one. NaN for `rest` and wall-clock time, which
    /// [`period_fault`] refuses.
    #[must_use]
    pub fn steps(&self, span: Span) -> f64 {
        steps(span, &self.clock).unwrap_or(f64::NAN)
    }
}

/// A span in steps, as a fraction where it is one; `None` for `rest` and wall-clock time.
pub(super) fn steps(span: Span, clock: &Clock) -> Option<f64> {
    span.steps(clock).map(without_dust)
}

/// A number of steps without the dust of decimal fractions: 1.1 epochs of 10 steps are 11 steps,
/// not 11.000000000000002, and a milestone there is met at step 11.
pub(super) fn without_dust(steps: f64) -> f64 {
    let whole = steps.round();
    if (steps - whole).abs() < 1e-9 * whole.max(1.0) {
        whole
    } else {
        steps
    }
}

/// Returns how many whole periods fit into `u`, counting one that misses by a rounding error.
pub(super) fn whole_periods(u: f64, period: f64) -> f64 {
    without_dust(u / period).floor()
}

/// The fault of a number that must be finite and at least 0, if it has one.
#[must_use]
pub fn at_least_zero(key: &str, number: f64) -> Option<KeyFault> {
    (!(number >= 0.0 && number.is_finite())).then(|| {
        KeyFault::error(
            key,
            format!("`{number}` is not a finite number of at least 0"),
        )
    })
}

/// The fault of a number that must be finite, if it has one.
pub(super) fn finite(key: &str, number: f64) -> Option<KeyFault> {
    let message = || format!("`{number}` is not a finite number");
    (!number.is_finite()).then(|| KeyFault::error(key, message()))
}

/// The fault of a number that must be finite and above 0, if it has one.
#[must_use]
pub fn above_zero(key: &str, number: f64) -> Option<KeyFault> {
    (!(number > 0.0 && number.is_finite()))
        .then(|| KeyFault::error(key, format!("`{number}` is not a finite number above 0")))
}

/// The fault of a key that must be a stretch of training longer than zero, if it has one.
#[must_use]
pub fn period_fault(key: &str, span: Span) -> Option<KeyFault> {
    if let Span::Seconds(_) | Span::Rest = span {
        return span_fault(key, span);
    }
    span.is_nothing().then(|| {
        KeyFault::error(key, format!("`{span}` is a period of zero steps"))
            .hint("at least \"1 step\"")
    })
}

/// The fault of a key that must be a number of steps, possibly zero, if it has one.
pub(super) fn span_fault(key: &str, span: Span) -> Option<KeyFault> {
    let what = match span {
        Span::Seconds(_) => "is wall-clock time, which a reproducible schedule cannot follow",
        Span::Rest => "is not a length here",
        _ => return None,
    };
    Some(KeyFault::error(key, format!("`{span}` {what}")).hint("use epochs, steps, % or evals"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock {
        steps_per_epoch: 10,
        whole: 100,
        steps_per_eval: 5,
    };

    #[test]
    fn decimal_spans_leave_no_dust() {
        for (span, expected) in [
            (Span::Percent(55.0), 55.0), // 55 / 100 * 100 is 55.00000000000001
            (Span::Percent(29.0), 29.0), // and 29 / 100 * 100 is 28.999999999999996
            (Span::Epochs(1.1), 11.0),
            (Span::Epochs(1.25), 12.5),
            (Span::Evals(3), 15.0),
        ] {
            assert_eq!(steps(span, &CLOCK), Some(expected), "{span}");
        }
    }

    #[test]
    fn periods_are_lengths_of_training() {
        let message = |span: Span| period_fault("size", span).map(|fault| fault.to_string());
        assert_eq!(message(Span::Epochs(0.5)), None);
        assert_eq!(
            message(Span::Epochs(0.0)).as_deref(),
            Some("`size`: `0 epochs` is a period of zero steps; hint: at least \"1 step\"")
        );
        assert_eq!(
            message(Span::Rest).as_deref(),
            Some("`size`: `rest` is not a length here; hint: use epochs, steps, % or evals")
        );
        assert_eq!(
            message(Span::Seconds(60.0)).as_deref(),
            Some(
                "`size`: `60 s` is wall-clock time, which a reproducible schedule cannot follow; hint: use epochs, steps, % or evals"
            )
        );
    }

    #[test]
    fn mixing_is_exact_at_both_ends() {
        let point = Point {
            u: 0.0,
            p: 0.0,
            length: 1.0,
            t: 0.0,
            epoch: 0.0,
            horizon: 1.0,
            from: 0.1,
            to: 1e-4,
            scale: Scale::FACTOR,
            followed: 1.0,
            state: 1.0,
        };
        assert_eq!(point.mix(1.0), 0.1);
        assert_eq!(point.mix(0.0), 1e-4);
    }
}
