//! The operations, a file each: what models are made of.
//!
//! Each checks its operands, then runs the fused kernel for the CPU, or on other devices and types
//! its twin in [`composed`](super::composed). A fused kernel has a forward and a backward pass; the
//! file's head gives the formula, the shapes and the source.

mod activation;
mod add;
mod attention;
mod attention_cpu;
mod avg_pool;
mod batch_norm;
mod channels;
mod conv2d;
mod cross_entropy;
mod dropout;
mod embedding;
mod known_gradient;
mod layer_norm;
mod linear;
mod lstm;
mod lstm_cpu;
mod max_pool;
mod pad_channels;
mod pooled;
mod side_by_side;
mod softmax;

pub use activation::activate;
pub use add::{add, add_relu};
pub use attention::{attention, attention_within};
pub use avg_pool::{avg_pool2d, global_avg_pool2d};
pub use batch_norm::{Running, batch_norm};
pub use channels::{channels_first, channels_last};
pub use conv2d::conv2d;
pub use cross_entropy::{cross_entropy, cross_entropy_rows};
pub use dropout::dropout;
pub use embedding::embedding;
pub use known_gradient::known_gradient;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use lstm::{last, lstm};
pub use max_pool::max_pool2d;
pub use pad_channels::pad_channels;
pub use pooled::{last_within, mean_within};
pub use side_by_side::side_by_side;
pub use softmax::{log_softmax, softmax};
