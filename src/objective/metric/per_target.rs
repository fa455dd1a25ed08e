//! The mean over targets of what is counted for each of them.

use super::{Accumulator, rows};
use crate::task::Targets;

/// What is counted for one target.
pub(super) trait OfTarget: Default + Clone + Send {
    /// Takes an output and its target.
    fn add(&mut self, z: f64, y: f64);

    /// The value over all samples so far.
    fn value(&self) -> f64;
}

/// A value for each target.
pub(super) struct PerTarget<T> {
    targets: Vec<T>,
    lost: bool,
}

impl<T: OfTarget> PerTarget<T> {
    /// Counts nothing yet.
    pub fn new(targets: usize) -> Self {
        Self {
            targets: vec![T::default(); targets],
            lost: false,
        }
    }
}

impl<T: OfTarget> Accumulator for PerTarget<T> {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let pairs = rows::values(output, width, targets).filter(|_| width == self.targets.len());
        let Some(pairs) = pairs else {
            self.lost = true;
            return;
        };
        for (column, z, y) in pairs {
            self.targets[column].add(z, y);
        }
    }

    fn value(&self) -> f64 {
        if self.lost {
            return f64::NAN;
        }
        let sum: f64 = self.targets.iter().map(T::value).sum();
        sum / self.targets.len() as f64
    }
}
