//! Optimizers: how gradients move parameters.
//!
//! [`Sgd`], [`Adam`] and [`AdamW`] take PyTorch's steps (`tests/reference/optimizers.py`), each in
//! one pass over memory on the CPU, with the same bits for any number of threads. Learning rate,
//! momentum (or beta1), beta2 and weight decay arrive anew with each step, one [`Hyper`] for every
//! parameter, because schedules and groups change them. State has names and is restored by a strict
//! bijection. [`group`] says which parameters get which values, [`clip`] bounds gradients before a
//! step.

mod adam;
mod adamw;
pub mod clip;
pub mod group;
mod keys;
mod moments;
mod optimizer;
mod sgd;
mod slots;

pub use adam::Adam;
pub use adamw::AdamW;
pub use clip::{clip_norm, clip_value};
pub use group::{AssignedGroup, assign, matching};
pub use keys::{DEFAULT_GROUP, GroupKeys, OptimizerKeys};
pub use optimizer::{Hyper, OptimError, Optimizer, OptimizerSpec};
pub use sgd::Sgd;

#[cfg(test)]
mod reference;
