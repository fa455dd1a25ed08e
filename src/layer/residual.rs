//! The sum at the end of a residual block.

use candle_core::Tensor;

use super::{Builder, LayerInfo, Mode};
use crate::kernel;

/// relu(a + b): where the two ways of a residual block meet.
#[derive(Debug)]
pub struct AddRelu;

impl AddRelu {
    /// A sum of samples of shape `input`.
    #[must_use]
    pub fn new(b: &Builder, name: &str, input: &[usize]) -> Self {
        let path = b.child(name).path().to_owned();
        b.record(LayerInfo::elementwise(path, "add + relu", input));
        Self
    }

    /// a and b [n, ..] → the same shape.
    ///
    /// # Errors
    /// Where the shapes differ, or the device fails.
    pub fn forward(&self, a: &Tensor, b: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        kernel::add_relu(a, b)
    }
}
