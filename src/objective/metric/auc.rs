//! The area under the ROC curve.

use super::{
    Accumulator, MetricSpec,
    ranking::{Ranked, Tie},
    spec::misfit,
};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// The area under the ROC curve: how probable it is that a sample of the class gets a higher
/// probability than a sample of another class, ties counting half, in 0–1; 0.5 is a guess. Of two
/// classes the second one counts; of more it is the mean over the classes, each against the rest.
/// NaN, which is never best, where a class has no sample or all samples (scikit-learn's
/// `roc_auc_score`, `multi_class="ovr"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auc;

impl MetricSpec for Auc {
    fn name(&self) -> String {
        "auc".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("auc", task))
    }

    fn judges_labels(&self) -> bool {
        true
    }

    fn needs_every_class(&self) -> bool {
        true
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Ranked::new(outputs, area))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}

/// Pairs of a sample of the class and another one in the right order, as a share of all.
fn area(ties: &[Tie]) -> f64 {
    let of: u64 = ties.iter().map(|tie| tie.of).sum();
    let mut below: u64 = ties.iter().map(|tie| tie.other).sum();
    let pairs = of as f64 * below as f64;
    let mut won = 0.0;
    for tie in ties {
        below -= tie.other;
        won += tie.of as f64 * (below as f64 + tie.other as f64 / 2.0);
    }
    // 0 / 0 where there is no pair.
    won / pairs
}
