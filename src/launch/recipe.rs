//! Plan + data + device → what a session is built from.

use std::sync::Arc;

use candle_core::{DType, Device};

use crate::{
    config::{Component, Plan, Precision},
    data::{Data, TransformEntry, TransformSpec},
    direction::Direction,
    train::{BestPolicy, Cadence, CheckpointPolicy, EarlyStop, Recipe},
    units::Span,
};

/// The recipe of a plan.
#[must_use]
pub fn recipe(plan: &Plan, data: Data, device: Device) -> Recipe {
    let train = &plan.train;
    Recipe {
        seed: plan.top.seed,
        device,
        model: plan.model.spec.clone(),
        start: plan.start.clone(),
        found: plan.architecture.found.clone(),
        allow: plan.model_keys.allow.iter().copied().collect(),
        io: plan.io.clone(),
        loss: plan.loss.spec.clone(),
        metrics: plan.metrics.clone(),
        optimizer: plan.optimizer.spec.clone(),
        frozen: plan.frozen.iter().cloned().collect(),
        freeze_statistics: plan.model_keys.freeze_statistics.unwrap_or(false),
        schedules: plan.schedules.clone(),
        eval_every: (plan.facts.val > 0)
            .then(|| cadence(&train.eval_every, plan.length.eval_every)),
        data,
        loader: plan.dataset_keys.clone(),
        transforms: plan.transforms.iter().map(transform).collect(),
        precision: match train.precision {
            Precision::F32 => DType::F32,
            Precision::Bf16 => DType::BF16,
            Precision::F16 => DType::F16,
        },
        total_steps: plan.length.total_steps,
        steps_per_epoch: plan.length.steps_per_epoch,
        grad_accumulation: train.grad_accumulation,
        clip_norm: train.clip_norm,
        clip_value: train.clip_value,
        ema: train.ema.as_ref().map(|ema| ema.decay),
        log_every: plan.length.log_every,
        test: train.test,
        early_stop: early_stop(plan),
        on_nan: train.on_nan,
        checkpoint: checkpoints(plan),
    }
}

fn transform(transform: &Component<dyn TransformSpec>) -> TransformEntry {
    TransformEntry {
        kind: transform.kind.clone(),
        spec: Arc::clone(&transform.spec),
    }
}

/// `"2 epochs"` means the ends of epochs; everything else counts updates.
fn cadence(span: &Span, steps: u64) -> Cadence {
    match *span {
        Span::Epochs(n) if n >= 1.0 && n.fract() == 0.0 => Cadence::Epochs(n as u64),
        _ => Cadence::Steps(steps),
    }
}

/// When a plan says to give up before the end, its patience in evaluations.
pub(super) fn early_stop(plan: &Plan) -> Option<EarlyStop> {
    let keys = plan.train.early_stop.as_ref()?;
    let clock = plan.length.clock();
    let evals = match keys.patience {
        Span::Evals(n) => n as f64,
        ref span => span.steps(&clock).unwrap_or(0.0) / plan.length.eval_every as f64,
    };
    Some(EarlyStop {
        metric: keys.metric.clone()?,
        mode: keys.mode.unwrap_or(Direction::Min),
        patience: evals.round() as u64,
        min_delta: keys.min_delta,
    })
}

pub(super) fn checkpoints(plan: &Plan) -> CheckpointPolicy {
    let keys = &plan.checkpoint;
    let every = match keys.every {
        Span::Seconds(seconds) => Cadence::Seconds(seconds),
        ref span => {
            let steps = span.steps(&plan.length.clock()).unwrap_or(0.0).round() as u64;
            cadence(span, steps.max(1))
        }
    };
    let best = keys.best.as_ref().and_then(|best| {
        Some(BestPolicy {
            metric: best.metric.clone()?,
            mode: best.mode.unwrap_or(Direction::Min),
        })
    });
    CheckpointPolicy {
        every: Some(every),
        best,
    }
}
