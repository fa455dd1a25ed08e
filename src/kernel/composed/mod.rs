//! The operations composed of Candle's own: what runs on CUDA and Metal and for other types than
//! f32, and the independent reference that the fused kernels are tested against.
//!
//! Only operations whose gradients are right are used: Candle's `max_pool2d`, `avg_pool2d`, its
//! ReLU at 0, and the norms and softmax of `candle_nn` have wrong or no gradients.

mod activation;
mod add;
mod attention;
mod avg_pool;
mod batch_norm;
mod channels;
mod conv2d;
mod cross_entropy;
mod embedding;
mod known_gradient;
mod layer_norm;
mod linear;
mod lstm;
mod max_pool;
mod pad_channels;
mod pooled;
mod softmax;

pub use activation::{Activation, LEAK, activate, relu};
pub use add::{add, add_relu};
pub use attention::attention;
pub use avg_pool::{avg_pool2d, global_avg_pool2d};
pub use batch_norm::{EPSILON, Moments, batch_norm};
pub use channels::{channels_first, channels_last};
pub use conv2d::conv2d;
pub use cross_entropy::cross_entropy;
pub use embedding::embedding;
pub use known_gradient::known_gradient;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use lstm::{last, lstm};
pub use max_pool::max_pool2d;
pub use pad_channels::pad_channels;
pub use pooled::{last_within, mean_within};
pub use softmax::{log_softmax, softmax};
