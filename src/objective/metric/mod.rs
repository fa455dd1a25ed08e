//! Metrics: what a model is judged by, in plain numbers.
//!
//! An [`Accumulator`] takes batches in the order of the samples and keeps its sums in f64 (counts
//! as integers), on one thread, so its value depends neither on the batch size's remainder nor on
//! the number of threads. Values are scikit-learn's (`tests/reference/objectives.py`), macro averages
//! for classes, uniform averages for targets. A NaN among the outputs makes the value NaN, and so
//! does having seen no sample; nothing panics.

mod accuracy;
mod f1;
mod mae;
mod perplexity;
mod r2;
mod registry;
mod rmse;
mod rows;
mod spec;
mod top_k;

pub use accuracy::Accuracy;
pub use f1::F1;
pub use mae::MeanAbsoluteError;
pub use perplexity::Perplexity;
pub use r2::R2;
pub use registry::{METRICS, default_metrics, metric};
pub use rmse::RootMeanSquaredError;
pub use spec::{Accumulator, MetricSpec, TargetsRef};
pub use top_k::TopK;

#[cfg(test)]
mod reference;
