//! Arithmetic under Candle's autograd: parameters, gradients, and fused operations for the CPU.
//!
//! Everything stays a Candle tensor. Each operation has a forward and a backward pass of its own,
//! parallel over chunks of work that depend on the shapes only; partial sums are combined in a fixed
//! order, so results have the same bits with any number of threads. They are f32; on bf16 and f16 they
//! run between two casts.
//!
//! Its rooms, from below: `simd`, `memory`, `gemm` (matrix products), `autograd`, `conv2d`, `composed`
//! (the operations out of Candle's own) and `op`, the operations themselves. This is the only module
//! that may say `unsafe`.

mod autograd;
mod composed;
mod conv2d;
mod gemm;
mod memory;
mod op;
mod simd;
#[cfg(test)]
mod tests;

pub use autograd::{Grads, Init, Param, Tape, reshape};
pub use composed::Activation;
pub use conv2d::{Conv, Pool, places};
pub use memory::{allocator, bytes, inplace, reduce, threads};
pub use op::{
    Running, activate, add, add_relu, attention, attention_within, avg_pool2d, batch_norm,
    channels_first, channels_last, conv2d, cross_entropy, cross_entropy_rows, dropout, embedding,
    global_avg_pool2d, known_gradient, last, last_within, layer_norm, linear, log_softmax, lstm,
    max_pool2d, mean_within, pad_channels, side_by_side, softmax,
};
#[cfg(test)]
pub use tests::probe;
