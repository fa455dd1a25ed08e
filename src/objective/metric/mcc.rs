//! Matthews' correlation coefficient.

use super::{
    Accumulator, MetricSpec,
    spec::misfit,
    tally::{Tallied, Tally},
};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// The correlation between classes and predictions over all classes, in −1–1: 1 is perfect, 0 what
/// guessing achieves (Matthews 1975; Gorodkin 2004 for several classes). 0 where one class is all
/// that is asked or predicted (scikit-learn's `matthews_corrcoef`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mcc;

impl MetricSpec for Mcc {
    fn name(&self) -> String {
        "mcc".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("mcc", task))
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Tallied::new(outputs, |tally: &Tally| vec![mcc(tally)]))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}

fn mcc(tally: &Tally) -> f64 {
    let sum = |f: fn(i128, i128) -> i128| -> i128 {
        let pairs = tally.classes.iter();
        pairs
            .map(|c| f(c.support().into(), c.predicted().into()))
            .sum()
    };
    let n = i128::from(tally.samples);
    let hits: i128 = tally.classes.iter().map(|c| i128::from(c.hits)).sum();
    // n² times the covariances of targets with predictions, with themselves, of predictions.
    let both = n * hits - sum(|asked, told| asked * told);
    let asked = n * n - sum(|asked, _| asked * asked);
    let told = n * n - sum(|_, told| told * told);
    if asked == 0 || told == 0 {
        return 0.0;
    }
    both as f64 / ((asked as f64).sqrt() * (told as f64).sqrt())
}
