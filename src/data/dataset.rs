//! What a dataset is: the traits and values between a `[dataset]` table and its samples.

use std::{fmt::Debug, sync::Arc};

use super::{ClassCounts, DataError, DatasetKeys, Split, SplitKeys, Values};
use crate::{
    error::KeyFault,
    field::Field,
    task::{Target, Task},
};

/// A type of dataset as the config names it: its keys, its checks, its reader.
pub trait DatasetSpec: Debug + Send + Sync {
    /// Faults in its own keys that their schema cannot tell, without looking at any file.
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    /// The split keys it takes where the config is silent. Keys that stay `None` do not apply
    /// (the test split of a dataset that comes with one).
    fn defaults(&self) -> SplitKeys {
        SplitKeys::percent(10.0, 10.0)
    }

    /// Shapes, task and sizes, as cheaply as they can be known; finds missing and malformed files.
    /// Where it is not written, everything is loaded.
    ///
    /// # Errors
    /// Anything about the files or the split that would make [`load`](Self::load) fail and that
    /// can be seen without reading all samples.
    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        Ok(self.load(keys, seed)?.facts)
    }

    /// The samples of every split. A pure function of the files' content, the keys and the seed.
    ///
    /// # Errors
    /// A file that cannot be read, is malformed, or has too few samples for the splits.
    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError>;

    /// The same dataset with the targets of a regression in their own unit, for a loss that takes
    /// only some values; `None` where they are so anyway.
    fn unscaled(&self) -> Option<Arc<dyn DatasetSpec>> {
        None
    }

    /// The same dataset with categories in a field of their own, as ids, for a model that embeds
    /// them; `None` where it has no such form.
    fn with_categories(&self) -> Option<Arc<dyn DatasetSpec>> {
        None
    }
}

/// Samples that can be had in any order, from any thread.
pub trait Dataset: Send + Sync {
    /// Returns how many samples there are.
    fn len(&self) -> usize;

    /// Appends the values of one field of sample `index` to `out`, row-major, as many as the field's
    /// shape says. `field` is its place in [`Facts::fields`], and `out` is of its kind.
    ///
    /// # Errors
    /// The sample cannot be read (never for data in memory).
    fn get(&self, index: usize, field: usize, out: &mut Values) -> Result<(), DataError>;

    /// What is to be predicted for sample `index`.
    fn target(&self, index: usize) -> Target<'_>;

    /// The sample's number in the whole dataset, the same in every split and under every limit.
    /// Augmentation is keyed by it.
    fn id(&self, index: usize) -> u32 {
        index as u32
    }

    /// Returns the place of sample `index` for messages: a file's line where it has one.
    fn place(&self, index: usize) -> String {
        format!("sample {}", self.id(index))
    }

    /// Returns whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is known about a dataset before it is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The fields of a sample before any transform, one at least.
    pub fields: Vec<Field>,
    /// The task: what is predicted.
    pub task: Task,
    /// Training samples, after splitting and `limit`.
    pub train: usize,
    /// Validation samples; 0 where there is no such split.
    pub val: usize,
    /// Test samples; 0 where there is no such split.
    pub test: usize,
    /// Samples of each class in each split; `ClassCounts::default()` where there are no classes.
    pub counts: ClassCounts,
    /// What the reader of a plan should know: decisions taken from the data, oddities found.
    pub notes: Vec<String>,
    /// Oddities that are worth a warning, each at the key in `[dataset]` that mends it.
    pub warnings: Vec<KeyFault>,
}

/// A loaded dataset.
#[derive(Clone)]
pub struct Data {
    /// The same facts as [`DatasetSpec::describe`] gives.
    pub facts: Facts,
    /// The training split.
    pub train: Arc<dyn Dataset>,
    /// The validation split.
    pub val: Option<Arc<dyn Dataset>>,
    /// The test split.
    pub test: Option<Arc<dyn Dataset>>,
    /// BLAKE3 of the content (of files after decompression), in hexadecimal.
    pub fingerprint: String,
    /// Where a regression's targets are standardised: mean and standard deviation of each, so that
    /// `prediction · std + mean` is in the data's own unit.
    pub target_scale: Option<Vec<(f64, f64)>>,
}

impl Data {
    /// The splits of `whole`, with `facts` corrected to their sizes and classes.
    #[must_use]
    pub fn new(facts: Facts, whole: &Arc<dyn Dataset>, split: Split, fingerprint: String) -> Self {
        let counts = ClassCounts::of_dataset(&split, &facts.task, &**whole);
        let part = |ids: Vec<u32>| -> Option<Arc<dyn Dataset>> {
            (!ids.is_empty()).then(|| Arc::new(Subset::new(Arc::clone(whole), ids)) as _)
        };
        Self {
            facts: Facts {
                train: split.train.len(),
                val: split.val.len(),
                test: split.test.len(),
                counts,
                ..facts
            },
            train: Arc::new(Subset::new(Arc::clone(whole), split.train)),
            val: part(split.val),
            test: part(split.test),
            fingerprint,
            target_scale: None,
        }
    }
}

impl Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data")
            .field("facts", &self.facts)
            .field("fingerprint", &self.fingerprint)
            .field("target_scale", &self.target_scale)
            .finish_non_exhaustive()
    }
}

/// Some samples of a dataset, in a given order, under their own ids.
pub struct Subset {
    whole: Arc<dyn Dataset>,
    indices: Vec<u32>,
}

impl Subset {
    /// The samples of `whole` at `indices`, each below its length.
    #[must_use]
    pub fn new(whole: Arc<dyn Dataset>, indices: Vec<u32>) -> Self {
        Self { whole, indices }
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize, field: usize, out: &mut Values) -> Result<(), DataError> {
        self.whole.get(self.indices[index] as usize, field, out)
    }

    fn target(&self, index: usize) -> Target<'_> {
        self.whole.target(self.indices[index] as usize)
    }

    fn id(&self, index: usize) -> u32 {
        self.whole.id(self.indices[index] as usize)
    }

    fn place(&self, index: usize) -> String {
        self.whole.place(self.indices[index] as usize)
    }
}
