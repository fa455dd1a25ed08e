//! `power`: a power law of time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Conventions, Curve, Formula, Frame, language::finite, period_fault},
    units::Span,
};

/// A power law of time. An exponent of −0.5 is `inverse_sqrt`.
/// Formula: `f(u) = a·((u + s)/s)^exponent` with s the `scale`.
/// Source: Shen et al., arXiv:2408.13359, who find an exponent of −0.51.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// The time s after which the value is `2^exponent`: epochs, steps, evals or % of the horizon.
    #[schemars(example = &"1000 steps")]
    pub scale: Span,
    /// The exponent: below 0 for a decay.
    #[schemars(example = -0.51)]
    pub exponent: f64,
}

impl Curve for Power {
    fn formula(&self, frame: &Frame) -> Formula {
        let (s, exponent) = (frame.steps(self.scale), self.exponent);
        Formula::new(move |x| x.from * libm::pow((x.u + s) / s, exponent))
    }

    fn check(&self) -> Vec<KeyFault> {
        period_fault("scale", self.scale)
            .into_iter()
            .chain(finite("exponent", self.exponent))
            .collect()
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{assert_close, curve_values};

    #[test]
    fn is_a_power_of_the_time_in_scales() {
        let text = "type = \"power\"\nscale = \"2 steps\"\nexponent = -2";
        for (u, value) in curve_values(text, 6).iter().enumerate() {
            let twice = u as f64 / 2.0 + 1.0;
            assert_close(*value, 1.0 / (twice * twice), 1.0, "power");
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let faults = Power {
            scale: Span::Steps(0),
            exponent: f64::NAN,
        }
        .check();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`scale`: `0 steps` is a period of zero steps; hint: at least \"1 step\"",
                "`exponent`: `NaN` is not a finite number"
            ]
        );
    }
}
