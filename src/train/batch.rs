//! A batch where the model can use it.

use candle_core::{Device, Result, Tensor};

use super::error::{TrainError, compute};
use super::recipe::Recipe;
use crate::data::{Batch, Column, Values};
use crate::field::{Field, Kind, write_pixels};
use crate::model::{Input, Inputs};
use crate::task::Targets;

/// A batch on the device, and what of it stays outside.
pub(super) struct OnDevice {
    /// Its fields, numbers and pixels as f32, ids as u32.
    pub inputs: Inputs,
    /// `[n]` u32 for classes, `[n, places]` for those of places, `[n, k]` f32 for values.
    pub target: Tensor,
    /// What its loss is divided by for a mean.
    pub weight: f64,
    /// The targets as they came.
    pub targets: Targets,
    /// Numbers of its samples.
    pub ids: Vec<u32>,
}

impl OnDevice {
    /// Moves a batch to the recipe's device.
    pub fn new(batch: Batch, recipe: &Recipe) -> std::result::Result<Self, TrainError> {
        let Batch {
            columns,
            len,
            targets,
            ids,
        } = batch;
        let device = &recipe.device;
        let fields = recipe.io.fields.iter();
        let inputs = fields
            .zip(columns)
            .map(|(field, column)| input(field, column, len, device));
        let tensors = inputs.collect::<Result<_>>().and_then(|inputs| {
            let of_places = recipe.data.facts.task.is_of_places();
            let target = target(&targets, len, of_places, device)?;
            let weight = recipe.loss.weight(&target)?;
            Ok((Inputs::new(inputs), target, weight))
        });
        let (inputs, target, weight) = tensors.map_err(compute("moving a batch to the device"))?;
        Ok(Self {
            inputs,
            target,
            weight,
            targets,
            ids,
        })
    }
}

/// Moves one field to the device; pixels become numbers.
pub(super) fn input(field: &Field, column: Column, len: usize, device: &Device) -> Result<Input> {
    let shape = [&[len], column.shape.as_slice()].concat();
    let tensor = match column.values {
        Values::Numbers(values) => Tensor::from_vec(values, shape, device)?,
        Values::Ids(values) => Tensor::from_vec(values, shape, device)?,
        Values::Pixels(bytes) => {
            let white = match field.kind {
                Kind::Pixels { white } => white,
                _ => u8::MAX,
            };
            let mut values = vec![0.0; bytes.len()];
            write_pixels(&bytes, white, &mut values);
            Tensor::from_vec(values, shape, device)?
        }
    };
    Ok(Input {
        name: field.name.clone(),
        tensor,
        lengths: column.lengths,
    })
}

/// Moves the targets to the device.
fn target(targets: &Targets, len: usize, of_places: bool, device: &Device) -> Result<Tensor> {
    match targets {
        Targets::Classes(classes) if of_places => {
            Tensor::from_slice(classes, (len, classes.len() / len.max(1)), device)
        }
        Targets::Classes(classes) => Tensor::from_slice(classes, len, device),
        Targets::Values(values) => {
            let width = values.len() / len.max(1);
            Tensor::from_slice(values, (len, width), device)
        }
    }
}
