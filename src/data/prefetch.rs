//! Batches made ahead on a thread, or by whoever needs the next one before the thread gets to it:
//! a small batch is made sooner than a thread is woken, above all on a busy machine.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{Builder, JoinHandle},
};

use super::{Batch, DataError, batches::Collator};

/// The batches of one pass, the next few of them in memory. Dropping it ends the thread.
pub(super) struct Prefetch {
    shared: Arc<Shared>,
    /// `None` where there could be no thread: it is slower then, and the batches are the same.
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Held while a batch is made and queued, so that they are queued in order.
    collator: Mutex<Collator>,
    queue: Mutex<Queue>,
    /// There is room in the queue, or it is closed.
    room: Condvar,
    /// There is a batch in the queue.
    made: Condvar,
    /// How many batches are made ahead.
    most: usize,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Result<Batch, DataError>>,
    closed: bool,
}

impl Prefetch {
    /// The collator's batches, so many of them ahead of the one that was taken last.
    pub fn new(collator: Collator, most: usize) -> Self {
        let shared = Arc::new(Shared {
            collator: Mutex::new(collator),
            queue: Mutex::default(),
            room: Condvar::new(),
            made: Condvar::new(),
            most,
        });
        let work = Arc::clone(&shared);
        let thread = Builder::new()
            .name("data".into())
            .spawn(move || work.work());
        Self {
            shared,
            thread: thread.ok(),
        }
    }

    /// The next batch; a panic while it was made is an error. Not to be asked for after the last
    /// one or after an error.
    pub fn next(&mut self) -> Option<Result<Batch, DataError>> {
        if let Some(batch) = self.shared.take() {
            return Some(batch);
        }
        match self.shared.collator.try_lock() {
            // The thread may have queued one meanwhile.
            Ok(mut collator) => self.shared.take().or_else(|| make(&mut collator)),
            // It is at it.
            Err(_) => self.shared.wait(),
        }
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.room.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its panics are batches.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn take(&self) -> Option<Result<Batch, DataError>> {
        let batch = lock(&self.queue).ready.pop_front()?;
        self.room.notify_one();
        Some(batch)
    }

    /// Takes the batch that the thread is making.
    fn wait(&self) -> Option<Result<Batch, DataError>> {
        let none = |queue: &mut Queue| queue.ready.is_empty();
        drop(self.made.wait_while(lock(&self.queue), none));
        self.take()
    }

    /// What the thread does.
    fn work(&self) {
        loop {
            let full = |queue: &mut Queue| !queue.closed && queue.ready.len() >= self.most;
            let waited = self.room.wait_while(lock(&self.queue), full);
            if waited.unwrap_or_else(PoisonError::into_inner).closed {
                return;
            }
            let mut collator = lock(&self.collator);
            let Some(batch) = make(&mut collator) else {
                return;
            };
            let failed = batch.is_err();
            lock(&self.queue).ready.push_back(batch);
            self.made.notify_one();
            if failed {
                return;
            }
        }
    }
}

fn make(collator: &mut Collator) -> Option<Result<Batch, DataError>> {
    catch_unwind(AssertUnwindSafe(|| collator.next()))
        .unwrap_or_else(|panic| Some(Err(worker_error(&*panic))))
}

/// What a panic said.
fn worker_error(panic: &(dyn Any + Send)) -> DataError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    DataError::Worker(text.unwrap_or("a panic without a message").into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
