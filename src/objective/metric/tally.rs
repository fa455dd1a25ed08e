//! What became of each class: the counts that precision, recall, F1 and their kin are made of.

use super::{Accumulator, rows};
use crate::task::Targets;

/// The scores of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Samples of the class that were predicted as it.
    pub hits: u64,
    /// Samples of the class that were not.
    pub misses: u64,
    /// Samples of other classes that were predicted as it.
    pub false_alarms: u64,
}

impl Counts {
    /// Samples of the class.
    pub fn support(&self) -> u64 {
        self.hits + self.misses
    }

    /// Samples that were predicted as it.
    pub fn predicted(&self) -> u64 {
        self.hits + self.false_alarms
    }

    /// Returns whether it occurs among targets or predictions.
    pub fn occurs(&self) -> bool {
        self.support() + self.false_alarms > 0
    }
}

/// The counts of all classes, or of all labels where a sample has several.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// By class or label.
    pub classes: Vec<Counts>,
    /// Samples.
    pub samples: u64,
    /// Whether the targets are labels, 0 or 1 each, instead of one class a sample.
    pub labels: bool,
    outputs: usize,
    lost: bool,
}

impl Tally {
    pub fn new(outputs: usize) -> Self {
        Self {
            classes: vec![Counts::default(); outputs.max(2)],
            samples: 0,
            labels: false,
            outputs,
            lost: false,
        }
    }

    /// Counts a batch.
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let counted = match targets {
            Targets::Classes(_) => self.add_classes(output, width, targets),
            Targets::Values(_) => self.add_labels(output, width, targets),
        };
        self.lost |= counted.is_none();
    }

    fn add_classes(&mut self, output: &[f32], width: usize, targets: &Targets) -> Option<()> {
        for (row, class) in rows::classes(output, width, targets)? {
            let predicted = rows::prediction(row)?;
            if predicted == class {
                self.classes.get_mut(class)?.hits += 1;
            } else {
                self.classes.get_mut(class)?.misses += 1;
                self.classes.get_mut(predicted)?.false_alarms += 1;
            }
            self.samples += 1;
        }
        Some(())
    }

    fn add_labels(&mut self, output: &[f32], width: usize, targets: &Targets) -> Option<()> {
        if width != self.outputs {
            return None;
        }
        self.labels = true;
        self.classes.truncate(width);
        for row in rows::labels(output, width, targets)? {
            for (counts, (predicted, is)) in self.classes.iter_mut().zip(row?) {
                match (predicted, is) {
                    (true, true) => counts.hits += 1,
                    (false, true) => counts.misses += 1,
                    (true, false) => counts.false_alarms += 1,
                    (false, false) => {}
                }
            }
            self.samples += 1;
        }
        Some(())
    }
}

/// A metric that is a function of the counts: one number, or one for each class.
pub(super) struct Tallied<F> {
    tally: Tally,
    values: F,
}

impl<F: Fn(&Tally) -> Vec<f64>> Tallied<F> {
    pub fn new(outputs: usize, values: F) -> Self {
        Self {
            tally: Tally::new(outputs),
            values,
        }
    }
}

impl<F: Fn(&Tally) -> Vec<f64> + Send> Accumulator for Tallied<F> {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        self.tally.add(output, width, targets);
    }

    fn value(&self) -> f64 {
        self.values().first().copied().unwrap_or(f64::NAN)
    }

    fn values(&self) -> Vec<f64> {
        let mut values = (self.values)(&self.tally);
        if self.tally.lost || self.tally.samples == 0 {
            values.fill(f64::NAN);
        }
        values
    }
}
