//! Embedding layer: a vector for each token.

use candle_core::{DType, Tensor};

use super::{Builder, LayerError, LayerInfo, Mode};
use crate::kernel::{self, Init, Param};
use crate::units::counted;

/// Looks tokens up in a table: `weight` `[count, width]`.
#[derive(Debug)]
pub struct Embedding {
    weight: Param,
    output: Vec<usize>,
    /// What its numbers are handed on as: ids say nothing about it.
    dtype: DType,
}

impl Embedding {
    /// A table of `count` vectors of `width` numbers, for samples of ids of shape `input`.
    ///
    /// # Errors
    /// Where the table or the samples would be empty.
    pub fn new(
        b: &Builder,
        name: &str,
        input: &[usize],
        [count, width]: [usize; 2],
        init: Init,
    ) -> Result<Self, LayerError> {
        let b = b.child(name);
        if count == 0 || width == 0 || input.contains(&0) {
            return Err(LayerError::shape(format!(
                "`{}` gives each of {} {}, for samples of shape {input:?}; none may be empty",
                b.path(),
                counted(count as u64, "token"),
                counted(width as u64, "number")
            )));
        }
        let weight = b.param("weight", &[count, width], init);
        let output = [input, &[width]].concat();
        b.record(LayerInfo {
            params: weight.count(),
            flops: 0,
            ..LayerInfo::elementwise(b.path().to_owned(), "embedding", &output)
        });
        let dtype = b.precision();
        Ok(Self {
            weight,
            output,
            dtype,
        })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// The table, for a layer that shares it.
    #[must_use]
    pub fn weight(&self) -> &Param {
        &self.weight
    }

    /// Ids u32 [n, ..] → [n, .., width], in the precision that the builder was told.
    ///
    /// # Errors
    /// Where an id is not in the table, or the device fails.
    pub fn forward(&self, ids: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        kernel::embedding(self.weight.tensor(), ids)?.to_dtype(self.dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn ids_become_rows_of_the_table_in_the_builders_precision() {
        let ids = Tensor::new(&[[2u32, 0, 2]], &Device::Cpu).unwrap();
        for dtype in [DType::F32, DType::BF16, DType::F16] {
            let b = Builder::plan().computing_in(dtype);
            let layer = Embedding::new(&b, "token", &[3], [4, 2], Init::Normal(1.0)).unwrap();
            assert_eq!(layer.output(), [3, 2]);
            let built = b.finish();
            assert_eq!(
                (built.layers[0].params, built.layers[0].activations),
                (8, 6)
            );
            built.params[0].fill(1, &Device::Cpu).unwrap();
            let out = layer.forward(&ids, &Mode::Eval).unwrap();
            assert_eq!((out.dims(), out.dtype()), (&[1, 3, 2][..], dtype));
        }
    }

    #[test]
    fn an_empty_table_is_refused() {
        let b = Builder::plan();
        for (input, table) in [(&[3][..], [0, 2]), (&[3], [2, 0]), (&[0], [2, 2])] {
            let error = Embedding::new(&b, "token", input, table, Init::Constant(0.0));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("`token` gives each of"), "{error}");
        }
    }
}
