//! Metrics: what a model is judged by, in plain numbers.
//!
//! An [`Accumulator`] takes batches in the order of the samples and keeps its sums in f64 (counts
//! as integers), on one thread, so its value depends neither on the batch size's remainder nor on
//! the number of threads. Values are scikit-learn's (`tests/reference/objectives.py`, `metrics.py`), also
//! where a split lacks a class, nothing is predicted as a class, or a target never changes: each metric
//! says what it is then. A NaN among the outputs makes the value NaN, and so does having seen no sample;
//! nothing panics.
//!
//! What metrics are given: of a classification the model's outputs, which are logits; of a regression
//! the predictions that the loss makes of the outputs, in the data's own unit.

mod accuracy;
mod auc;
mod average_precision;
mod balanced_accuracy;
mod brier;
mod explained_variance;
mod log_loss;
mod mae;
mod mape;
mod mcc;
mod mean;
mod meant;
mod per_target;
mod perplexity;
mod precision_recall;
mod r2;
mod ranking;
mod registry;
mod rmse;
mod rows;
mod spec;
mod tally;
mod top_k;

pub use accuracy::Accuracy;
pub use auc::Auc;
pub use average_precision::AveragePrecision;
pub use balanced_accuracy::BalancedAccuracy;
pub use brier::Brier;
pub use explained_variance::ExplainedVariance;
pub use log_loss::LogLoss;
pub use mae::MeanAbsoluteError;
pub use mape::Mape;
pub use mcc::Mcc;
pub use perplexity::Perplexity;
pub use precision_recall::{Average, PrecisionRecall, Score};
pub use r2::R2;
pub use registry::{METRICS, MetricEntry, MetricKeys, default_metrics, metric};
pub use rmse::RootMeanSquaredError;
pub use rows::prediction;
pub use spec::{Accumulator, MetricSpec, reported};
pub use top_k::TopK;

#[cfg(test)]
mod reference;
