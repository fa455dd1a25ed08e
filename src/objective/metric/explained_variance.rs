//! Explained variance.

use super::{
    Accumulator, MetricSpec,
    per_target::{OfTarget, PerTarget},
    spec::misfit,
};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// 1 − variance of (target − output) / variance of the target, of each target, averaged over
/// targets: as R², but a constant offset costs nothing. A target that never changes counts 1 where the
/// output is off by a constant, else 0 (scikit-learn's `explained_variance_score`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExplainedVariance;

impl MetricSpec for ExplainedVariance {
    fn name(&self) -> String {
        "explained_variance".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("explained_variance", task))
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(PerTarget::<Target>::new(outputs))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}

/// Count, mean and Σ (value − mean)² in one pass (Welford 1962).
#[derive(Debug, Clone, Copy, Default)]
struct Spread {
    count: u64,
    mean: f64,
    sum: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.sum += before * (value - self.mean);
    }
}

/// One target's spread, and that of what is left of it.
#[derive(Debug, Clone, Copy, Default)]
struct Target {
    whole: Spread,
    rest: Spread,
}

impl OfTarget for Target {
    fn add(&mut self, z: f64, y: f64) {
        self.whole.add(y);
        self.rest.add(y - z);
    }

    fn value(&self) -> f64 {
        if self.whole.count == 0 || self.rest.sum.is_nan() {
            f64::NAN
        } else if self.rest.sum == 0.0 {
            1.0
        } else if self.whole.sum == 0.0 {
            0.0
        } else {
            1.0 - self.rest.sum / self.whole.sum
        }
    }
}
