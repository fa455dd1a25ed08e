//! Mean absolute percentage error.

use super::{Accumulator, MetricSpec, TargetsRef, rows, spec::misfit};
use crate::error::KeyFault;

/// Mean of |output − target| / |target| over samples and targets; 0.1 is ten percent. A target of 0
/// counts as 2.2e-16, so that one of them makes the mean huge (scikit-learn's
/// `mean_absolute_percentage_error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mape;

impl MetricSpec for Mape {
    fn name(&self) -> String {
        "mape".into()
    }

    fn fits(&self, classification: bool, _outputs: usize) -> Option<KeyFault> {
        classification.then(|| misfit("mape", classification))
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
            self.sum += (z - y).abs() / y.abs().max(f64::EPSILON);
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}
