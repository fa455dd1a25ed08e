//! How long a run is, in steps.

use super::train::TrainKeys;
use crate::{
    error::KeyFault,
    units::{Clock, Span},
};

/// Steps of everything. One step is one optimizer update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Length {
    /// Batches of one epoch.
    pub batches_per_epoch: u64,
    /// Updates of one epoch: batches over `grad_accumulation`, rounded up.
    pub steps_per_epoch: u64,
    /// Updates of the run.
    pub total_steps: u64,
    /// Updates that the schedules refer to.
    pub horizon: u64,
    /// Updates between evaluations.
    pub eval_every: u64,
    /// Updates between logged steps.
    pub log_every: u64,
}

impl Length {
    /// Resolves the lengths of `[train]`; `before_flags` is the length that the file says where a
    /// flag changed it. Faults have keys of `[train]`.
    ///
    /// # Errors
    /// Every span that makes no sense.
    pub fn resolve(
        train: &TrainKeys,
        before_flags: Option<(Option<u64>, Option<u64>)>,
        batches_per_epoch: u64,
    ) -> Result<Self, Vec<KeyFault>> {
        let steps_per_epoch = batches_per_epoch
            .div_ceil(train.grad_accumulation as u64)
            .max(1);
        let total = |epochs: Option<u64>, steps: Option<u64>| match (epochs, steps) {
            (Some(epochs), None) => epochs.checked_mul(steps_per_epoch),
            (None, steps) => steps,
            (Some(_), Some(_)) => None,
        };
        let Some(total_steps) = total(train.epochs, train.steps) else {
            return Err(vec![KeyFault::error(
                "",
                "`[train]` needs either `epochs` or `steps`",
            )]);
        };
        let before = before_flags.and_then(|(epochs, steps)| total(epochs, steps));
        let mut faults = Vec::new();
        let mut steps = |key: &str, span: &Span, eval: u64| {
            let clock = Clock {
                steps_per_epoch,
                whole: total_steps,
                steps_per_eval: eval,
            };
            match span.steps(&clock) {
                Some(steps) => (steps.round() as u64).max(1),
                None => {
                    let fault = KeyFault::error(key, format!("`{key}` cannot be \"{span}\""));
                    faults.push(fault.hint("count in epochs, steps or %"));
                    1
                }
            }
        };
        let eval_every = steps("eval_every", &train.eval_every, 1);
        let log_every = steps("log_every", &train.log_every, eval_every);
        let horizon = match &train.horizon {
            Some(span) => steps("horizon", span, eval_every),
            None => before.map_or(total_steps, |before| before.max(total_steps)),
        };
        if faults.is_empty() {
            let length = Self {
                batches_per_epoch,
                steps_per_epoch,
                total_steps,
                horizon,
                eval_every,
                log_every,
            };
            Ok(length)
        } else {
            Err(faults)
        }
    }

    /// Epochs of the run, rounded up.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.total_steps.div_ceil(self.steps_per_epoch)
    }

    /// What turns a schedule's spans into steps.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock {
            steps_per_epoch: self.steps_per_epoch,
            whole: self.horizon,
            steps_per_eval: self.eval_every,
        }
    }
}
