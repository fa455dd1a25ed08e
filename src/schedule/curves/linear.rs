//! `linear`: a straight line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Curve, Formula, Frame};

/// A straight line from `from` to `to`.
/// Formula: `f(u) = a + (b − a)·p`.
/// Source: PyTorch's `LinearLR`, which is `from`, `to` and a `constant` after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Linear {}

impl Curve for Linear {
    fn formula(&self, _: &Frame) -> Formula {
        // Not `mix(1 − p)`: 1 − (1 − p) would blur the first updates of a rise from 0.
        Formula::new(|x| x.from * (1.0 - x.p) + x.to * x.p)
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::curve_values;

    #[test]
    fn falls_to_zero_in_equal_steps() {
        assert_eq!(
            curve_values("type = \"linear\"", 4),
            [1.0, 0.75, 0.5, 0.25, 0.0]
        );
        assert_eq!(
            curve_values("type = \"linear\"\nfrom = 0.0\nto = 2.0", 4),
            [0.0, 0.5, 1.0, 1.5, 2.0]
        );
    }
}
