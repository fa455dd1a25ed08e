//! The mean of an error over samples and targets.

use super::{Accumulator, rows};
use crate::task::Targets;

/// Adds up the error of each output against its target.
pub(super) struct Mean {
    error: fn(f64, f64) -> f64,
    sum: f64,
    count: u64,
}

impl Mean {
    /// `error` gets the output, then the target.
    pub fn of(error: fn(f64, f64) -> f64) -> Self {
        Self {
            error,
            sum: 0.0,
            count: 0,
        }
    }
}

impl Accumulator for Mean {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let Some(pairs) = rows::values(output, width, targets) else {
            self.sum = f64::NAN;
            return;
        };
        for (_, z, y) in pairs {
            self.sum += (self.error)(z, y);
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}
