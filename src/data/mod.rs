//! Data: from a `[dataset]` table to batches in a fixed order.
//!
//! A [`DatasetSpec`] is what the config says; [`DatasetSpec::describe`] looks at the files without
//! loading them and gives [`Facts`] (shapes, task, sizes); [`DatasetSpec::load`] gives [`Data`]:
//! a [`Dataset`] for each split. [`Transforms`] are fitted on the training split, and a [`Loader`]
//! turns a split into [`Batch`]es, read ahead on a thread.
//!
//! Everything random is a pure function of (seed, purpose, epoch, sample): the assignment to
//! splits, the order of an epoch, every augmentation. Hence a run resumed in the middle of an epoch
//! sees exactly the batches it would have seen, whatever the number of threads.
//!
//! Files are not trusted: every header is checked before anything is allocated, memory is bounded
//! by the file's length, and every fault names its file and place.

mod audit;
mod batch;
mod batches;
mod classes;
mod collate;
mod content;
pub mod csv;
mod dataset;
mod digits;
mod encoding;
mod error;
mod idx;
mod images;
mod in_memory;
mod keys;
mod loader;
mod mnist;
mod prefetch;
mod share;
#[cfg(test)]
pub(crate) mod shared;
mod split;
mod statistics;
mod synthetic;
mod text;
mod text_classes;
pub mod transform;

pub use audit::TargetFault;
pub use batch::{Batch, Column, Values, order_hash};
pub use batches::Batches;
pub use classes::ClassCounts;
pub use csv::Csv;
pub use dataset::{Data, Dataset, DatasetSpec, Facts, Subset};
pub use digits::Digits;
pub use encoding::EncodingError;
pub use error::DataError;
pub use idx::{IdxError, IdxHeader};
pub use in_memory::InMemory;
pub use keys::{DatasetKeys, SplitKeys};
pub use loader::{Loader, LoaderKeys};
pub use mnist::Mnist;
pub use share::{Share, ShareError};
pub use split::{Labels, Split, SplitError, SplitOrder};
pub use statistics::Moments;
pub use synthetic::Synthetic;
pub use text::{Text, TextError};
pub use text_classes::{TextClasses, TextClassesError, TokenKind};
pub use transform::{
    HorizontalFlip, Normalize, RandomCrop, Scratch, Standardize, TransformEntry, TransformSpec,
    Transforms,
};

#[cfg(test)]
pub(crate) use shared::shared_data;
