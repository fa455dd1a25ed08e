//! Loss and metrics of a model over a whole split.

use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::batch::OnDevice;
use super::error::{TrainError, compute};
use super::recipe::Recipe;
use super::stop::StopFlag;
use crate::data::{Loader, Targets, Transforms};
use crate::event::Metrics;
use crate::layer::Mode;
use crate::model::Model;
use crate::objective::{Accumulator, TargetsRef};

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What the model learns from, without augmentation.
    Train,
    /// What decides when to stop and which checkpoint is best.
    Val,
    /// What nothing was decided by.
    Test,
}

impl Split {
    /// Its name, as in `val/loss`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// Runs `model` over every sample of a split, in order, and returns `split/loss` and the recipe's
/// metrics as `split/<name>`; `None` where `stop` was raised meanwhile.
///
/// The loss is the one that training minimises, in the unit it is trained in. Metrics of a
/// regression with standardised targets are in the data's own unit. Sums are in f64 and in the
/// order of the samples, so that neither threads nor the batch size's place in memory matter.
pub(super) fn evaluate(
    model: &dyn Model,
    recipe: &Recipe,
    transforms: &Arc<Transforms>,
    split: Split,
    stop: &StopFlag,
) -> Result<Option<Metrics>, TrainError> {
    let name = split.name();
    let data = &recipe.data;
    let samples = match split {
        Split::Train => Some(&data.train),
        Split::Val => data.val.as_ref(),
        Split::Test => data.test.as_ref(),
    };
    let samples = Arc::clone(samples.ok_or(TrainError::NoSplit(name))?);
    let loader = Loader::new(samples, Arc::clone(transforms), recipe.loader.evaluation())?;
    let mut metrics = recipe
        .metrics
        .iter()
        .map(|(metric, spec)| (metric, spec.start(recipe.io.outputs)))
        .collect::<Vec<_>>();
    let (mut loss_sum, mut weight_sum) = (0.0, 0.0);
    for batch in loader.sequential() {
        if stop.raised().is_some() {
            return Ok(None);
        }
        let batch = OnDevice::new(batch?, recipe)?;
        let output = recipe.forward(model, &batch.input, &Mode::Eval)?;
        let loss = recipe.loss.sum(&output, &batch.target);
        loss_sum += loss
            .and_then(|sum| scalar(&sum))
            .map_err(compute("the loss"))?;
        weight_sum += batch.weight;
        if !metrics.is_empty() {
            measure(&mut metrics, &output, batch.targets, recipe)
                .map_err(compute("reading back the model's output"))?;
        }
    }
    let mut values = Metrics::from([(format!("{name}/loss"), loss_sum / weight_sum)]);
    values.extend(
        metrics
            .iter()
            .map(|(metric, m)| (format!("{name}/{metric}"), m.value())),
    );
    Ok(Some(values))
}

/// Hands a batch's outputs and targets to the metrics, in the data's own unit.
fn measure(
    metrics: &mut [(&String, Box<dyn Accumulator>)],
    output: &Tensor,
    mut targets: Targets,
    recipe: &Recipe,
) -> candle_core::Result<()> {
    let width = recipe.io.outputs;
    let mut values = output
        .to_dtype(DType::F32)?
        .flatten_all()?
        .to_vec1::<f32>()?;
    if let Some(scale) = &recipe.data.target_scale {
        let unscale = |values: &mut [f32]| {
            for (value, (mean, std)) in values.iter_mut().zip(scale.iter().cycle()) {
                *value = (f64::from(*value) * std + mean) as f32;
            }
        };
        unscale(&mut values);
        if let Targets::Values(targets) = &mut targets {
            unscale(targets);
        }
    }
    for (_, metric) in metrics {
        let targets = match &targets {
            Targets::Classes(classes) => TargetsRef::Classes(classes),
            Targets::Values(values) => TargetsRef::Values(values),
        };
        metric.add(&values, width, targets);
    }
    Ok(())
}

/// A scalar tensor's value.
pub(super) fn scalar(tensor: &Tensor) -> candle_core::Result<f64> {
    tensor
        .to_dtype(DType::F32)?
        .to_scalar::<f32>()
        .map(f64::from)
}
