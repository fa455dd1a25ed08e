//! What every metric can do.

use crate::{direction::Direction, error::KeyFault};

/// A metric by its name.
pub trait MetricSpec: std::fmt::Debug + Send + Sync {
    /// Its name, as in `val/<name>`.
    fn name(&self) -> String;

    /// Faults that do not depend on the task.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Whether it fits a classification into `outputs` classes, or a regression of `outputs`
    /// targets. A fault's key is empty: it stands where the name stands.
    fn fits(&self, classification: bool, outputs: usize) -> Option<KeyFault>;

    /// Whether it judges labels, too: a regression under a loss of values in 0–1, whose predictions are
    /// probabilities and whose targets are 0 or 1, several for each sample.
    fn judges_labels(&self) -> bool {
        false
    }

    /// Returns whether it is NaN where the evaluated split lacks a class.
    fn needs_every_class(&self) -> bool {
        false
    }

    /// The name under which it is reported class by class, `<name>/<class>`; `None` where it is one
    /// number.
    fn by_class(&self) -> Option<&str> {
        None
    }

    /// Begins to count over a model with `outputs` outputs (one for two classes under `bce`).
    fn start(&self, outputs: usize) -> Box<dyn Accumulator>;

    /// Returns which of its values are better.
    fn direction(&self) -> Direction;
}

/// A metric being counted.
pub trait Accumulator: Send {
    /// Takes a batch: `output` is `[n, width]`, row by row; the tokens of samples are rows. Where a row has NaN, or the numbers of
    /// outputs and targets do not fit each other, the value becomes NaN.
    fn add(&mut self, output: &[f32], width: usize, targets: TargetsRef<'_>);

    /// The value over all samples so far; NaN where there were none.
    fn value(&self) -> f64;

    /// One value for each class, in their order, of a metric that is reported class by class; else the
    /// value alone.
    fn values(&self) -> Vec<f64> {
        vec![self.value()]
    }
}

/// A batch's targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TargetsRef<'a> {
    /// A class for each sample, or for each token of the samples.
    Classes(&'a [u32]),
    /// As many values for each sample as there are outputs, row by row; 0 or 1 each for labels.
    Values(&'a [f32]),
}

/// The names under which a metric is reported, without the split: its own, or one for each class.
#[must_use]
pub fn reported(name: &str, metric: &dyn MetricSpec, classes: &[String]) -> Vec<String> {
    match metric.by_class() {
        Some(name) => classes
            .iter()
            .map(|class| format!("{name}/{class}"))
            .collect(),
        None => vec![name.into()],
    }
}

/// The fault of a metric made for the other task.
pub(super) fn misfit(name: &str, classification: bool) -> KeyFault {
    let (task, others) = if classification {
        (
            "classification",
            "accuracy, balanced_accuracy, top_<k>, precision, recall, f1, auc, average_precision, mcc, log_loss, brier or perplexity",
        )
    } else {
        ("regression", "rmse, mae, mape, r2 or explained_variance")
    };
    KeyFault::error("", format!("`{name}` does not fit a {task}"))
        .hint(format!("a {task} takes {others}"))
}
