//! `sqrt_decay`: steep at first, then ever flatter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Curve, Formula, Frame};

/// Decay by the square root of time: fast at first, then slow.
/// Formula: `f(u) = b + (a − b)·(1 − √p)`.
/// Source: the cooldown of Hägele et al., arXiv:2405.18392; "1-sqrt" in transformers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqrtDecay {}

impl Curve for SqrtDecay {
    fn formula(&self, _: &Frame) -> Formula {
        Formula::new(|x| x.mix(1.0 - libm::sqrt(x.p)))
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{assert_close, curve_values};

    #[test]
    fn falls_by_the_root_of_the_share_done() {
        let values = curve_values("type = \"sqrt_decay\"\nto = 0.2", 16);
        for (u, expected) in [(0, 1.0), (1, 0.8), (4, 0.6), (9, 0.4), (16, 0.2)] {
            assert_close(values[u], expected, 1.0, "sqrt_decay");
        }
        assert_eq!(values[16], 0.2);
    }
}
