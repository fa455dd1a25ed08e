//! Arithmetic under Candle's autograd: parameters, gradients, and fused operations for the CPU.
//!
//! Everything stays a Candle tensor. Each operation is a `CustomOp` with a forward and a backward
//! pass of its own, parallel over chunks of work that depend on the shapes only; partial sums are
//! combined in a fixed order, so results have the same bits with any number of threads.
//! This is the only module that may say `unsafe`.

pub mod activation;
pub mod composed;
mod cross_entropy;
pub mod grads;
pub mod inplace;
mod linear;
pub mod math;
pub mod matmul;
pub mod operand;
pub mod param;
#[cfg(test)]
pub mod probe;
pub mod reduce;
mod softmax;
pub mod threads;

pub use activation::{Activation, activate};
pub use cross_entropy::cross_entropy;
pub use grads::Grads;
pub use linear::linear;
pub use param::{Init, Param};
pub use softmax::{log_softmax, softmax};
