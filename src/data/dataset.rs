//! What a dataset is: the traits and values between a `[dataset]` table and its samples.

use std::{borrow::Cow, fmt::Debug, sync::Arc};

use super::{ClassCounts, DataError, DatasetKeys, Split, SplitKeys};
use crate::error::KeyFault;

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
    ///
    /// # Errors
    /// Anything about the files or the split that would make [`load`](Self::load) fail and that
    /// can be seen without reading all samples.
    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError>;

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
}

/// Samples that can be had in any order, from any thread.
pub trait Dataset: Send + Sync {
    /// Returns how many samples there are.
    fn len(&self) -> usize;

    /// Writes the input of sample `index` into `out`, its place in the batch; row-major, of the
    /// length that [`Facts::shape`] says. `out` may hold anything before. Ids of tokens are whole
    /// numbers below 2²⁴, which f32 holds exactly.
    ///
    /// # Errors
    /// The sample cannot be read (never for data in memory).
    fn get(&self, index: usize, out: &mut [f32]) -> Result<(), DataError>;

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

/// What is to be predicted for one sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Target<'a> {
    /// Index into the class names.
    Class(u32),
    /// An index for each place of the sample, the same count for each sample.
    Classes(Cow<'a, [u32]>),
    /// The numbers of a regression, in the unit that the model is trained in.
    Values(Cow<'a, [f32]>),
}

/// What is known about a dataset before it is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Shape of one sample before any transform: `[channels, height, width]`, `[features]`, or
    /// `[context]` where it is made of tokens.
    pub shape: Vec<usize>,
    /// What is to be predicted.
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

/// What is to be predicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// One of several classes.
    Classification {
        /// How many.
        classes: usize,
        /// Their names by index.
        names: Vec<String>,
    },
    /// Numbers.
    Regression {
        /// How many for each sample.
        targets: usize,
    },
    /// The token that follows, for each place of a sample; a sample is made of tokens itself.
    NextToken {
        /// The different tokens, by their ids.
        vocabulary: Vec<String>,
    },
}

impl Task {
    /// Classification into classes of these names.
    #[must_use]
    pub fn classes(names: Vec<String>) -> Self {
        Self::Classification {
            classes: names.len(),
            names,
        }
    }

    /// How many numbers a model puts out for one sample: a logit a class, or a value a target. For
    /// tokens, how many for each place: a logit a token.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classification { classes, .. } => *classes,
            Self::Regression { targets } => *targets,
            Self::NextToken { vocabulary } => vocabulary.len(),
        }
    }

    /// The names of what a model puts out, in order: classes, tokens, or the numbers of the targets.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Classification { names, .. } => names.clone(),
            Self::Regression { targets } => (0..*targets).map(|i| i.to_string()).collect(),
            Self::NextToken { vocabulary } => vocabulary.clone(),
        }
    }

    /// Returns whether it is a classification, of whole samples or of the places in them.
    #[must_use]
    pub fn is_classification(&self) -> bool {
        !matches!(self, Self::Regression { .. })
    }

    /// Returns whether a sample is made of tokens, and each place has a class of its own.
    #[must_use]
    pub fn is_tokens(&self) -> bool {
        matches!(self, Self::NextToken { .. })
    }
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

    fn get(&self, index: usize, out: &mut [f32]) -> Result<(), DataError> {
        self.whole.get(self.indices[index] as usize, out)
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
