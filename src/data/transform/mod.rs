//! What happens to a sample between the dataset and the batch: `[[dataset.transform]]`, in order.
//!
//! `normalize` and `standardize` act on every split. `random_crop` and `horizontal_flip` draw
//! random numbers in training only, each a pure function of (seed, position and type of the
//! transform, epoch, sample id); in evaluation they do the same every time.

mod draw;
mod horizontal_flip;
mod normalize;
mod per_channel;
mod pipeline;
mod random_crop;
mod spec;
mod standardize;

pub use draw::Draw;
pub use horizontal_flip::HorizontalFlip;
pub use normalize::Normalize;
pub use per_channel::PerChannel;
pub use pipeline::{Scratch, Transforms};
pub use random_crop::RandomCrop;
pub use spec::{Training, Transform, TransformEntry, TransformSpec};
pub use standardize::Standardize;
