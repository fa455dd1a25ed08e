//! Mean absolute percentage error.

use super::{Accumulator, MetricSpec, mean::Mean, spec::misfit};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// Mean of |output − target| / |target| over samples and targets; 0.1 is ten percent. A target of 0
/// counts as 2.2e-16, so that one of them makes the mean huge (scikit-learn's
/// `mean_absolute_percentage_error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mape;

impl MetricSpec for Mape {
    fn name(&self) -> String {
        "mape".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("mape", task))
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Mean::of(|z, y| (z - y).abs() / y.abs().max(f64::EPSILON)))
    }

    fn direction(&self) -> Direction {
        Direction::Min
    }
}
