//! `warmup`: a straight line from nothing to the base.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Conventions, Curve, Formula, Frame, Include, Linear, Origin};

/// A linear rise from 0 to the base. It is `linear` with `from = 0`, `to = 1` and `include =
/// "end"`: the first update is not wasted at 0, and the last update of the phase already runs at
/// the base.
/// Formula: `f(u) = a + (b − a)·p`, with p = (u + 1)/D.
/// Source: Goyal et al., arXiv:1706.02677.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warmup {}

impl Curve for Warmup {
    fn formula(&self, frame: &Frame) -> Formula {
        Linear {}.formula(frame)
    }

    fn conventions(&self) -> Conventions {
        Conventions {
            from: Some(Origin::Factor(0.0)),
            to: Some(1.0),
            include: Some(Include::End),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::curve_values;

    #[test]
    fn wastes_no_update() {
        assert_eq!(
            curve_values("type = \"warmup\"", 4),
            [0.25, 0.5, 0.75, 1.0, 1.0]
        );
        assert_eq!(
            curve_values("type = \"warmup\"\ninclude = \"start\"\nfrom = 0.5", 2),
            [0.5, 0.75, 1.0]
        );
    }
}
