//! Checkpoints on disk: a directory with `model.safetensors`, `optimizer.safetensors`,
//! `state.json` and `manifest.json`, which is durable and whole or does not exist.

mod digest;
mod info;
mod load;
mod manifest;
mod prune;
mod save;
mod tensors;

pub use digest::FileDigest;
pub(super) use digest::digest;
pub use info::CheckpointInfo;
pub use load::{Fallback, Pick, checkpoint_of, find_weights, load_best, load_newest, load_step};
pub(super) use load::{Newest, check, list, newest, twice};
pub use manifest::MODEL;
pub(super) use manifest::Manifest;
pub(super) use prune::{discard, doomed, sweep};
pub(super) use save::{Origin, mark, save, settle};
pub use tensors::load_weights;
