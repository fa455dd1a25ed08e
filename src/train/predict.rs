//! Predictions of a session's model for samples from anywhere.

use candle_core::{DType, Tensor};

use super::{
    error::{TrainError, compute},
    evaluate::in_the_datas_unit,
    session::Session,
};
use crate::{
    data::{DataError, Dataset, Scratch, Target},
    layer::Mode,
    model::Model,
};

impl Session {
    /// Returns the model as evaluations use it: the averages of its weights where these are kept.
    #[must_use]
    pub fn model(&self) -> &dyn Model {
        self.state.evaluated()
    }

    /// Predicts for samples `[n, ..shape]` as the dataset gives them, before any transform: logits
    /// `[n, classes]` of a classification, `[n, targets]` in the data's own unit of a regression,
    /// `[n, places, tokens]` of tokens. The result is f32 and on the session's device.
    ///
    /// # Errors
    /// Samples of another shape, or a computation that fails.
    pub fn predict(&self, samples: &Tensor) -> Result<Tensor, TrainError> {
        let input = self.transformed(samples)?;
        let output = self.recipe.forward(self.model(), &input, &Mode::Eval)?;
        if self.recipe.data.facts.task.is_classification() {
            return Ok(output);
        }
        let values = || output.flatten_all()?.to_vec1::<f32>();
        let mut values = values().map_err(compute("reading back the model's output"))?;
        in_the_datas_unit(&self.recipe, &mut values);
        Tensor::from_vec(values, output.shape(), output.device())
            .map_err(compute("moving predictions to the device"))
    }

    /// Samples as the model takes them, on its device.
    fn transformed(&self, samples: &Tensor) -> Result<Tensor, TrainError> {
        let shape = &self.recipe.data.facts.shape;
        let (count, found) = samples.dims().split_first().unwrap_or((&0, &[]));
        if found != shape {
            return Err(TrainError::Samples {
                found: samples.dims().to_vec(),
                wanted: shape.clone(),
            });
        }
        let moving = compute("moving samples to the device");
        let rows = Rows::read(samples).map_err(compute("reading samples"))?;
        let width: usize = self.recipe.io.input.iter().product();
        let mut numbers = vec![0.0; count * width];
        let mut scratch = Scratch::default();
        for (index, out) in numbers.chunks_exact_mut(width.max(1)).enumerate() {
            self.transforms
                .write(&rows, index, None, &mut scratch, out)?;
        }
        let shape = [&[*count], self.recipe.io.input.as_slice()].concat();
        let tokens = self.recipe.data.facts.task.is_tokens();
        let input = Tensor::from_vec(numbers, shape, &self.recipe.device);
        let input = input.and_then(|input| match tokens {
            true => input.to_dtype(DType::U32),
            false => Ok(input),
        });
        input.map_err(moving)
    }
}

/// The rows of a tensor as a dataset, so that transforms can read them.
struct Rows {
    numbers: Vec<f32>,
    count: usize,
}

impl Rows {
    fn read(samples: &Tensor) -> candle_core::Result<Self> {
        Ok(Self {
            numbers: samples
                .to_dtype(DType::F32)?
                .flatten_all()?
                .to_vec1::<f32>()?,
            count: samples.dim(0)?,
        })
    }
}

impl Dataset for Rows {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, index: usize, out: &mut [f32]) -> Result<(), DataError> {
        let start = index * out.len();
        out.copy_from_slice(&self.numbers[start..start + out.len()]);
        Ok(())
    }

    fn target(&self, _index: usize) -> Target<'_> {
        Target::Class(0)
    }
}
