//! The steps that a curve runs over, and spans as steps there.

use crate::units::{Clock, Span};

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
    /// Returns a span in steps, as a fraction where it is one. NaN for `rest` and wall-clock time,
    /// which [`period_fault`](super::period_fault) refuses.
    #[must_use]
    pub fn steps(&self, span: Span) -> f64 {
        steps(span, &self.clock).unwrap_or(f64::NAN)
    }
}

/// Returns a span in steps, as a fraction where it is one; `None` for `rest` and wall-clock time.
pub(crate) fn steps(span: Span, clock: &Clock) -> Option<f64> {
    span.steps(clock).map(without_dust)
}

/// Returns a number of steps without the dust of decimal fractions: 1.1 epochs of 10 steps are 11
/// steps, not 11.000000000000002, and a milestone there is met at step 11.
pub(crate) fn without_dust(steps: f64) -> f64 {
    let whole = steps.round();
    if (steps - whole).abs() < 1e-9 * whole.max(1.0) {
        whole
    } else {
        steps
    }
}

/// Returns how many whole periods fit into `u`, counting one that misses by a rounding error.
pub(crate) fn whole_periods(u: f64, period: f64) -> f64 {
    without_dust(u / period).floor()
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
}
