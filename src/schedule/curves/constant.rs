//! `constant`: the value at which the phase starts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Conventions, Curve, Formula, Frame};

/// Holds the value at which the phase starts.
/// Formula: `f(u) = a`.
/// Source: PyTorch's `ConstantLR`, with `from` and a length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constant {}

impl Curve for Constant {
    fn formula(&self, _: &Frame) -> Formula {
        Formula::new(|x| x.from)
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::curve_values;

    #[test]
    fn holds_its_start() {
        assert_eq!(
            curve_values("type = \"constant\"\nfrom = 0.3", 3),
            [0.3, 0.3, 0.3, 0.3]
        );
    }
}
