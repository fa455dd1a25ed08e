//! What training minimises and what it is judged by: losses and metrics.
//!
//! A loss ([`LossSpec`]) sees tensors and has a gradient; it returns a sum and its denominator apart, so that
//! an update over several micro-batches equals one over the whole batch. A metric ([`MetricSpec`]) sees plain
//! numbers and accumulates in f64, in the order of the samples. Both know which task they fit, and
//! say so before anything runs.
//!
//! | task | loss by default | others | metrics by default | others |
//! |---|---|---|---|---|
//! | classification | `cross_entropy` | `bce` (two classes) | `accuracy` | `top_<k>`, `f1`, `perplexity` |
//! | regression | `mse` | `mae`, `huber`, `bce` (values in 0–1) | `rmse`, `mae`, `r2` | |

pub mod loss;
pub mod metric;

pub use loss::{Bce, CrossEntropy, Huber, LossSpec, Mae, Mse, default_loss};
pub use metric::{Accumulator, METRICS, MetricSpec, TargetsRef, default_metrics, metric};
