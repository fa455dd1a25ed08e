//! `tanh`: a smooth step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Curve, Formula, Frame, language::finite},
};

/// Decay along the hyperbolic tangent. It comes near its ends without reaching them.
/// Formula: `f(u) = b + (a − b)·(1 − tanh(lb·(1 − p) + ub·p))/2`.
/// Source: Hsueh et al., arXiv:1806.01593; timm's `TanhLRScheduler`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tanh {
    /// Place on the tangent where the decay begins. Default -7.
    #[serde(default = "lower")]
    pub lb: f64,
    /// Place on the tangent where it ends. Default 3.
    #[serde(default = "upper")]
    pub ub: f64,
}

fn lower() -> f64 {
    -7.0
}

fn upper() -> f64 {
    3.0
}

impl Curve for Tanh {
    fn formula(&self, _: &Frame) -> Formula {
        let Self { lb, ub } = *self;
        Formula::new(move |x| {
            let place = lb * (1.0 - x.p) + ub * x.p;
            x.mix((1.0 - libm::tanh(place)) / 2.0)
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        finite("lb", self.lb)
            .into_iter()
            .chain(finite("ub", self.ub))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{assert_close, curve_values};

    /// With (1 − tanh x)/2 = 1/(1 + e^2x), the logistic function.
    #[test]
    fn is_a_logistic_step() {
        let logistic = |x: f64| 1.0 / (1.0 + (2.0 * x).exp());
        let values = curve_values("type = \"tanh\"\nto = 0.1", 10);
        for (u, value) in values.iter().enumerate() {
            let expected = 0.1 + 0.9 * logistic(-7.0 + u as f64);
            assert_close(*value, expected, 1.0, "tanh");
        }
        let even = curve_values("type = \"tanh\"\nlb = -2\nub = 2", 2);
        assert_close(even[0], logistic(-2.0), 1.0, "lb");
        assert_eq!(even[1], 0.5);
    }

    #[test]
    fn bounds_are_finite() {
        let keys = Tanh {
            lb: f64::NEG_INFINITY,
            ub: f64::NAN,
        };
        assert_eq!(keys.check().len(), 2);
    }
}
