//! Models written for `candle_nn`, trained as they stand.
//!
//! Such a model has a constructor that asks a `candle_nn::VarBuilder` for its tensors. A
//! [`CandleModel`] is a table of keys with that constructor, and [`Adapted`] makes a model of the
//! config of it. For a plan the constructor runs over views of a single zero, so that names and
//! shapes are known without memory; a session runs it once more over its own parameters. Names,
//! groups, freezing, checkpoints and reproduction are then those of every model.
//!
//! `docs/candle.md` describes what can go wrong with such a model, and the messages.

mod adapted;
mod cause;
mod dropout;
mod first;
mod kinds;
mod model;
mod proof;
mod tensors;

pub use adapted::Adapted;
pub use cause::cause;
pub use dropout::Dropout;
pub use model::CandleModel;
pub use proof::{Failure, Proof, told};
