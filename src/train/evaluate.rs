//! Loss and metrics of a model over a whole split.

use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::batch::OnDevice;
use super::error::{TrainError, compute};
use super::recipe::Recipe;
use super::stop::StopFlag;
use crate::data::{Loader, Transforms};
use crate::event::{Confusion, Metrics};
use crate::layer::Mode;
use crate::model::Model;
use crate::objective::{Accumulator, prediction, reported};
use crate::task::{Targets, Task};

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

/// Measurements of a model on a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Values by `split/name`.
    pub metrics: Metrics,
    /// How often each class was predicted as each, of a classification into no more than
    /// [`MOST_CLASSES`] classes; tokens have none.
    pub confusion: Option<Confusion>,
}

/// More classes than these have no confusion matrix: it would be most of the run's directory.
pub const MOST_CLASSES: usize = 1000;

/// Runs `model` over every sample of a split, in order, and returns `split/loss` and the recipe's
/// metrics as `split/<name>`; `None` where `stop` was raised meanwhile.
///
/// The loss is the one that training minimises, in the unit it is trained in. Metrics of a
/// regression with standardised targets are in the data's own unit. Losses are added up in f64, one
/// by one in the order of the samples, so that neither the batch size nor threads matter.
pub(super) fn evaluate(
    model: &dyn Model,
    recipe: &Recipe,
    transforms: &Arc<Transforms>,
    split: Split,
    stop: &StopFlag,
) -> Result<Option<Measured>, TrainError> {
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
        .map(|(_, spec)| spec.start(recipe.io.outputs))
        .collect::<Vec<_>>();
    let mut confusion = confusion_of(&data.facts.task);
    let (mut loss_sum, mut weight_sum) = (0.0, 0.0);
    for batch in loader.sequential() {
        if stop.raised().is_some() {
            return Ok(None);
        }
        let batch = OnDevice::new(batch?, recipe)?;
        let output = recipe.forward(model, &batch.inputs, &Mode::Eval)?;
        let rows = recipe.loss.rows(&output, &batch.target);
        for (loss, weight) in rows.map_err(compute("the loss"))? {
            loss_sum += loss;
            weight_sum += weight;
        }
        measure(
            &mut metrics,
            &mut confusion,
            (&output, batch.targets),
            recipe,
        )
        .map_err(compute("reading back the model's output"))?;
    }
    let mut values = Metrics::from([(format!("{name}/loss"), loss_sum / weight_sum)]);
    let classes = data.facts.task.names();
    for ((metric, spec), counted) in recipe.metrics.iter().zip(metrics) {
        let names = reported(metric, &**spec, &classes).into_iter();
        let named = names.map(|metric| format!("{name}/{metric}"));
        values.extend(named.zip(counted.values()));
    }
    Ok(Some(Measured {
        metrics: values,
        confusion,
    }))
}

/// An empty matrix, where the task has one.
fn confusion_of(task: &Task) -> Option<Confusion> {
    match task {
        Task::Classification { classes, names } if *classes <= MOST_CLASSES => Some(Confusion {
            classes: names.clone(),
            counts: vec![vec![0; *classes]; *classes],
        }),
        _ => None,
    }
}

/// Counts a batch. A sample whose outputs hold NaN is predicted as nothing, and not counted.
fn count(confusion: &mut Confusion, outputs: &[f32], width: usize, classes: &[u32]) {
    for (row, class) in outputs.chunks_exact(width.max(1)).zip(classes) {
        let told = prediction(row);
        let row = confusion.counts.get_mut(*class as usize);
        if let Some(count) = row.and_then(|row| row.get_mut(told?)) {
            *count += 1;
        }
    }
}

/// Hands a batch's predictions and targets to the metrics, in the data's own unit: logits of classes,
/// values of a regression.
fn measure(
    metrics: &mut [Box<dyn Accumulator>],
    confusion: &mut Option<Confusion>,
    (output, mut targets): (&Tensor, Targets),
    recipe: &Recipe,
) -> candle_core::Result<()> {
    if metrics.is_empty() && confusion.is_none() {
        return Ok(());
    }
    let width = recipe.io.outputs;
    let mut values = output
        .to_dtype(DType::F32)?
        .flatten_all()?
        .to_vec1::<f32>()?;
    if let (Some(confusion), Targets::Classes(classes)) = (confusion, &targets) {
        count(confusion, &values, width, classes);
    }
    if let Targets::Values(targets) = &mut targets {
        in_the_datas_unit(recipe, &mut values);
        unscale(recipe, targets);
    }
    for metric in metrics {
        metric.add(&values, width, &targets);
    }
    Ok(())
}

/// Turns outputs for a regression into predictions in the data's own unit.
pub(super) fn in_the_datas_unit(recipe: &Recipe, outputs: &mut [f32]) {
    recipe.loss.predict(outputs);
    unscale(recipe, outputs);
}

/// Undoes the standardisation of targets, where there is one.
fn unscale(recipe: &Recipe, values: &mut [f32]) {
    let scale = recipe.data.target_scale.iter().flatten().cycle();
    for (value, (mean, std)) in values.iter_mut().zip(scale) {
        *value = (f64::from(*value) * std + mean) as f32;
    }
}

/// A scalar tensor's value.
pub(super) fn scalar(tensor: &Tensor) -> candle_core::Result<f64> {
    tensor
        .to_dtype(DType::F32)?
        .to_scalar::<f32>()
        .map(f64::from)
}
