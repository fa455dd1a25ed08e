//! Layer normalisation layer.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode};
use crate::kernel::{self, Init, Param};

/// Layer norm over the last dimensions of a sample; `weight` and `bias` have their shape.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Param,
    bias: Param,
    output: Vec<usize>,
    /// How many of the last dimensions are normalised together.
    over: usize,
}

impl LayerNorm {
    /// A layer norm of samples of shape `input` over their last `over` dimensions.
    ///
    /// # Errors
    /// Where the samples have fewer dimensions, or are empty.
    pub fn new(b: &Builder, name: &str, input: &[usize], over: usize) -> Result<Self, LayerError> {
        let b = b.child(name);
        if over == 0 || over > input.len() || input.contains(&0) {
            return Err(LayerError::shape(format!(
                "`{}` normalises the last {over} dimensions of samples of shape {input:?}",
                b.path()
            )));
        }
        let shape = &input[input.len() - over..];
        let (weight, bias) = (
            b.param("weight", shape, Init::Constant(1.0)),
            b.param("bias", shape, Init::Constant(0.0)),
        );
        b.record(LayerInfo {
            params: weight.count() + bias.count(),
            ..LayerInfo::elementwise(b.path().to_owned(), "layer_norm", input)
        });
        let output = input.to_vec();
        Ok(Self {
            weight,
            bias,
            output,
            over,
        })
    }

    /// Shape of one sample's output: that of its input.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, ..] → the same shape.
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        let (weight, bias) = (self.weight.tensor(), self.bias.tensor());
        if self.over == 1 {
            return kernel::layer_norm(x, weight, bias);
        }
        let flat = |param: &Tensor| kernel::reshape(param, &[param.elem_count()]);
        let rows = [&x.dims()[..x.rank() - self.over], &[weight.elem_count()]].concat();
        let y = kernel::layer_norm(&kernel::reshape(x, &rows)?, &flat(weight)?, &flat(bias)?)?;
        kernel::reshape(&y, x.dims())
    }
}
