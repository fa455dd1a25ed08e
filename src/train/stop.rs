//! A request from outside to end a run soon and in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Holds the number of the signal that asked the run to stop, or 0. Cloning shares it. It is read
/// before every update and every evaluated batch.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicUsize>);

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
            .0
            .compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The signal that asked, where one did.
    #[must_use]
    pub fn raised(&self) -> Option<i32> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            number => Some(i32::try_from(number).unwrap_or(i32::MAX)),
        }
    }

    /// The cell itself, for a signal handler (`signal_hook::flag::register_usize`).
    #[must_use]
    pub fn cell(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
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
}
