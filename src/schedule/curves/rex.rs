//! `rex`: the reflected exponential.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Curve, Formula, Frame},
};

/// The reflected exponential: high for long, then a steep fall. With `d = 0` it is a straight line.
/// Formula: `f(u) = b + (a − b)·(1 − p)/(1 − d·p)`.
/// Source: Chen et al., arXiv:2107.04197.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rex {
    /// Lateness of the decay. At least 0, below 1. Default 0.5.
    #[serde(default = "half")]
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub d: f64,
}

fn half() -> f64 {
    0.5
}

impl Curve for Rex {
    fn formula(&self, _: &Frame) -> Formula {
        let d = self.d;
        Formula::new(move |x| x.mix((1.0 - x.p) / (1.0 - d * x.p)))
    }

    fn check(&self) -> Vec<KeyFault> {
        let fits = (0.0..1.0).contains(&self.d);
        let message = || format!("`{}` is not a number of at least 0 and below 1", self.d);
        (!fits)
            .then(|| KeyFault::error("d", message()))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::curve_values;

    /// The paper's form, (1 − p)/(1/2 + 1/2·(1 − p)).
    #[test]
    fn is_the_papers() {
        let values = curve_values("type = \"rex\"", 4);
        for (u, value) in values.iter().enumerate() {
            let left = 1.0 - u as f64 / 4.0;
            assert_eq!(*value, left / (0.5 + 0.5 * left));
        }
        let line = curve_values("type = \"rex\"\nd = 0\nto = 0.5", 2);
        assert_eq!(line, [1.0, 0.75, 0.5]);
    }

    #[test]
    fn a_divisor_of_zero_is_refused() {
        for d in [1.0, -0.1, f64::NAN] {
            assert_eq!(Rex { d }.check().len(), 1, "{d}");
        }
    }
}
