//! Layers: what a model is made of. Each takes the shape of one sample when it is built and knows
//! the shape it gives, so a model's shapes, parameters and costs are known before any number is.
//!
//! A layer asks the [`Builder`] for its parameters and records a [`LayerInfo`]. The same
//! constructor serves a plan, where parameters stay names and shapes, and a session, which fills
//! them on a device. On the CPU layers run on the fused kernels, elsewhere on Candle's operations;
//! the choice is the kernels'.
//!
//! Initial values are PyTorch's defaults ([`init`]), parameter names PyTorch's too (`weight`,
//! `bias`, `running_mean`, `running_var`).

mod activation;
mod architecture;
mod attention;
mod batch_norm;
mod builder;
mod conv2d;
mod dropout;
mod embedding;
mod error;
mod flatten;
pub mod init;
mod last;
mod layer_norm;
mod linear;
mod lstm;
mod mean;
mod mode;
mod pad;
mod pool;
#[cfg(test)]
mod reference;
mod residual;
mod rows;

pub use activation::{Activate, Activation};
pub use architecture::{Architecture, LayerInfo, LeastBatch};
pub use attention::{Attention, AttentionKeys};
pub use batch_norm::BatchNorm;
pub use builder::Builder;
pub use conv2d::{Conv2d, Conv2dKeys};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use error::LayerError;
pub use flatten::Flatten;
pub use last::Last;
pub use layer_norm::LayerNorm;
pub use linear::{Linear, LinearKeys};
pub use lstm::Lstm;
pub use mean::Mean;
pub use mode::Mode;
pub use pad::PadChannels;
pub use pool::{Pool2d, PoolKind};
pub use residual::AddRelu;
pub use rows::Rows;
