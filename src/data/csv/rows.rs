//! A table ready to be learned from: rows of numbers and their targets.

use std::borrow::Cow;

use crate::data::{DataError, Dataset, Target};

/// Rows of numbers, each with a target.
pub(super) struct Rows {
    /// Row after row.
    pub features: Vec<f32>,
    /// Features of a row.
    pub width: usize,
    pub targets: RowTargets,
}

/// A target for each row.
pub(super) enum RowTargets {
    Classes(Vec<u32>),
    Values(Vec<f32>),
}

impl Dataset for Rows {
    fn len(&self) -> usize {
        self.features.len() / self.width
    }

    fn get(&self, index: usize, out: &mut [f32]) -> Result<(), DataError> {
        out.copy_from_slice(&self.features[index * self.width..][..self.width]);
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        match &self.targets {
            RowTargets::Classes(classes) => Target::Class(classes[index]),
            RowTargets::Values(values) => Target::Values(Cow::Borrowed(&values[index..=index])),
        }
    }
}
