//! The samples of a batch as tensors, by field.

use candle_core::{Result, Tensor, bail};

/// The samples of a batch: a tensor for each field, and the lengths of samples where they differ.
///
/// Where lengths differ, the tensor is as long as the longest sample of the batch, and what is
/// behind a sample's end is 0. A model gives the same output for a sample, within rounding,
/// whatever it is padded to.
#[derive(Debug, Clone)]
pub struct Inputs(Vec<Input>);

/// One field of the samples of a batch.
#[derive(Debug, Clone)]
pub struct Input {
    /// The field's name.
    pub name: String,
    /// `[n, ..shape]`: floating-point numbers, or ids as u32.
    pub tensor: Tensor,
    /// Places of each sample, where lengths vary.
    pub lengths: Option<Vec<u32>>,
}

impl Inputs {
    /// Returns the inputs of these fields, in the order of the dataset's.
    #[must_use]
    pub fn new(fields: Vec<Input>) -> Self {
        Self(fields)
    }

    /// Returns the inputs of a single field, all samples of one length.
    #[must_use]
    pub fn one(tensor: Tensor) -> Self {
        Self(vec![Input {
            name: "input".into(),
            tensor,
            lengths: None,
        }])
    }

    /// Returns the tensor of the only field.
    ///
    /// # Errors
    /// There are several.
    pub fn only(&self) -> Result<&Tensor> {
        match &self.0[..] {
            [input] => Ok(&input.tensor),
            fields => {
                let names = fields.iter().map(|field| field.name.as_str());
                let names = names.collect::<Vec<_>>().join(", ");
                bail!("a model of one field meets the fields {names}")
            }
        }
    }

    /// Returns the inputs of the first sample alone.
    ///
    /// # Errors
    /// There is no sample.
    pub fn first(&self) -> Result<Self> {
        let field = |input: &Input| {
            let mut input = input.clone();
            input.tensor = input.tensor.narrow(0, 0, 1)?;
            if let Some(lengths) = &mut input.lengths {
                lengths.truncate(1);
            }
            Ok(input)
        };
        self.0.iter().map(field).collect::<Result<_>>().map(Self)
    }

    /// Returns the tensor of the only field, and the places of each sample where they vary.
    ///
    /// # Errors
    /// There are several fields.
    pub fn sequence(&self) -> Result<(&Tensor, Option<&[u32]>)> {
        let lengths = self.0.first().and_then(|input| input.lengths.as_deref());
        Ok((self.only()?, lengths))
    }

    /// Returns the fields in their order.
    #[must_use]
    pub fn fields(&self) -> &[Input] {
        &self.0
    }

    /// Returns the same inputs with every tensor rewritten.
    ///
    /// # Errors
    /// Those of the rewriting.
    pub fn map(&self, rewrite: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Self> {
        let field = |input: &Input| {
            let tensor = rewrite(&input.tensor)?;
            Ok(Input {
                tensor,
                ..input.clone()
            })
        };
        self.0.iter().map(field).collect::<Result<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_model_of_one_field_refuses_two() {
        let tensor = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        let named = |name: &str| Input {
            name: name.into(),
            tensor: tensor.clone(),
            lengths: None,
        };
        assert!(Inputs::one(tensor.clone()).only().is_ok());
        let two = Inputs::new(vec![named("numbers"), named("categories")]);
        let error = two.only().unwrap_err().to_string();
        assert!(error.contains("the fields numbers, categories"), "{error}");
    }
}
