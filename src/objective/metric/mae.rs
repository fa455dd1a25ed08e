//! Mean absolute error.

use super::{Accumulator, MetricSpec, TargetsRef, rows, spec::misfit};
use crate::error::KeyFault;

/// Mean of |output − target| over samples and targets, in the target's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeanAbsoluteError;

impl MetricSpec for MeanAbsoluteError {
    fn name(&self) -> String {
        "mae".into()
    }

    fn fits(&self, classification: bool, _outputs: usize) -> Option<KeyFault> {
        classification.then(|| misfit("mae", classification))
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Sum { sum: 0.0, count: 0 })
    }

    fn higher_is_better(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct Sum {
    sum: f64,
    count: u64,
}

impl Accumulator for Sum {
    fn add(&mut self, output: &[f32], width: usize, targets: TargetsRef<'_>) {
        let Some(pairs) = rows::values(output, width, targets) else {
            self.sum = f64::NAN;
            return;
        };
        for (_, z, y) in pairs {
            self.sum += (z - y).abs();
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}
