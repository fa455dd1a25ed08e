//! Macro-averaged F1.

use super::{Accumulator, MetricSpec, TargetsRef, rows, spec::misfit};
use crate::error::KeyFault;

/// F1 = 2·hits / (2·hits + misses + false alarms) of each class, averaged over the classes that occur
/// among targets or predictions, in 0–1. A class that was never hit counts 0 (scikit-learn's
/// `f1_score(average="macro", zero_division=0)`). With two classes both are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct F1;

impl MetricSpec for F1 {
    fn name(&self) -> String {
        "f1".into()
    }

    fn fits(&self, classification: bool, _outputs: usize) -> Option<KeyFault> {
        (!classification).then(|| misfit("f1", classification))
    }

    fn start(&self, outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Confusion {
            classes: vec![Counts::default(); outputs.max(2)],
            lost: false,
        })
    }

    fn higher_is_better(&self) -> bool {
        true
    }
}

/// What became of one class.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    hits: u64,
    misses: u64,
    false_alarms: u64,
}

#[derive(Debug)]
struct Confusion {
    classes: Vec<Counts>,
    lost: bool,
}

impl Confusion {
    /// Counts one sample; `None` where its class or its prediction does not exist.
    fn count(&mut self, row: &[f32], class: usize) -> Option<()> {
        let predicted = rows::prediction(row)?;
        if predicted == class {
            self.classes.get_mut(class)?.hits += 1;
        } else {
            self.classes.get_mut(class)?.misses += 1;
            self.classes.get_mut(predicted)?.false_alarms += 1;
        }
        Some(())
    }
}

impl Accumulator for Confusion {
    fn add(&mut self, output: &[f32], width: usize, targets: TargetsRef<'_>) {
        let Some(rows) = rows::classes(output, width, targets) else {
            self.lost = true;
            return;
        };
        for (row, class) in rows {
            self.lost |= self.count(row, class).is_none();
        }
    }

    /// Averaged in the order of the classes.
    fn value(&self) -> f64 {
        if self.lost {
            return f64::NAN;
        }
        let (mut sum, mut present) = (0.0, 0u32);
        for class in &self.classes {
            let whole = 2 * class.hits + class.misses + class.false_alarms;
            if whole > 0 {
                sum += (2 * class.hits) as f64 / whole as f64;
                present += 1;
            }
        }
        sum / f64::from(present)
    }
}
