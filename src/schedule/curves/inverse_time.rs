//! `inverse_time`: one over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, at_least_zero, language::whole_periods, period_fault,
    },
    units::Span,
};

/// Decay by one over time.
/// Formula: `f(u) = a/(1 + rate·u/period)`.
/// Source: Keras' `InverseTimeDecay`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InverseTime {
    /// Number that one period adds to the divisor. At least 0.
    #[schemars(range(min = 0.0), example = 0.5)]
    pub rate: f64,
    /// The unit of time: epochs, steps, evals or % of the horizon.
    #[schemars(example = &"1 epoch")]
    pub period: Span,
    /// Moves the value only when a period is full. Default false.
    #[serde(default)]
    pub staircase: bool,
}

impl Curve for InverseTime {
    fn formula(&self, frame: &Frame) -> Formula {
        let Self {
            rate, staircase, ..
        } = *self;
        let period = frame.steps(self.period);
        Formula::new(move |x| {
            let periods = if staircase {
                whole_periods(x.u, period)
            } else {
                x.u / period
            };
            x.from / (1.0 + rate * periods)
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        at_least_zero("rate", self.rate)
            .into_iter()
            .chain(period_fault("period", self.period))
            .collect()
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::curve_values;

    #[test]
    fn divides_by_the_periods_done() {
        let text = "type = \"inverse_time\"\nrate = 0.5\nperiod = \"2 steps\"\nfrom = 3.0";
        assert_eq!(curve_values(text, 4), [3.0, 2.4, 2.0, 3.0 / 1.75, 1.5]);
        let staircase = format!("{text}\nstaircase = true");
        assert_eq!(curve_values(&staircase, 4), [3.0, 3.0, 2.0, 2.0, 1.5]);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let faults = InverseTime {
            rate: -1.0,
            period: Span::Rest,
            staircase: false,
        }
        .check();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`rate`: `-1` is not a finite number of at least 0",
                "`period`: `rest` is not a length here; hint: use epochs, steps, % or evals"
            ]
        );
    }
}
