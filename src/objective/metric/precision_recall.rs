//! Precision, recall and F1, of each class or averaged over classes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Accumulator, MetricSpec,
    spec::misfit,
    tally::{Counts, Tallied, Tally},
};
use crate::{direction::Direction, error::KeyFault, task::Task};

/// Precision = hits / (hits + false alarms), recall = hits / (hits + misses) and F1 = 2·hits /
/// (2·hits + misses + false alarms) of each class, in 0–1; 0 where there is nothing to divide by
/// (scikit-learn's `zero_division=0`). With two classes both count. Where a sample has several
/// labels, each label is a class of its own, predicted where its probability is above 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrecisionRecall {
    /// The share that is counted.
    pub score: Score,
    /// The way from the classes' numbers to one.
    pub average: Average,
}

/// The share that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// Of the predictions of a class, those that are right.
    Precision,
    /// Of the samples of a class, those that are found.
    Recall,
    /// The harmonic mean of both.
    F1,
}

/// The way from the classes' numbers to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Average {
    /// The mean over the classes that occur among targets or predictions; over all labels.
    #[default]
    Macro,
    /// All classes' counts together; the accuracy, where each sample has one class.
    Micro,
    /// The mean over classes, each weighted by its samples.
    Weighted,
    /// No average: a number for each class.
    None,
}

impl Score {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Precision, Self::Recall, Self::F1];

    /// Its name in a config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::F1 => "f1",
        }
    }

    fn of(self, counts: &Counts) -> f64 {
        let (part, whole) = match self {
            Self::Precision => (counts.hits, counts.predicted()),
            Self::Recall => (counts.hits, counts.support()),
            Self::F1 => (2 * counts.hits, counts.support() + counts.predicted()),
        };
        if whole == 0 {
            0.0
        } else {
            part as f64 / whole as f64
        }
    }
}

impl Average {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Macro, Self::Micro, Self::Weighted, Self::None];

    /// Its name in a config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Macro => "macro",
            Self::Micro => "micro",
            Self::Weighted => "weighted",
            Self::None => "none",
        }
    }
}

impl MetricSpec for PrecisionRecall {
    fn name(&self) -> String {
        let score = self.score.name();
        match self.average {
            Average::Macro => score.into(),
            average => format!("{score}_{}", average.name()),
        }
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit(&self.name(), task))
    }

    fn judges_labels(&self) -> bool {
        true
    }

    fn by_class(&self) -> Option<&str> {
        (self.average == Average::None).then(|| self.score.name())
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        let Self { score, average } = *self;
        Box::new(Tallied::new(outputs, move |tally: &Tally| match average {
            Average::None => tally.classes.iter().map(|c| score.of(c)).collect(),
            Average::Macro => vec![mean(tally, score)],
            Average::Weighted => vec![weighted(tally, score)],
            Average::Micro => vec![together(tally, score)],
        }))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}

/// In the order of the classes.
fn mean(tally: &Tally, score: Score) -> f64 {
    let (mut sum, mut count) = (0.0, 0u32);
    for class in tally.classes.iter().filter(|c| tally.labels || c.occurs()) {
        sum += score.of(class);
        count += 1;
    }
    sum / f64::from(count)
}

fn weighted(tally: &Tally, score: Score) -> f64 {
    let support = |c: &Counts| c.support() as f64;
    let whole: f64 = tally.classes.iter().map(support).sum();
    if whole == 0.0 {
        return 0.0;
    }
    let part: f64 = tally.classes.iter().map(|c| support(c) * score.of(c)).sum();
    part / whole
}

fn together(tally: &Tally, score: Score) -> f64 {
    let add = |sum: Counts, c: &Counts| Counts {
        hits: sum.hits + c.hits,
        misses: sum.misses + c.misses,
        false_alarms: sum.false_alarms + c.false_alarms,
    };
    score.of(&tally.classes.iter().fold(Counts::default(), add))
}
