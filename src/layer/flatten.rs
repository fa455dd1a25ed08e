//! Flatten layer: one row of numbers per sample.

use candle_core::Tensor;

use super::{Builder, LayerInfo, Mode};
use crate::kernel;

/// Makes each sample one row: [n, c, h, w] → [n, c·h·w].
#[derive(Debug)]
pub struct Flatten {
    output: Vec<usize>,
}

impl Flatten {
    /// A flattening of samples of shape `input`.
    #[must_use]
    pub fn new(b: &Builder, name: &str, input: &[usize]) -> Self {
        let output = vec![input.iter().product()];
        b.record(LayerInfo {
            flops: 0,
            activations: 0,
            ..LayerInfo::elementwise(b.child(name).path().to_owned(), "flatten", &output)
        });
        Self { output }
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, ..] → [n, product].
    ///
    /// # Errors
    /// Where the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        match x.dims() {
            [] | [_] => kernel::reshape(x, &[x.elem_count(), 1]),
            [n, rest @ ..] => kernel::reshape(x, &[*n, rest.iter().product()]),
        }
    }
}
