//! Mean absolute error.

use super::{Accumulator, MetricSpec, mean::Mean, spec::misfit};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// Mean of |output − target| over samples and targets, in the target's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeanAbsoluteError;

impl MetricSpec for MeanAbsoluteError {
    fn name(&self) -> String {
        "mae".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("mae", task))
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Mean::of(|z, y| (z - y).abs()))
    }

    fn direction(&self) -> Direction {
        Direction::Min
    }
}
