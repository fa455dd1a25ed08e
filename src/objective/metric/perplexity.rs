//! Perplexity.

use super::{Accumulator, MetricSpec, rows, spec::misfit};
use crate::{
    direction::Direction,
    error::KeyFault,
    task::{Targets, Task},
};

/// exp of the mean −ln p, p being the probability that the softmax gives to the target's class: how
/// many equally likely classes the model hesitates between; 1 is certainty, the number of classes
/// a blind guess. Class weights and label smoothing do not enter. A single output is a logit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perplexity;

impl MetricSpec for Perplexity {
    fn name(&self) -> String {
        "perplexity".into()
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_classification()).then(|| misfit("perplexity", task))
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(NegativeLogLikelihood { sum: 0.0, count: 0 })
    }

    fn direction(&self) -> Direction {
        Direction::Min
    }
}

#[derive(Debug)]
struct NegativeLogLikelihood {
    sum: f64,
    count: u64,
}

impl Accumulator for NegativeLogLikelihood {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let Some(rows) = rows::classes(output, width, targets) else {
            self.sum = f64::NAN;
            return;
        };
        for (row, class) in rows {
            self.sum += surprise(row, class).unwrap_or(f64::NAN);
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        libm::exp(self.sum / self.count as f64)
    }
}

/// −ln of the class's softmax probability, for a single output −ln σ(±row); `None` where there is no such class.
pub(super) fn surprise(row: &[f32], class: usize) -> Option<f64> {
    let pair;
    let row = match row {
        [logit] => {
            pair = [0.0, *logit];
            &pair[..]
        }
        row => row,
    };
    let own = f64::from(*row.get(class)?);
    let top = row.iter().copied().map(f64::from).fold(own, f64::max);
    let sum: f64 = row.iter().map(|z| libm::exp(f64::from(*z) - top)).sum();
    Some(libm::log(sum) - (own - top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_logit_is_the_second_class_against_0() {
        assert_eq!(surprise(&[1.5], 1), surprise(&[0.0, 1.5], 1));
        assert_eq!(surprise(&[1.5], 0), surprise(&[0.0, 1.5], 0));
        assert_eq!(surprise(&[1.5], 2), None);
        assert_eq!(surprise(&[1000.0, 0.0], 1), Some(1000.0));
        assert!(surprise(&[f32::NAN, 0.0], 1).unwrap().is_nan());
    }
}
