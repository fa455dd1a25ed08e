//! The batches of one pass over a split, made here or ahead on a thread.

use std::sync::Arc;

use super::{
    Batch, DataError, Dataset,
    collate::Draft,
    prefetch::Prefetch,
    transform::{Scratch, Transforms},
};
use crate::task::Targets;

/// The batches of one pass. Dropping it ends the thread that reads ahead.
pub struct Batches {
    feed: Feed,
    left: usize,
}

enum Feed {
    Here(Box<Collator>),
    Ahead(Prefetch),
}

impl Batches {
    pub(super) fn new(collator: Collator, prefetch: usize) -> Self {
        let left = collator.left();
        let feed = match prefetch.min(left) {
            0 => Feed::Here(Box::new(collator)),
            most => Feed::Ahead(Prefetch::new(collator, most)),
        };
        Self { feed, left }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let item = match &mut self.feed {
            Feed::Here(collator) => collator.next(),
            Feed::Ahead(ahead) => ahead.next(),
        };
        self.left = if let Some(Ok(_)) = item {
            self.left - 1
        } else {
            0
        };
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Batches {}

/// Makes the batches of one pass, one after the other.
pub(super) struct Collator {
    dataset: Arc<dyn Dataset>,
    transforms: Arc<Transforms>,
    batch_size: usize,
    order: Vec<u32>,
    /// Position in `order` of the next batch.
    next: usize,
    epoch: Option<u32>,
    scratch: Scratch,
}

impl Collator {
    /// The batches of `order` (indices into `dataset`) from the `skip`-th on, as training sees
    /// them in `epoch`, or evaluation where there is none.
    pub(super) fn new(
        dataset: Arc<dyn Dataset>,
        transforms: Arc<Transforms>,
        batch_size: usize,
        order: Vec<u32>,
        epoch: Option<u32>,
        skip: usize,
    ) -> Self {
        Self {
            dataset,
            transforms,
            batch_size,
            next: skip.saturating_mul(batch_size).min(order.len()),
            order,
            epoch,
            scratch: Scratch::default(),
        }
    }

    /// Batches still to be made.
    fn left(&self) -> usize {
        (self.order.len() - self.next).div_ceil(self.batch_size)
    }

    fn make(&mut self, end: usize) -> Result<Batch, DataError> {
        let (dataset, fields) = (&*self.dataset, self.transforms.fields());
        let indices = &self.order[self.next..end];
        let len = indices.len();
        let drafts = fields.iter().map(|field| Draft::new(field, len));
        let mut drafts: Vec<Draft> = drafts.collect();
        let mut ids = Vec::with_capacity(len);
        let mut targets = None;
        for &index in indices {
            let index = index as usize;
            for (place, (draft, field)) in drafts.iter_mut().zip(fields).enumerate() {
                let (scratch, out) = (&mut self.scratch, &mut draft.values);
                self.transforms
                    .write(dataset, (index, place), self.epoch, scratch, out)?;
                draft.end_sample(field, dataset, index)?;
            }
            let (id, target) = (dataset.id(index), dataset.target(index));
            let all = targets.get_or_insert_with(|| Targets::with_room(&target, len));
            all.add(&target, ids.len())
                .ok_or(DataError::MixedTargets { id })?;
            ids.push(id);
        }
        let columns = drafts.into_iter().zip(fields);
        Ok(Batch {
            columns: columns.map(|(draft, field)| draft.finish(field)).collect(),
            len,
            targets: targets.unwrap_or(Targets::Classes(Vec::new())),
            ids,
        })
    }
}

impl Iterator for Collator {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.order.len() {
            return None;
        }
        let end = (self.next + self.batch_size).min(self.order.len());
        let batch = self.make(end);
        self.next = if batch.is_ok() { end } else { self.order.len() };
        Some(batch)
    }
}
