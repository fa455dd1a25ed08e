//! Models: a table of keys that builds a network from layers.
//!
//! [`ModelSpec`] is what the config holds, [`Model`] what it builds. The shapes of the data arrive
//! as [`Io`], and a model says what it [`Takes`]; one that does not fit the shapes says which of its
//! keys is to blame.

mod block;
mod cnn;
#[cfg(test)]
mod contract;
mod embed;
mod factors;
mod gpt;
mod inputs;
mod lstm;
mod mlp;
mod norm;
#[cfg(test)]
mod reference;
mod resnet;
mod spec;
mod takes;
mod transformer;

pub use cnn::{Cnn, Padding};
pub use embed::{Auto, Embed};
pub use factors::Factors;
pub use gpt::Gpt;
pub use inputs::{Input, Inputs};
pub use lstm::Lstm;
pub use mlp::Mlp;
pub use norm::Norm;
pub use resnet::{Resnet, Shortcut};
pub use spec::{Io, Model, ModelSpec};
pub use takes::Takes;
pub use transformer::Transformer;
