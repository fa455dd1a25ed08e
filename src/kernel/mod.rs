//! Arithmetic under Candle's autograd: parameters, gradients, and fused operations for the CPU.
//!
//! Everything stays a Candle tensor. Each operation is a `CustomOp` with a forward and a backward
//! pass of its own, parallel over chunks of work that depend on the shapes only; partial sums are
//! combined in a fixed order, so results have the same bits with any number of threads.
//! This is the only module that may say `unsafe`.

pub mod grads;
pub mod inplace;
pub mod param;
pub mod reduce;
pub mod threads;

pub use grads::Grads;
pub use param::{Init, Param};
