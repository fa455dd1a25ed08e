//! A table ready to be learned from: rows of numbers and their targets.

use std::borrow::Cow;

use crate::data::{DataError, Dataset, Target};

/// Rows of numbers, each with a target.
pub(super) struct Rows {
    /// Row after row, a number for each column: its value, or the index of its category.
    pub cells: Vec<f32>,
    pub columns: Vec<Features>,
    pub targets: RowTargets,
}

/// The features that a column becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Features {
    /// The number itself.
    Number,
    /// So many zeros, with a one at the index where it is not negative.
    OneHot(usize),
}

impl Features {
    /// How many there are.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Number => 1,
            Self::OneHot(count) => count,
        }
    }
}

/// A target for each row.
pub(super) enum RowTargets {
    Classes(Vec<u32>),
    Values(Vec<f32>),
}

impl Dataset for Rows {
    fn len(&self) -> usize {
        self.cells.len() / self.columns.len()
    }

    fn get(&self, index: usize, out: &mut [f32]) -> Result<(), DataError> {
        let width = self.columns.len();
        let row = &self.cells[index * width..][..width];
        if out.len() == width && !self.columns.contains(&Features::OneHot(1)) {
            out.copy_from_slice(row);
            return Ok(());
        }
        let mut rest = out;
        for (column, value) in self.columns.iter().zip(row) {
            let (features, after) = rest.split_at_mut(column.width());
            match column {
                Features::Number => features.fill(*value),
                Features::OneHot(_) => {
                    features.fill(0.0);
                    if *value >= 0.0 {
                        features[*value as usize] = 1.0;
                    }
                }
            }
            rest = after;
        }
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        match &self.targets {
            RowTargets::Classes(classes) => Target::Class(classes[index]),
            RowTargets::Values(values) => Target::Values(Cow::Borrowed(&values[index..=index])),
        }
    }
}
