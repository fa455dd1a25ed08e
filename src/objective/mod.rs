//! What training minimises and what it is judged by: losses and metrics.
//!
//! A loss ([`LossSpec`]) sees tensors and has a gradient; it returns a sum and its denominator apart, so that
//! an update over several micro-batches equals one over the whole batch. A metric ([`MetricSpec`]) sees plain
//! numbers and accumulates in f64, in the order of the samples. Both know which task they fit, and
//! say so before anything runs.
//!
//! | task | loss by default | others | metrics by default | others |
//! |---|---|---|---|---|
//! | classification | `cross_entropy` | `bce` (two classes) | `accuracy` | `f1`, `auc`, `log_loss`, … |
//! | multi-label | `bce` | | `f1`, `accuracy` | `precision`, `auc`, … |
//! | regression | `mse` | `mae`, `huber`, `bce` (values in 0–1) | `rmse`, `mae`, `r2` | `mape`, … |
//!
//! A regression under `bce` whose targets are all 0 or 1 has labels, too; metrics of classes that
//! can judge labels fit both ([`MetricSpec::judges_labels`]).

pub mod loss;
pub mod metric;

pub use loss::{Bce, CrossEntropy, Huber, LossSpec, Mae, Mse, TrainTargets, Weights, default_loss};
pub use metric::{
    Accumulator, METRICS, MetricEntry, MetricKeys, MetricSpec, default_metrics, metric, prediction,
    reported,
};
