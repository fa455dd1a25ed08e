//! What every metric can do.

use crate::error::KeyFault;

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

    /// Begins to count over a model with `outputs` outputs (one for two classes under `bce`).
    fn start(&self, outputs: usize) -> Box<dyn Accumulator>;

    /// Whether more is better.
    fn higher_is_better(&self) -> bool;
}

/// A metric being counted.
pub trait Accumulator: Send {
    /// Takes a batch: `output` is `[n, width]`, row by row; the tokens of samples are rows. Where a row has NaN, or the numbers of
    /// outputs and targets do not fit each other, the value becomes NaN.
    fn add(&mut self, output: &[f32], width: usize, targets: TargetsRef<'_>);

    /// The value over all samples so far; NaN where there were none.
    fn value(&self) -> f64;
}

/// A batch's targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TargetsRef<'a> {
    /// A class for each sample, or for each token of the samples.
    Classes(&'a [u32]),
    /// As many values for each sample as there are outputs, row by row.
    Values(&'a [f32]),
}

/// The fault of a metric made for the other task.
pub(super) fn misfit(name: &str, classification: bool) -> KeyFault {
    let (task, others) = if classification {
        ("classification", "accuracy, top_<k>, f1 or perplexity")
    } else {
        ("regression", "rmse, mae or r2")
    };
    KeyFault::error("", format!("`{name}` does not fit a {task}"))
        .hint(format!("a {task} takes {others}"))
}
