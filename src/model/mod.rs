//! Models: a table of keys that builds a network from layers.
//!
//! [`ModelSpec`] is what the config holds, [`Model`] what it builds. The shapes of the data arrive
//! as [`Io`]; a model that does not fit them says which of its keys is to blame.

mod cnn;
#[cfg(test)]
mod contract;
mod factors;
mod gpt;
mod lstm;
mod mlp;
mod norm;
#[cfg(test)]
mod reference;
mod resnet;
mod spec;

pub use cnn::{Cnn, Padding};
pub use factors::Factors;
pub use gpt::Gpt;
pub use lstm::Lstm;
pub use mlp::Mlp;
pub use norm::Norm;
pub use resnet::{Resnet, Shortcut};
pub use spec::{Input, Io, Model, ModelSpec};
