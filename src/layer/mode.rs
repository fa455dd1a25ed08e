//! Training or evaluation.

/// What a forward pass is for. Dropout and batch norm behave differently in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Evaluation: nothing is dropped, running statistics are used and stay as they are.
    Eval,
    /// Training, at the position that random masks depend on.
    Train {
        /// The run's seed.
        seed: u64,
        /// Optimizer updates done before this one.
        step: u32,
        /// Micro-batch within the update.
        micro: u32,
    },
}

impl Mode {
    /// Whether this is training.
    #[must_use]
    pub fn is_train(self) -> bool {
        matches!(self, Self::Train { .. })
    }
}
