//! The trait of a schedule type: keys that become a pure function of a point in a phase.

use std::{fmt, sync::Arc};

use crate::{
    error::KeyFault,
    schedule::{Frame, Include, Origin, Point, Rule, Target, Watch, Watched},
    units::Span,
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
    /// Returns the function itself, once spans can be turned into steps. Called only where
    /// [`check`] and [`check_in`] found no error.
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

    /// Returns the target whose factor it reads at every update ([`Point::followed`]).
    fn follows(&self) -> Option<Target> {
        None
    }

    /// Returns the metric that its state follows ([`Point::state`]), where it has one.
    fn watches(&self) -> Option<Watch<'_>> {
        None
    }

    /// How its state follows the metric, where it has one.
    fn reacts(&self, frame: &Frame, watched: &Watched) -> Option<Rule> {
        let _ = (frame, watched);
        None
    }

    /// Returns what absent common keys mean for this type, and which of them it reads at all.
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

    /// Returns the value at a point.
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
