//! Accuracy.

use super::{Accumulator, MetricSpec, spec::misfit, top_k::Hits};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// Share of samples whose class has the largest output, in 0–1. Of equal outputs the first counts;
/// a single output is a logit, class 1 above 0. Of labels: share of samples whose labels are all
/// right, each predicted where its probability is above 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accuracy;

impl MetricSpec for Accuracy {
    fn name(&self) -> String {
        "accuracy".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("accuracy", task))
    }

    fn judges_labels(&self) -> bool {
        true
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Hits::within(1))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}
