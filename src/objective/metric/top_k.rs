//! Top-k accuracy.

use super::{Accumulator, MetricSpec, rows, spec::misfit};
use crate::{
    direction::Direction,
    error::KeyFault,
    task::{Targets, Task},
};

/// Share of samples whose class is among the k largest outputs, in 0–1: `top_5`. Of equal outputs
/// the first counts as larger, so that `top_1` is the accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopK {
    /// How many guesses a sample has.
    pub k: usize,
}

impl MetricSpec for TopK {
    fn name(&self) -> String {
        format!("top_{}", self.k)
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        let name = self.name();
        if !task.is_classification() {
            return Some(misfit(&name, task));
        }
        let classes = task.outputs().max(2);
        (self.k >= classes).then(|| {
            KeyFault::error("", format!("`{name}` of {classes} classes is always 1"))
                .hint("take a smaller k, or `accuracy`")
        })
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Hits::within(self.k))
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }
}

/// Counts the samples whose class is among the first `k`.
#[derive(Debug)]
pub(super) struct Hits {
    k: usize,
    hits: u64,
    seen: u64,
    lost: bool,
}

impl Hits {
    pub(super) fn within(k: usize) -> Self {
        Self {
            k,
            hits: 0,
            seen: 0,
            lost: false,
        }
    }
}

impl Hits {
    /// A sample of several labels is hit where all of them are right.
    fn add_labels(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let Some(rows) = rows::labels(output, width, targets) else {
            self.lost = true;
            return;
        };
        for row in rows {
            match row {
                Some(labels) => self.hits += u64::from(labels.iter().all(|(p, y)| p == y)),
                None => self.lost = true,
            }
            self.seen += 1;
        }
    }
}

impl Accumulator for Hits {
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        if matches!(targets, Targets::Values(_)) {
            return self.add_labels(output, width, targets);
        }
        let Some(rows) = rows::classes(output, width, targets) else {
            self.lost = true;
            return;
        };
        for (row, class) in rows {
            match rank(row, class) {
                Some(rank) => self.hits += u64::from(rank < self.k),
                None => self.lost = true,
            }
            self.seen += 1;
        }
    }

    fn value(&self) -> f64 {
        if self.lost || self.seen == 0 {
            return f64::NAN;
        }
        self.hits as f64 / self.seen as f64
    }
}

/// How many classes stand before this one; `None` for NaN and for a class that has no output.
fn rank(row: &[f32], class: usize) -> Option<usize> {
    let predicted = rows::prediction(row)?;
    if let [_] = row {
        return (class < 2).then(|| usize::from(predicted != class));
    }
    let own = *row.get(class)?;
    let before = |(other, z): (usize, &f32)| *z > own || (*z == own && other < class);
    Some(row.iter().enumerate().filter(|pair| before(*pair)).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_outputs_rank_in_the_order_of_their_classes() {
        let row = [2.0, 5.0, 5.0, 1.0];
        let ranks = [0, 1, 2, 3].map(|class| rank(&row, class));
        assert_eq!(ranks, [Some(2), Some(0), Some(1), Some(3)]);
        assert_eq!(rank(&row, 4), None);
        assert_eq!([rank(&[0.3], 1), rank(&[0.3], 0)], [Some(0), Some(1)]);
    }

    #[test]
    fn k_has_to_leave_something_to_miss() {
        assert_eq!(TopK { k: 5 }.fits(&Task::unnamed(10)), None);
        assert_eq!(
            TopK { k: 5 }.fits(&Task::unnamed(5)).unwrap().to_string(),
            "`top_5` of 5 classes is always 1; hint: take a smaller k, or `accuracy`"
        );
        assert_eq!(
            TopK { k: 5 }
                .fits(&Task::Regression { targets: 1 })
                .unwrap()
                .message,
            "`top_5` does not fit a regression"
        );
    }
}
