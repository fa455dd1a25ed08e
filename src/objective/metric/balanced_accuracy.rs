//! Balanced accuracy.

use super::{
    Accumulator, MetricSpec,
    spec::misfit,
    tally::{Tallied, Tally},
};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// The recall of each class, averaged over the classes that have a sample, in 0–1: the accuracy
/// that a balanced split would give (scikit-learn's `balanced_accuracy_score`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalancedAccuracy;

impl MetricSpec for BalancedAccuracy {
    fn name(&self) -> String {
        "balanced_accuracy".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("balanced_accuracy", task))
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Tallied::new(outputs, |tally: &Tally| {
            let asked = tally.classes.iter().filter(|c| c.support() > 0);
            let recalls: Vec<f64> = asked.map(|c| c.hits as f64 / c.support() as f64).collect();
            vec![recalls.iter().sum::<f64>() / recalls.len() as f64]
        }))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}
