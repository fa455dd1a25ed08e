//! Predictions of a session's model for samples from anywhere.

use candle_core::{DType, Result, Tensor};

use super::{
    batch,
    error::{TrainError, compute},
    evaluate::in_the_datas_unit,
    session::Session,
};
use crate::{
    data::{Column, DataError, Dataset, Scratch, Values},
    field::{Field, Kind},
    layer::Mode,
    model::{Inputs, Model},
    task::Target,
};

impl Session {
    /// Returns the model as evaluations use it: the averages of its weights where these are kept.
    #[must_use]
    pub fn model(&self) -> &dyn Model {
        self.state.evaluated()
    }

    /// Predicts for samples of data with one field: a tensor `[n, ..shape]` of samples as the dataset
    /// gives them, before any transform. Pixels are bytes, or numbers from 0 to 1.
    ///
    /// Returns f32 on the session's device: logits `[n, classes]` of a classification, `[n, targets]`
    /// in the data's own unit of a regression, `[n, places, tokens]` of tokens.
    ///
    /// # Errors
    /// Samples of another shape, data of several fields, or a computation that fails.
    pub fn predict(&self, samples: &Tensor) -> std::result::Result<Tensor, TrainError> {
        self.predict_fields(std::slice::from_ref(samples))
    }

    /// Does the same for data of any fields: one tensor for each, in their order.
    ///
    /// # Errors
    /// As of [`predict`](Self::predict).
    pub fn predict_fields(&self, samples: &[Tensor]) -> std::result::Result<Tensor, TrainError> {
        let facts = &self.recipe.data.facts;
        let samples = Samples::new(&facts.fields, samples)?;
        let inputs = self.inputs(&samples)?;
        let output = self.recipe.forward(self.model(), &inputs, &Mode::Eval)?;
        if facts.task.is_classification() {
            return Ok(output);
        }
        let values = output.flatten_all().and_then(|all| all.to_vec1::<f32>());
        let mut values = values.map_err(compute("reading back the model's output"))?;
        in_the_datas_unit(&self.recipe, &mut values);
        Tensor::from_vec(values, output.shape(), output.device())
            .map_err(compute("moving predictions to the device"))
    }

    /// The samples as the model takes them, on its device.
    fn inputs(&self, samples: &Samples<'_>) -> std::result::Result<Inputs, TrainError> {
        let mut scratch = Scratch::default();
        let mut inputs = Vec::new();
        for (number, field) in self.transforms.fields().iter().enumerate() {
            let mut values = Values::with_room(field, samples.count);
            for index in 0..samples.count {
                let place = (index, number);
                self.transforms
                    .write(samples, place, None, &mut scratch, &mut values)?;
            }
            let mut shape = field.shape.clone();
            let lengths = field.varies.then(|| {
                let places = samples.columns[number].dims()[1];
                shape[0] = places;
                vec![places as u32; samples.count]
            });
            let column = Column {
                values,
                shape,
                lengths,
            };
            let input = batch::input(field, column, samples.count, &self.recipe.device);
            inputs.push(input.map_err(compute("moving samples to the device"))?);
        }
        Ok(Inputs::new(inputs))
    }
}

/// Tensors as a dataset, one for each field, so that transforms can read them.
struct Samples<'a> {
    fields: &'a [Field],
    /// The tensors in the types of their fields.
    columns: Vec<Tensor>,
    count: usize,
}

impl<'a> Samples<'a> {
    /// Takes tensors that fit the fields.
    fn new(fields: &'a [Field], samples: &[Tensor]) -> std::result::Result<Self, TrainError> {
        let count = samples
            .first()
            .map_or(0, |first| first.dims().first().copied().unwrap_or(0));
        let fits = samples.len() == fields.len()
            && fields
                .iter()
                .zip(samples)
                .all(|(field, tensor)| fits(field, tensor, count));
        if !fits {
            return Err(TrainError::Samples {
                found: samples
                    .iter()
                    .map(|tensor| tensor.dims().to_vec())
                    .collect(),
                wanted: fields.iter().map(shape).collect(),
            });
        }
        let columns = fields
            .iter()
            .zip(samples)
            .map(|(field, tensor)| typed(field, tensor));
        let columns = columns.collect::<Result<_>>();
        Ok(Self {
            fields,
            columns: columns.map_err(compute("reading samples"))?,
            count,
        })
    }

    /// Appends the values of a sample.
    fn append(&self, index: usize, field: usize, out: &mut Values) -> Result<()> {
        let sample = self.columns[field].get(index)?.flatten_all()?;
        match out {
            Values::Numbers(values) => values.extend(sample.to_vec1::<f32>()?),
            Values::Pixels(values) => values.extend(sample.to_vec1::<u8>()?),
            Values::Ids(values) => values.extend(sample.to_vec1::<u32>()?),
        }
        Ok(())
    }
}

/// Returns whether a tensor holds `count` samples of a field.
fn fits(field: &Field, tensor: &Tensor, count: usize) -> bool {
    let Some((found, shape)) = tensor.dims().split_first() else {
        return false;
    };
    let is_shape = match (field.varies, shape.split_first(), field.shape.split_first()) {
        (true, Some((places, rest)), Some((most, wanted))) => {
            (1..=*most).contains(places) && rest == wanted
        }
        _ => shape == field.shape,
    };
    *found == count && is_shape
}

/// The shape of samples of a field, for a message.
fn shape(field: &Field) -> String {
    let extents = field.shape.iter().enumerate();
    let extents = extents.map(|(i, extent)| match field.varies && i == 0 {
        true => format!(", 1 to {extent}"),
        false => format!(", {extent}"),
    });
    format!("[n{}]", extents.collect::<String>())
}

/// A tensor in the type of its field.
fn typed(field: &Field, tensor: &Tensor) -> Result<Tensor> {
    match field.kind {
        Kind::Numbers => tensor.to_dtype(DType::F32),
        Kind::Pixels { white } if tensor.dtype().is_float() => (tensor.clamp(0.0, 1.0)?
            * f64::from(white))?
        .round()?
        .to_dtype(DType::U8),
        Kind::Pixels { .. } => tensor.to_dtype(DType::U8),
        Kind::Tokens { .. } | Kind::Categories { .. } => tensor.to_dtype(DType::U32),
    }
}

impl Dataset for Samples<'_> {
    fn len(&self) -> usize {
        self.count
    }

    fn get(
        &self,
        index: usize,
        field: usize,
        out: &mut Values,
    ) -> std::result::Result<(), DataError> {
        self.append(index, field, out).map_err(|source| {
            let name = &self.fields[field].name;
            DataError::Custom(format!("cannot read the field `{name}`: {source}").into())
        })
    }

    fn target(&self, _index: usize) -> Target<'_> {
        Target::Class(0)
    }
}
