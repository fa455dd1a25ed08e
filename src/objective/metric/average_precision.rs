//! Average precision.

use super::{
    Accumulator, MetricSpec,
    ranking::{Ranked, Tie},
    spec::misfit,
};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// The area under the precision-recall curve: Σ (gain in recall) · precision over all thresholds from
/// the highest probability down, in 0–1; a guess achieves the share of the class. Of two classes the
/// second one counts; of more it is the mean over the classes, each against the rest. A class without
/// a sample counts 0 (scikit-learn's `average_precision_score`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePrecision;

impl MetricSpec for AveragePrecision {
    fn name(&self) -> String {
        "average_precision".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("average_precision", task))
    }

    fn judges_labels(&self) -> bool {
        true
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Ranked::new(outputs, area))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}

fn area(ties: &[Tie]) -> f64 {
    let whole: u64 = ties.iter().map(|tie| tie.of).sum();
    if whole == 0 {
        return 0.0;
    }
    let (mut hits, mut told, mut area) = (0, 0, 0.0);
    for tie in ties {
        hits += tie.of;
        told += tie.of + tie.other;
        area += tie.of as f64 / whole as f64 * (hits as f64 / told as f64);
    }
    area
}
