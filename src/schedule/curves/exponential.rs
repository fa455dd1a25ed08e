//! `exponential`: the same factor in each period.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, at_least_zero, language::whole_periods, period_fault,
    },
    units::Span,
};

/// Exponential decay: the same factor in each period.
/// Formula: `f(u) = a·gamma^(u/period)`.
/// Source: PyTorch's `ExponentialLR` and a constant `MultiplicativeLR`, which are `period = "1 step"`, or
/// `"1 epoch"` where they are stepped once per epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// The factor of one period. At least 0.
    #[schemars(range(min = 0.0), example = 0.95)]
    pub gamma: f64,
    /// Time after which the value was multiplied by `gamma` once: epochs, steps, evals or % of the horizon.
    #[schemars(example = &"1 epoch")]
    pub period: Span,
    /// Moves the value only when a period is full. Default false.
    #[serde(default)]
    pub staircase: bool,
}

impl Curve for Exponential {
    fn formula(&self, frame: &Frame) -> Formula {
        let Self {
            gamma, staircase, ..
        } = *self;
        let period = frame.steps(self.period);
        Formula::new(move |x| {
            let periods = if staircase {
                whole_periods(x.u, period)
            } else {
                x.u / period
            };
            x.from * libm::pow(gamma, periods)
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        at_least_zero("gamma", self.gamma)
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
    fn halves_every_two_steps() {
        let text = "type = \"exponential\"\ngamma = 0.25\nperiod = \"2 steps\"";
        assert_eq!(curve_values(text, 4), [1.0, 0.5, 0.25, 0.125, 0.0625]);
        let staircase = format!("{text}\nstaircase = true");
        assert_eq!(
            curve_values(&staircase, 5),
            [1.0, 1.0, 0.25, 0.25, 0.0625, 0.0625]
        );
    }

    #[test]
    fn a_period_of_zero_is_refused() {
        let faults = Exponential {
            gamma: f64::NAN,
            period: Span::Steps(0),
            staircase: false,
        }
        .check();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`gamma`: `NaN` is not a finite number of at least 0",
                "`period`: `0 steps` is a period of zero steps; hint: at least \"1 step\""
            ]
        );
    }
}
