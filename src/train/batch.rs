//! A batch where the model can use it.

use candle_core::Tensor;

use super::error::{TrainError, compute};
use super::recipe::Recipe;
use crate::data::{Batch, Targets};

/// A batch on the device, and what of it stays outside.
pub(super) struct OnDevice {
    /// `[n, ..input]`, f32.
    pub input: Tensor,
    /// `[n]` u32 for classes, `[n, k]` f32 for values.
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
    pub fn new(batch: Batch, recipe: &Recipe) -> Result<Self, TrainError> {
        let Batch {
            input,
            len,
            targets,
            ids,
        } = batch;
        let shape = [&[len], recipe.io.input.as_slice()].concat();
        let device = &recipe.device;
        let tensors = Tensor::from_vec(input, shape, device).and_then(|input| {
            let target = match &targets {
                Targets::Classes(classes) => Tensor::from_slice(classes, len, device)?,
                Targets::Values(values) => {
                    let width = values.len() / len.max(1);
                    Tensor::from_slice(values, (len, width), device)?
                }
            };
            let weight = recipe.loss.weight(&target)?;
            Ok((input, target, weight))
        });
        let (input, target, weight) = tensors.map_err(compute("moving a batch to the device"))?;
        Ok(Self {
            input,
            target,
            weight,
            targets,
            ids,
        })
    }
}
