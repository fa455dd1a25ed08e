//! The batches of one pass over a split, made here or ahead on a thread.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use super::{
    Batch, DataError, Dataset, Target, Targets,
    transform::{Scratch, Transforms},
};

/// The batches of one pass. Dropping it ends the thread that reads ahead.
pub struct Batches {
    feed: Feed,
    left: usize,
}

enum Feed {
    Here(Box<Maker>),
    Ahead {
        /// `None` only while it is dropped.
        batches: Option<Receiver<Result<Batch, DataError>>>,
        thread: Option<JoinHandle<()>>,
    },
}

impl Batches {
    pub(super) fn new(maker: Maker, prefetch: usize) -> Self {
        let left = maker.left();
        Self {
            feed: Feed::new(maker, prefetch.min(left)),
            left,
        }
    }
}

impl Feed {
    fn new(maker: Maker, prefetch: usize) -> Self {
        // The batch in the maker's hands is one of those made ahead.
        let Some(room) = prefetch.checked_sub(1) else {
            return Self::Here(Box::new(maker));
        };
        let (sender, batches) = sync_channel(room);
        let work = maker.clone();
        let thread = Builder::new().name("data".into()).spawn(move || {
            for batch in work {
                if sender.send(batch).is_err() {
                    return;
                }
            }
        });
        match thread {
            Ok(thread) => Self::Ahead {
                batches: Some(batches),
                thread: Some(thread),
            },
            // Without a thread it is slower, and the batches are the same.
            Err(_) => Self::Here(Box::new(maker)),
        }
    }

    fn next(&mut self) -> Option<Result<Batch, DataError>> {
        match self {
            Self::Here(maker) => maker.next(),
            Self::Ahead { batches, thread } => match batches.as_ref()?.recv() {
                Ok(batch) => Some(batch),
                Err(_) => thread
                    .take()?
                    .join()
                    .err()
                    .map(|panic| Err(worker_error(&*panic))),
            },
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let item = self.feed.next();
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

impl Drop for Batches {
    fn drop(&mut self) {
        if let Feed::Ahead { batches, thread } = &mut self.feed {
            drop(batches.take());
            if let Some(thread) = thread.take() {
                // A panic after the last batch that anyone wanted is nobody's concern.
                drop(thread.join());
            }
        }
    }
}

/// What a panic said.
fn worker_error(panic: &(dyn std::any::Any + Send)) -> DataError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    DataError::Worker(text.unwrap_or("a panic without a message").into())
}

/// Makes the batches of one pass, one after the other. A clone makes the same ones.
pub(super) struct Maker {
    dataset: Arc<dyn Dataset>,
    transforms: Arc<Transforms>,
    batch_size: usize,
    order: Arc<Vec<u32>>,
    /// Position in `order` of the next batch.
    next: usize,
    epoch: Option<u32>,
    scratch: Scratch,
}

impl Maker {
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
            order: Arc::new(order),
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
        let size = self.transforms.shape().iter().product();
        let mut input = vec![0.0; indices.len() * size];
        let mut ids = Vec::with_capacity(indices.len());
        let mut targets = None;
        for (&index, out) in indices.iter().zip(input.chunks_exact_mut(size)) {
            let (dataset, index) = (&*self.dataset, index as usize);
            self.transforms
                .write(dataset, index, self.epoch, &mut self.scratch, out)?;
            let id = dataset.id(index);
            ids.push(id);
            add_target(&mut targets, dataset.target(index), indices.len())
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

impl Iterator for Maker {
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

impl Clone for Maker {
    fn clone(&self) -> Self {
        Self {
            dataset: Arc::clone(&self.dataset),
            transforms: Arc::clone(&self.transforms),
            order: Arc::clone(&self.order),
            scratch: Scratch::default(),
            ..*self
        }
    }
}

/// Appends a target to those of a batch of `len` samples; `None` where it is of another kind.
fn add_target(targets: &mut Option<Targets>, target: Target<'_>, len: usize) -> Option<()> {
    match (targets, target) {
        (targets @ None, Target::Class(class)) => {
            let mut classes = Vec::with_capacity(len);
            classes.push(class);
            *targets = Some(Targets::Classes(classes));
        }
        (targets @ None, Target::Values(values)) => {
            let mut all = Vec::with_capacity(len * values.len());
            all.extend_from_slice(&values);
            *targets = Some(Targets::Values(all));
        }
        (Some(Targets::Classes(classes)), Target::Class(class)) => classes.push(class),
        (Some(Targets::Values(all)), Target::Values(values)) => all.extend_from_slice(&values),
        _ => return None,
    }
    Some(())
}
