//! Activation layer.

use candle_core::Tensor;

use super::{Builder, LayerInfo, Mode};
use crate::kernel;
pub use crate::kernel::Activation;

/// Applies an activation to each element.
#[derive(Debug)]
pub struct Activate(Activation);

impl Activate {
    /// An activation of samples of shape `input`.
    #[must_use]
    pub fn new(b: &Builder, name: &str, input: &[usize], activation: Activation) -> Self {
        let path = b.child(name).path().to_owned();
        b.record(LayerInfo::elementwise(path, activation.name(), input));
        Self(activation)
    }

    /// x [n, ..] → the same shape.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        kernel::activate(x, self.0)
    }
}
