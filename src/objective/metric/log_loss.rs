//! Log loss.

use super::{Accumulator, MetricSpec, perplexity::surprise, rows, spec::misfit};
use crate::{
    direction::Direction,
    error::KeyFault,
    task::{Targets, Task},
};

/// Mean of −ln p, p being the probability that the softmax gives to the target's class, at least
/// 2.2e-16 (scikit-learn's `log_loss`). Class weights and label smoothing do not enter, unlike in
/// the loss. A single output is a logit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLoss;

impl MetricSpec for LogLoss {
    fn name(&self) -> String {
        "log_loss".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("log_loss", task))
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Mean { sum: 0.0, count: 0 })
    }

    fn direction(&self) -> Direction {
        Direction::Min
    }
}

#[derive(Debug)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Accumulator for Mean {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let Some(rows) = rows::classes(output, width, targets) else {
            self.sum = f64::NAN;
            return;
        };
        // The least and the largest −ln p of a probability between ε and 1 − ε.
        let (least, most) = (-libm::log1p(-f64::EPSILON), -libm::log(f64::EPSILON));
        for (row, class) in rows {
            let loss = surprise(row, class).unwrap_or(f64::NAN);
            self.sum += loss.clamp(least, most);
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}
