//! `geometric`: the same ratio in each step, between two ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{Curve, Formula, Frame},
};

/// A straight line on a logarithmic scale. Both ends must be above 0, so `to` or `to_value` must be
/// there.
/// Formula: `f(u) = a·(b/a)^p`.
/// Source: NumPy's `geomspace`, step by step; the sweep of a learning-rate range test (Smith, arXiv:1506.01186).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Geometric {}

impl Curve for Geometric {
    fn formula(&self, _: &Frame) -> Formula {
        Formula::new(|x| {
            if x.p >= 1.0 {
                x.to
            } else {
                x.from * libm::pow(x.to / x.from, x.p)
            }
        })
    }

    fn check_ends(&self, from: f64, to: f64) -> Vec<KeyFault> {
        let fault = |key: &str, end: &str| {
            KeyFault::error(
                key,
                format!("`geometric` {end} at `0`, which no ratio leads to"),
            )
            .hint(format!(
                "give `{key}` or `{key}_value` a number above 0, or use `exponential`"
            ))
        };
        let start = (from <= 0.0).then(|| fault("from", "starts"));
        let end = (to <= 0.0).then(|| fault("to", "ends"));
        start.into_iter().chain(end).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, assert_close, curve_values, messages};

    #[test]
    fn equal_ratios_between_exact_ends() {
        let values = curve_values("type = \"geometric\"\nto = 0.0001", 4);
        for (value, expected) in values.iter().zip([1.0, 0.1, 0.01, 0.001, 0.0001]) {
            assert_close(*value, expected, 1.0, "geometric");
        }
        assert_eq!((values[0], values[4]), (1.0, 0.0001));
        let run = Run {
            base: 0.1,
            horizon: 7,
            ..Run::default()
        };
        let rising = run.one("type = \"geometric\"\nfrom_value = 1e-7\nto_value = 3e-3");
        assert_eq!((rising.lr(0), rising.lr(7)), (1e-7, 3e-3));
    }

    #[test]
    fn an_end_at_zero_is_refused() {
        assert_eq!(
            messages("[[schedule]]\ntype = \"geometric\"\nfrom = 0.0", 10),
            [
                "schedule[0] `from`: `geometric` starts at `0`, which no ratio leads to; hint: give `from` or `from_value` a number above 0, or use `exponential`",
                "schedule[0] `to`: `geometric` ends at `0`, which no ratio leads to; hint: give `to` or `to_value` a number above 0, or use `exponential`",
            ]
        );
        let factor = "[[schedule]]\ntype = \"constant\"\ntimes = [{ type = \"geometric\" }]";
        assert_eq!(
            messages(factor, 10),
            [
                "schedule[0] `times[0].to`: `geometric` ends at `0`, which no ratio leads to; hint: give `to` or `to_value` a number above 0, or use `exponential`"
            ]
        );
    }
}
