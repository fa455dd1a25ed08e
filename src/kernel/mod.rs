//! Arithmetic under Candle's autograd: parameters, gradients, and fused operations for the CPU.
//!
//! Everything stays a Candle tensor. Each operation is a `CustomOp` with a forward and a backward
//! pass of its own, parallel over chunks of work that depend on the shapes only; partial sums are
//! combined in a fixed order, so results have the same bits with any number of threads.
//! They are f32; [`mixed`] runs them on bf16 and f16.
//! This is the only module that may say `unsafe`.

pub mod activation;
mod add;
mod ahead;
mod attention;
mod avg_pool;
pub mod batch_norm;
mod bytes;
mod collect;
pub mod composed;
pub mod conv2d;
mod conv2d_backward;
mod cross_entropy;
mod dropout;
#[cfg(test)]
mod edge_tests;
mod embedding;
mod frame;
mod fresh;
pub mod grads;
mod heads;
pub mod inplace;
mod known_slope;
mod lanes;
mod layer_norm;
mod linear;
mod lstm;
pub mod math;
pub mod matmul;
pub mod max_pool;
pub mod mixed;
pub mod operand;
mod order;
mod pad_channels;
pub mod pages;
pub mod param;
mod pooled;
#[cfg(test)]
pub mod probe;
mod recurrence;
pub mod reduce;
mod side_by_side;
mod softmax;
mod spread;
mod tape;
pub mod threads;
mod tile;
mod turn;
mod wide;
pub mod window;
mod winograd;

pub use activation::{Activation, activate};
pub use add::{add, add_relu};
pub use attention::{attention, attention_within};
pub use avg_pool::{avg_pool2d, global_avg_pool2d};
pub use batch_norm::{Running, batch_norm};
pub use bytes::bytes;
pub use conv2d::{Conv, conv2d};
pub use cross_entropy::{cross_entropy, cross_entropy_rows};
pub use dropout::dropout;
pub use embedding::embedding;
pub use grads::Grads;
pub use known_slope::known_slope;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use lstm::{last, lstm};
pub use max_pool::{Pool, max_pool2d};
pub use order::{channels_first, channels_last};
pub use pad_channels::pad_channels;
pub use param::{Init, Param};
pub use pooled::{last_within, mean_within};
pub use side_by_side::side_by_side;
pub use softmax::{log_softmax, softmax};
pub use tape::reshape;
pub(crate) use wide::wide;
