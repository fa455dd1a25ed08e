//! How well scores put the samples of a class before all others: the scores of every sample, kept
//! until the end of an evaluation. That is 9 bytes for each sample and class (of two classes only for
//! the second), and 16 more for each sample while a class is ranked: 100 MB for a million samples of
//! ten classes.

use super::{Accumulator, rows};
use crate::task::Targets;

/// The scores for one class, and which samples are of it.
#[derive(Debug, Clone, Default)]
struct Column {
    scores: Vec<f64>,
    is: Vec<bool>,
}

/// Samples that have the same score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tie {
    /// Samples of the class.
    pub of: u64,
    /// Samples of other classes.
    pub other: u64,
}

/// A metric that is the mean over classes of a function of the ranking.
///
/// Of two classes the second one counts, of more each against the rest, of labels each label.
pub(super) struct Ranked {
    columns: Vec<Column>,
    value: fn(&[Tie]) -> f64,
    lost: bool,
}

impl Ranked {
    /// `value` gets the ties from the highest score to the lowest.
    pub fn new(outputs: usize, value: fn(&[Tie]) -> f64) -> Self {
        let columns = if outputs <= 2 { 1 } else { outputs };
        Self {
            columns: vec![Column::default(); columns],
            value,
            lost: false,
        }
    }

    fn add_classes(&mut self, output: &[f32], width: usize, targets: &Targets) -> Option<()> {
        let mut probabilities = Vec::new();
        for (row, class) in rows::classes(output, width, targets)? {
            rows::probabilities(row, &mut probabilities);
            if class >= probabilities.len() || probabilities.iter().any(|p| p.is_nan()) {
                return None;
            }
            let first = if probabilities.len() == 2 { 1 } else { 0 };
            for (i, column) in self.columns.iter_mut().enumerate() {
                column.scores.push(probabilities[first + i]);
                column.is.push(class == first + i);
            }
        }
        Some(())
    }

    fn add_labels(&mut self, output: &[f32], width: usize, targets: &Targets) -> Option<()> {
        self.columns.resize_with(width, Column::default);
        for (i, p, y) in rows::values(output, width, targets)? {
            if p.is_nan() || (y != 0.0 && y != 1.0) {
                return None;
            }
            self.columns[i].scores.push(p);
            self.columns[i].is.push(y == 1.0);
        }
        Some(())
    }
}

impl Accumulator for Ranked {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let taken = match targets {
            Targets::Classes(_) => self.add_classes(output, width, targets),
            Targets::Values(_) => self.add_labels(output, width, targets),
        };
        self.lost |= taken.is_none();
    }

    fn value(&self) -> f64 {
        if self.lost || self.columns.iter().any(|c| c.scores.is_empty()) {
            return f64::NAN;
        }
        let values = self.columns.iter().map(|c| (self.value)(&c.ties()));
        values.sum::<f64>() / self.columns.len() as f64
    }
}

impl Column {
    /// Groups of equal scores, the highest first.
    fn ties(&self) -> Vec<Tie> {
        let mut order: Vec<(f64, bool)> = self
            .scores
            .iter()
            .copied()
            .zip(self.is.iter().copied())
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut ties = Vec::new();
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let of = group.iter().filter(|(_, is)| *is).count() as u64;
            let other = group.len() as u64 - of;
            ties.push(Tie { of, other });
        }
        ties
    }
}
