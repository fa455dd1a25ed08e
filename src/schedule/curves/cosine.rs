//! `cosine`: half a wave, or several.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Curve, Formula, Frame, above_zero},
};

/// Cosine annealing: half a wave, or several.
/// Formula: `f(u) = b + (a − b)·((1 + cos(2π·waves·p))/2)^exponent`.
/// Source: Loshchilov & Hutter, arXiv:1608.03983; PyTorch's `CosineAnnealingLR`, whose rise beyond `T_max` is
/// `over` with `past = "mirror"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// Power of the whole wave. Above 0. Default 1.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub exponent: f64,
    /// Waves over the curve; a half falls once from `from` to `to`. Above 0. Default 0.5.
    #[serde(default = "half_wave")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub waves: f64,
    /// Use only the second half of the wave, p ← (1 + p)/2: steep at once, then flat. Default false.
    #[serde(default)]
    pub half: bool,
}

fn one() -> f64 {
    1.0
}

fn half_wave() -> f64 {
    0.5
}

impl Curve for Cosine {
    fn formula(&self, _: &Frame) -> Formula {
        let Self {
            exponent,
            waves,
            half,
        } = *self;
        Formula::new(move |x| {
            let p = if half { (1.0 + x.p) / 2.0 } else { x.p };
            let wave = (1.0 + libm::cos(2.0 * PI * waves * p)) / 2.0;
            x.mix(if exponent == 1.0 {
                wave
            } else {
                libm::pow(wave, exponent)
            })
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        above_zero("exponent", self.exponent)
            .into_iter()
            .chain(above_zero("waves", self.waves))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{assert_close, curve_values};

    #[test]
    fn falls_once_by_default() {
        let values = curve_values("type = \"cosine\"", 4);
        let root = 0.5f64.sqrt();
        let expected = [1.0, (1.0 + root) / 2.0, 0.5, (1.0 - root) / 2.0, 0.0];
        for (value, expected) in values.iter().zip(expected) {
            assert_close(*value, expected, 1.0, "cosine");
        }
        assert_eq!((values[0], values[4]), (1.0, 0.0));
    }

    #[test]
    fn waves_exponent_and_half() {
        let waves = curve_values(
            "type = \"cosine\"\nwaves = 1.5\nexponent = 2.0\nto = 0.1",
            6,
        );
        for (u, value) in waves.iter().enumerate() {
            let wave: f64 = (1.0 + (3.0 * PI * u as f64 / 6.0).cos()) / 2.0;
            assert_close(*value, 0.1 + 0.9 * wave * wave, 1.0, "waves");
        }
        let half = curve_values("type = \"cosine\"\nhalf = true", 2);
        assert_close(half[0], 0.5, 1.0, "half");
        assert_close(half[1], (1.0 - 0.5f64.sqrt()) / 2.0, 1.0, "half");
        assert_eq!(half[2], 0.0);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let faults = Cosine {
            exponent: 0.0,
            waves: f64::INFINITY,
            half: false,
        }
        .check();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`exponent`: `0` is not a finite number above 0",
                "`waves`: `inf` is not a finite number above 0"
            ]
        );
    }
}
