//! `poly`: the polynomial decay of semantic segmentation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Curve, Formula, Frame, above_zero, at_least_zero},
};

/// Polynomial decay, the poly policy of semantic segmentation. DeepLab uses a `power` of 0.9.
/// Formula: `f(u) = b + (a − b)·(1 − p^k)^power`, with k = `k_decay`.
/// Source: PyTorch's `PolynomialLR`; k-decay is Zhang & Li, arXiv:2004.05909.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poly {
    /// The exponent: below 1 the decay comes late, above 1 early. At least 0. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0))]
    pub power: f64,
    /// The exponent k of p: above 1 the rate stays high for longer. Above 0. Default 1.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub k_decay: f64,
}

fn one() -> f64 {
    1.0
}

impl Curve for Poly {
    fn formula(&self, _: &Frame) -> Formula {
        let Self { power, k_decay } = *self;
        Formula::new(move |x| {
            let p = if k_decay == 1.0 {
                x.p
            } else {
                libm::pow(x.p, k_decay)
            };
            x.mix(libm::pow((1.0 - p).max(0.0), power))
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        at_least_zero("power", self.power)
            .into_iter()
            .chain(above_zero("k_decay", self.k_decay))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{assert_close, curve_values};

    /// The origin: `base · (1 − epoch/epochs)^power` at the first step of each epoch, stepped once
    /// per epoch or at every update.
    #[test]
    fn equals_the_original_at_each_epoch() {
        let (epochs, steps_per_epoch) = (100, 7);
        for power in [0.5, 0.9, 1.0, 2.0, 3.0] {
            for every in ["step", "epoch"] {
                let text = format!("type = \"poly\"\npower = {power}\nevery = \"{every}\"");
                let schedule = crate::schedule::testing::Run {
                    horizon: epochs * steps_per_epoch,
                    steps_per_epoch,
                    base: 0.005,
                    ..Default::default()
                }
                .one(&text);
                for epoch in 0..epochs {
                    let original = 0.005 * (1.0 - epoch as f64 / epochs as f64).powf(power);
                    let value = schedule.lr(epoch * steps_per_epoch);
                    assert_close(value, original, 0.005, &text);
                }
            }
        }
    }

    #[test]
    fn k_decay_bends_the_axis() {
        let values = curve_values("type = \"poly\"\nk_decay = 2.0\npower = 3.0\nto = 0.2", 4);
        for (u, value) in values.iter().enumerate() {
            let p = u as f64 / 4.0;
            assert_close(*value, 0.2 + 0.8 * (1.0 - p * p).powi(3), 1.0, "k_decay");
        }
    }

    #[test]
    fn power_zero_holds_and_the_end_is_exact() {
        assert_eq!(
            curve_values("type = \"poly\"\npower = 0", 2),
            [1.0, 1.0, 1.0]
        );
        assert_eq!(
            curve_values("type = \"poly\"\npower = 0.9\nto_value = 1e-4", 3)[3],
            1e-4
        );
    }

    #[test]
    fn impossible_exponents_are_refused() {
        let faults = Poly {
            power: -0.5,
            k_decay: 0.0,
        }
        .check();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`power`: `-0.5` is not a finite number of at least 0",
                "`k_decay`: `0` is not a finite number above 0"
            ]
        );
    }
}
