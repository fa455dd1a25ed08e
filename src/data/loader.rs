//! Batches of a split, in an order that is a pure function of (seed, epoch), made ahead on a
//! thread.

use std::sync::Arc;

use super::{Batches, DataError, Dataset, batches::Collator, transform::Transforms};
use crate::{
    field::Field,
    rng::{Purpose, Stream},
};

/// Hands out a split in batches. It has no position: [`epoch`](Self::epoch) starts anywhere.
#[derive(Clone)]
pub struct Loader {
    dataset: Arc<dyn Dataset>,
    transforms: Arc<Transforms>,
    keys: LoaderKeys,
    batches: usize,
}

/// How a split is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoaderKeys {
    /// Samples in a batch; at least 1.
    pub batch_size: usize,
    /// Gives each epoch its own random order.
    pub shuffle: bool,
    /// Whether a last batch of fewer samples is left out.
    pub drop_last: bool,
    /// Batches made ahead on a thread; 0 for none and no thread.
    pub prefetch: usize,
    /// Seed of the order.
    pub seed: u64,
}

impl LoaderKeys {
    /// How many batches an epoch over so many samples has; at least 1.
    ///
    /// # Errors
    /// `drop_last` leaves none, or there are no samples.
    pub fn batches(&self, samples: usize) -> Result<usize, DataError> {
        let batch_size = self.batch_size;
        let batches = match self.drop_last {
            true => samples.checked_div(batch_size).unwrap_or(0),
            false => samples.div_ceil(batch_size.max(1)),
        };
        if batches == 0 || batch_size == 0 {
            return Err(DataError::NoBatch {
                samples,
                batch_size,
            });
        }
        Ok(batches)
    }
}

impl Loader {
    /// A loader of `dataset`, whose samples have the fields that `transforms` were fitted for.
    ///
    /// # Errors
    /// `drop_last` would leave no batch.
    pub fn new(
        dataset: Arc<dyn Dataset>,
        transforms: Arc<Transforms>,
        keys: LoaderKeys,
    ) -> Result<Self, DataError> {
        let batches = keys.batches(dataset.len())?;
        Ok(Self {
            batches,
            dataset,
            transforms,
            keys,
        })
    }

    /// Batches of a training epoch (from 0), without the first `skip_batches` of them: what is
    /// left is bit for bit what it would have been.
    #[must_use]
    pub fn epoch(&self, epoch: u32, skip_batches: usize) -> Batches {
        let order = self.indices(epoch);
        Batches::new(
            self.collator(order, Some(epoch), skip_batches),
            self.keys.prefetch,
        )
    }

    /// Every sample in the dataset's order, as evaluation sees it: nothing shuffled, dropped or
    /// random.
    #[must_use]
    pub fn sequential(&self) -> Batches {
        let order = (0..self.dataset.len() as u32).collect();
        Batches::new(self.collator(order, None, 0), self.keys.prefetch)
    }

    /// How many batches an epoch has.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.batches
    }

    /// Ids of the samples of a training epoch in order; those of a dropped last batch are not in it.
    #[must_use]
    pub fn order(&self, epoch: u32) -> Vec<u32> {
        let mut order = self.indices(epoch);
        order
            .iter_mut()
            .for_each(|index| *index = self.dataset.id(*index as usize));
        order
    }

    /// Returns the fields of a sample in a batch.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        self.transforms.fields()
    }

    /// How many samples the split has.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.dataset.len()
    }

    fn indices(&self, epoch: u32) -> Vec<u32> {
        let samples = self.dataset.len();
        let mut order: Vec<u32> = if self.keys.shuffle {
            Stream::new(self.keys.seed, Purpose::Shuffle, "").permutation(samples, epoch)
        } else {
            (0..samples as u32).collect()
        };
        order.truncate(self.batches * self.keys.batch_size);
        order
    }

    fn collator(&self, order: Vec<u32>, epoch: Option<u32>, skip: usize) -> Collator {
        let dataset = Arc::clone(&self.dataset);
        let transforms = Arc::clone(&self.transforms);
        Collator::new(
            dataset,
            transforms,
            self.keys.batch_size,
            order,
            epoch,
            skip,
        )
    }
}

#[cfg(test)]
mod tests;
