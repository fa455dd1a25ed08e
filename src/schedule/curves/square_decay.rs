//! `square_decay`: flat at first, then ever steeper.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Curve, Formula, Frame};

/// Decay by the square of time: slow at first, then fast.
/// Formula: `f(u) = b + (a − b)·(1 − p²)`.
/// Source: one of the cooldowns that Hägele et al. compare, arXiv:2405.18392.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SquareDecay {}

impl Curve for SquareDecay {
    fn formula(&self, _: &Frame) -> Formula {
        Formula::new(|x| x.mix(1.0 - x.p * x.p))
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::curve_values;

    #[test]
    fn falls_by_the_square_of_the_share_done() {
        assert_eq!(
            curve_values("type = \"square_decay\"", 4),
            [1.0, 0.9375, 0.75, 0.4375, 0.0]
        );
    }
}
