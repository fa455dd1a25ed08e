//! Rows before they are in the log: which keys an event's row has.

use std::borrow::Cow;

use super::Value;
use crate::event::{Checkpoint, EpochRow, EvalRow, Metrics, Reason, StepRow, key};

/// A row that has no `seq`, `attempt` and `time` yet.
#[derive(Debug, Clone, PartialEq)]
pub struct RowBuilder {
    /// Its kind.
    pub kind: &'static str,
    /// Updates done.
    pub step: u64,
    /// Epochs done, whole or a fraction; of an epoch row so also its number, from 1.
    pub epoch: f64,
    /// Its values in the order they are written, no key twice.
    pub values: Vec<(Cow<'static, str>, Value)>,
}

impl RowBuilder {
    fn new(kind: &'static str, step: u64, epoch: f64) -> Self {
        Self {
            kind,
            step,
            epoch,
            values: Vec::with_capacity(8),
        }
    }

    /// Adds a value; the first one of a key stays.
    fn put(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        let key = key.into();
        if !self.values.iter().any(|(taken, _)| *taken == key) {
            self.values.push((key, value.into()));
        }
        self
    }

    fn put_all(self, values: &Metrics) -> Self {
        values.iter().fold(self, |builder, (key, value)| {
            builder.put(key.clone(), *value)
        })
    }

    /// The row of an optimizer update.
    pub fn step(row: &StepRow) -> Self {
        let mut builder = Self::new("step", row.step, row.epoch)
            .put(key::LR, row.lr)
            .put_all(&row.extra);
        if let Some(loss) = row.loss {
            builder = builder.put(key::TRAIN_LOSS, loss);
        }
        if let Some(norm) = row.grad_norm {
            builder = builder.put(key::GRAD_NORM, norm);
        }
        builder
            .put(key::STEP_TIME_MS, row.step_time_ms)
            .put(key::DATA_TIME_MS, row.data_time_ms)
    }

    /// The row of an epoch.
    pub fn epoch(row: &EpochRow) -> Self {
        Self::new("epoch", row.step, (row.epoch + 1) as f64)
            .put(key::LR, row.lr)
            .put(key::LR_LAST, row.lr_last)
            .put_all(&row.extra)
            .put_all(&row.metrics)
            .put(key::SAMPLES_PER_S, row.samples_per_s)
            .put(key::WALL_S, row.wall_s)
            .put(key::ELAPSED_S, row.elapsed_s)
            .put(key::ORDER_HASH, row.order_hash.clone())
            .put(key::STATE_HASH, row.state_hash.clone())
    }

    /// The row of an evaluation.
    pub fn eval(row: &EvalRow) -> Self {
        let mut builder = Self::new("eval", row.step, row.epoch).put("split", row.split.clone());
        if let Some(step) = row.of_step {
            builder = builder.put("of_step", step as f64);
        }
        builder.put_all(&row.metrics)
    }

    /// The row of a warning. What is too long for a line of the log is cut off.
    pub fn warning(step: u64, epoch: f64, message: &str) -> Self {
        const LONGEST: usize = 1 << 16;
        let message = &message[..message.floor_char_boundary(LONGEST)];
        Self::new("warning", step, epoch).put("message", message)
    }

    /// The row that commits a checkpoint.
    pub fn checkpoint(
        step: u64,
        epoch: f64,
        reason: &Reason,
        state_hash: &str,
        bytes: u64,
    ) -> Self {
        let builder = Self::new("checkpoint", step, epoch).put("reason", reason_name(reason));
        let builder = match reason {
            Reason::Best { metric, value } => {
                builder.put("metric", metric.clone()).put("value", *value)
            }
            _ => builder,
        };
        builder
            .put("path", super::layout::checkpoint_path(step))
            .put("bytes", bytes as f64)
            .put(key::STATE_HASH, state_hash)
    }
}

/// The name of a reason in a row.
pub fn reason_name(reason: &Reason) -> &'static str {
    match reason {
        Reason::Every => "every",
        Reason::Best { .. } => "best",
        Reason::Final => "final",
        Reason::Signal => "signal",
        Reason::Request => "request",
    }
}

/// What is left of a checkpoint event whose state has a checkpoint already.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// Updates done.
    pub step: u64,
    /// The further reason.
    pub reason: Reason,
}

impl From<&Checkpoint> for Again {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            step: checkpoint.step,
            reason: checkpoint.reason.clone(),
        }
    }
}
