//! Coefficient of determination.

use super::{
    Accumulator, MetricSpec,
    per_target::{OfTarget, PerTarget},
    spec::misfit,
};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// R² = 1 − Σ(output − target)² / Σ(target − mean)² of each target, averaged over targets: 1 is
/// perfect, 0 is what the mean achieves, and there is no lower end. A target that never changes
/// counts 1 where it is met exactly, else 0 (as in scikit-learn). NaN for fewer than two samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct R2;

impl MetricSpec for R2 {
    fn name(&self) -> String {
        "r2".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("r2", task))
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(PerTarget::<Moments>::new(outputs))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}

/// One target's sums, in one pass (Welford 1962).
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: u64,
    mean: f64,
    /// Σ (target − mean)².
    spread: f64,
    /// Σ (output − target)².
    residual: f64,
}

impl OfTarget for Moments {
    fn add(&mut self, z: f64, y: f64) {
        self.count += 1;
        let before = y - self.mean;
        self.mean += before / self.count as f64;
        self.spread += before * (y - self.mean);
        self.residual += (z - y) * (z - y);
    }

    fn value(&self) -> f64 {
        if self.count < 2 {
            f64::NAN
        } else if self.spread == 0.0 && !self.residual.is_nan() {
            f64::from(self.residual == 0.0)
        } else {
            1.0 - self.residual / self.spread
        }
    }
}
