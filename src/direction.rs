//! The direction in which a metric gets better.

use serde::{Deserialize, Serialize};

/// The direction in which a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Min,
    Max,
}

impl Direction {
    /// Returns whether `value` is better by more than `margin` than the best one so far, where there
    /// is one. NaN and infinities never are.
    #[must_use]
    pub fn improves(self, value: f64, best: Option<f64>, margin: f64) -> bool {
        value.is_finite()
            && best.is_none_or(|best| match self {
                Self::Min => value < best - margin,
                Self::Max => value > best + margin,
            })
    }

    /// Returns its name in a config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_values_beyond_the_margin_are_better() {
        for direction in [Direction::Min, Direction::Max] {
            let better = |value, best| direction.improves(value, best, 0.0);
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!better(value, Some(1.0)) && !better(value, None));
            }
            assert!(better(1.0, None) && !better(1.0, Some(1.0)));
        }
        let best = Some(1.0);
        assert!(Direction::Min.improves(0.9, best, 0.05));
        assert!(!Direction::Min.improves(0.96, best, 0.05));
        assert!(Direction::Max.improves(1.1, best, 0.05));
        assert!(!Direction::Max.improves(1.04, best, 0.05));
    }
}
