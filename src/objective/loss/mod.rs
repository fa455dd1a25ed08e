//! Losses: how far outputs are from targets, with a gradient.
//!
//! Values and gradients are PyTorch's (`tests/reference/objectives.py`). On the CPU they are
//! computed and summed in f64 and rounded once.

mod bce;
mod cross_entropy;
mod huber;
mod mae;
mod mse;
mod pointwise;
mod spec;
mod weights;

pub use bce::Bce;
pub use cross_entropy::CrossEntropy;
pub use huber::Huber;
pub use mae::Mae;
pub use mse::Mse;
pub use spec::{LossSpec, default_loss};
pub use weights::{TrainTargets, Weights};

#[cfg(test)]
mod reference;
