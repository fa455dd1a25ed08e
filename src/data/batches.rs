//! The batches of one pass over a split, made here or ahead on a thread.

use std::sync::Arc;

use super::{
    Batch, DataError, Dataset, Target, Targets,
    prefetch::Prefetch,
    transform::{Scratch, Transforms},
};

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
        let indices = &self.order[self.next..end];
        let size: usize = self.transforms.shape().iter().product();
        // Zeroed sample by sample, where it is written the next moment: not a trip through memory.
        let mut input = Vec::with_capacity(indices.len() * size);
        let mut ids = Vec::with_capacity(indices.len());
        let mut targets = None;
        for &index in indices {
            let (dataset, index) = (&*self.dataset, index as usize);
            let start = input.len();
            input.resize(start + size, 0.0);
            let (scratch, out) = (&mut self.scratch, &mut input[start..]);
            self.transforms
                .write(dataset, index, self.epoch, scratch, out)?;
            let id = dataset.id(index);
            ids.push(id);
            let place = (ids.len() - 1, indices.len());
            add_target(&mut targets, dataset.target(index), place)
                .ok_or(DataError::MixedTargets { id })?;
        }
        Ok(Batch {
            input,
            len: ids.len(),
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

/// Appends the target of a batch's `done`-th sample of `len` to those before it; `None` where it is
/// of another kind.
fn add_target(
    targets: &mut Option<Targets>,
    target: Target<'_>,
    (done, len): (usize, usize),
) -> Option<()> {
    if targets.is_none() {
        *targets = Some(match &target {
            Target::Class(_) => Targets::Classes(Vec::with_capacity(len)),
            Target::Classes(places) => Targets::Classes(Vec::with_capacity(len * places.len())),
            Target::Values(values) => Targets::Values(Vec::with_capacity(len * values.len())),
        });
    }
    match (targets.as_mut()?, target) {
        (Targets::Classes(all), Target::Class(class)) if all.len() == done => all.push(class),
        (Targets::Classes(all), Target::Classes(places)) if all.len() == done * places.len() => {
            all.extend_from_slice(&places);
        }
        (Targets::Values(all), Target::Values(values)) if all.len() == done * values.len() => {
            all.extend_from_slice(&values);
        }
        _ => return None,
    }
    Some(())
}
