//! The kernels' functions composed of Candle's own operations: what runs on CUDA and Metal and for
//! other types than f32, and the independent reference that the fused kernels are tested against.
//!
//! Only operations whose gradients are right are used: Candle's `max_pool2d`, `avg_pool2d`, its
//! ReLU at 0, and the norms and softmax of `candle_nn` have wrong or no gradients.

mod activation;
mod add;
mod attention;
mod conv;
mod dense;
mod embedding;
mod known_slope;
mod lstm;
mod norm;
mod order;
mod pool;
mod pooled;
mod residual;
mod softmax;

pub use activation::{activate, relu};
pub use add::add;
pub use attention::attention;
pub use conv::conv2d;
pub use dense::linear;
pub use embedding::embedding;
pub use known_slope::known_slope;
pub use lstm::{last, lstm};
pub use norm::{batch_norm, layer_norm};
pub use order::{channels_first, channels_last};
pub use pool::{avg_pool2d, global_avg_pool2d, max_pool2d};
pub use pooled::{last_within, mean_within};
pub use residual::{add_relu, pad_channels};
pub use softmax::{cross_entropy, log_softmax, softmax};
