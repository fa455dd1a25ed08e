//! Requests from outside: to end a run soon and in order, and to save a checkpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Holds the number of the signal that asked the run to stop, or 0, and whether a checkpoint is
/// asked for. Cloning shares it. It is read before every update and every evaluated batch.
#[derive(Debug, Clone, Default)]
pub struct StopFlag {
    signal: Arc<AtomicUsize>,
    request: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
}

/// A stretch of work that a first signal lets end in order. It lasts as long as this lives.
#[derive(Debug)]
pub struct Orderly(StopFlag);

impl StopFlag {
    /// A flag that nobody has raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the end in the name of `signal` (2 for SIGINT, 15 for SIGTERM); the first to ask
    /// is remembered.
    pub fn raise(&self, signal: i32) {
        let number = usize::try_from(signal).unwrap_or(usize::MAX);
        // A second signal finds the number taken, which is what is wanted.
        let _ = self
            .signal
            .compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The signal that asked, where one did.
    #[must_use]
    pub fn raised(&self) -> Option<i32> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            number => Some(i32::try_from(number).unwrap_or(i32::MAX)),
        }
    }

    /// Asks for a checkpoint after the next update.
    pub fn request(&self) {
        self.request.store(true, Ordering::Relaxed);
    }

    /// Returns whether a checkpoint was asked for, and forgets it.
    pub(super) fn take_request(&self) -> bool {
        self.request.load(Ordering::Relaxed) && self.request.swap(false, Ordering::Relaxed)
    }

    /// Begins work that has something to save: a first signal now asks for the end.
    #[must_use]
    pub fn orderly(&self) -> Orderly {
        if self.raised().is_none() {
            self.at_once.store(false, Ordering::SeqCst);
        }
        Orderly(self.clone())
    }

    /// The cell of the signal's number, for a signal handler (`signal_hook::flag::register_usize`).
    #[must_use]
    pub fn cell(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.signal)
    }

    /// The cell of the request for a checkpoint, for a signal handler.
    #[must_use]
    pub fn request_cell(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.request)
    }

    /// The cell that tells a signal handler whether a signal ends the process at once: it does
    /// where there is nothing to save, and from the second one on.
    #[must_use]
    pub fn at_once_cell(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.at_once)
    }
}

impl Drop for Orderly {
    fn drop(&mut self) {
        self.0.at_once.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_is_the_one_remembered() {
        let flag = StopFlag::new();
        assert_eq!(flag.raised(), None);
        let handler = flag.clone();
        handler.raise(15);
        handler.raise(2);
        assert_eq!(flag.raised(), Some(15));
    }

    #[test]
    fn a_request_is_answered_once() {
        let flag = StopFlag::new();
        assert!(!flag.take_request());
        flag.clone().request();
        assert!(flag.take_request() && !flag.take_request());
        assert_eq!(flag.raised(), None);
    }

    #[test]
    fn a_signal_ends_at_once_where_nothing_is_to_be_saved() {
        let flag = StopFlag::new();
        let at_once = flag.at_once_cell();
        at_once.store(true, Ordering::SeqCst);
        let work = flag.orderly();
        assert!(!at_once.load(Ordering::SeqCst));
        drop(work);
        assert!(at_once.load(Ordering::SeqCst));
        flag.raise(2);
        let _work = flag.orderly();
        assert!(at_once.load(Ordering::SeqCst), "a second signal ends it");
    }
}
