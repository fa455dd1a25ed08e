//! What every metric can do.

use crate::{
    direction::Direction,
    error::KeyFault,
    task::{Targets, Task},
};

/// A metric by its name.
pub trait MetricSpec: std::fmt::Debug + Send + Sync {
    /// Its name, as in `val/<name>`.
    fn name(&self) -> String;

    /// Faults that do not depend on the task.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// Returns the fault of a metric that does not fit the task. Its key is empty: it stands where
    /// the name stands. Unless the metric says otherwise, it fits all.
    fn fits(&self, task: &Task) -> Option<KeyFault> {
        let _ = task;
        None
    }

    /// Returns whether it judges labels, too: several for each sample, whose predictions are
    /// probabilities and whose targets are 0 or 1. So are those of a multi-label classification,
    /// and of a regression under a loss of values in 0–1.
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
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets);

    /// The value over all samples so far; NaN where there were none.
    fn value(&self) -> f64;

    /// One value for each class, in their order, of a metric that is reported class by class; else the
    /// value alone.
    fn values(&self) -> Vec<f64> {
        vec![self.value()]
    }
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

/// Returns the fault of a metric made for another task.
pub(super) fn misfit(name: &str, task: &Task) -> KeyFault {
    let others = match task {
        Task::Classification { .. } | Task::NextToken { .. } => {
            "accuracy, balanced_accuracy, top_<k>, precision, recall, f1, auc, average_precision, mcc, log_loss, brier or perplexity"
        }
        Task::MultiLabel { .. } => "accuracy, precision, recall, f1, auc or average_precision",
        Task::Regression { .. } => "rmse, mae, mape, r2 or explained_variance",
    };
    let task = task.noun();
    KeyFault::error("", format!("`{name}` does not fit a {task}"))
        .hint(format!("a {task} takes {others}"))
}
