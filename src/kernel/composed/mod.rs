//! The kernels' functions composed of Candle's own operations: what runs on CUDA and Metal and for
//! other types than f32, and the independent reference that the fused kernels are tested against.
//!
//! Only operations whose gradients are right are used: Candle's `max_pool2d`, `avg_pool2d`, its
//! ReLU at 0, and the norms and softmax of `candle_nn` have wrong or no gradients.

mod activation;
mod dense;
mod softmax;

pub use activation::{activate, relu};
pub use dense::linear;
pub use softmax::{cross_entropy, log_softmax, softmax};
