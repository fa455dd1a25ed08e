//! A batch where the model can use it.

use candle_core::{DType, Tensor};

use super::error::{TrainError, compute};
use super::recipe::Recipe;
use crate::data::{Batch, Targets};

/// A batch on the device, and what of it stays outside.
pub(super) struct OnDevice {
    /// `[n, ..input]`, f32; ids of tokens are u32.
    pub input: Tensor,
    /// `[n]` u32 for classes, `[n, places]` for those of tokens, `[n, k]` f32 for values.
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
        let tokens = recipe.data.facts.task.is_tokens();
        let tensors = Tensor::from_vec(input, shape, device).and_then(|input| {
            let input = match tokens {
                true => input.to_dtype(DType::U32)?,
                false => input,
            };
            let target = match &targets {
                Targets::Classes(classes) if tokens => {
                    Tensor::from_slice(classes, (len, classes.len() / len.max(1)), device)?
                }
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
