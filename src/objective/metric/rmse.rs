//! Root mean squared error.

use super::{Accumulator, MetricSpec, rows, spec::misfit};
use crate::{
    direction::Direction,
    error::KeyFault,
    task::{Targets, Task},
};

/// √(mean of (output − target)²) of each target over the samples, averaged over targets, in the
/// target's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootMeanSquaredError;

impl MetricSpec for RootMeanSquaredError {
    fn name(&self) -> String {
        "rmse".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("rmse", task))
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Squares {
            sums: vec![0.0; outputs],
            count: 0,
            lost: false,
        })
    }

    fn direction(&self) -> Direction {
        Direction::Min
    }
}

/// Σ (output − target)² for each target.
#[derive(Debug)]
struct Squares {
    sums: Vec<f64>,
    /// Values, over all targets.
    count: u64,
    lost: bool,
}

impl Accumulator for Squares {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let pairs = rows::values(output, width, targets).filter(|_| width == self.sums.len());
        let Some(pairs) = pairs else {
            self.lost = true;
            return;
        };
        for (column, z, y) in pairs {
            self.sums[column] += (z - y) * (z - y);
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        if self.lost {
            return f64::NAN;
        }
        let targets = self.sums.len() as f64;
        let samples = self.count as f64 / targets;
        self.sums
            .iter()
            .map(|sum| (sum / samples).sqrt())
            .sum::<f64>()
            / targets
    }
}
