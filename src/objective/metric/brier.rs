//! Brier score.

use super::{Accumulator, MetricSpec, rows, spec::misfit};
use crate::{
    direction::Direction,
    error::KeyFault,
    task::{Targets, Task},
};

/// Mean squared distance between probabilities and what came true: of two classes (p − y)² for the
/// second one, in 0–1; of more Σ (p − y)² over the classes, in 0–2 (Brier 1950; scikit-learn's
/// `brier_score_loss`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brier;

impl MetricSpec for Brier {
    fn name(&self) -> String {
        "brier".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("brier", task))
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Squares { sum: 0.0, count: 0 })
    }

    fn direction(&self) -> Direction {
        Direction::Min
    }
}

#[derive(Debug)]
struct Squares {
    sum: f64,
    count: u64,
}

impl Accumulator for Squares {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let Some(rows) = rows::classes(output, width, targets) else {
            self.sum = f64::NAN;
            return;
        };
        let mut probabilities = Vec::new();
        for (row, class) in rows {
            rows::probabilities(row, &mut probabilities);
            if class >= probabilities.len() {
                self.sum = f64::NAN;
            }
            let distance = |(k, p): (usize, &f64)| (p - f64::from(k == class)).powi(2);
            let all: f64 = probabilities.iter().enumerate().map(distance).sum();
            self.sum += if probabilities.len() == 2 {
                all / 2.0
            } else {
                all
            };
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}
