//! The last state of a sequence.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode};
use crate::kernel;

/// Keeps what a sequence ends in: [t, h] → `[h]`.
#[derive(Debug)]
pub struct Last {
    output: Vec<usize>,
}

impl Last {
    /// The last state of samples of shape `input`.
    ///
    /// # Errors
    /// Where the samples are no sequences.
    pub fn new(b: &Builder, name: &str, input: &[usize]) -> Result<Self, LayerError> {
        let path = b.child(name).path().to_owned();
        let [_, width] = *input else {
            return Err(LayerError::shape(format!(
                "`{path}` takes sequences [steps, features], but gets samples of shape {input:?}"
            )));
        };
        b.record(LayerInfo {
            flops: 0,
            ..LayerInfo::elementwise(path, "last", &[width])
        });
        Ok(Self {
            output: vec![width],
        })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, t, h] → [n, h].
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        kernel::last(x)
    }

    /// The same for samples of different lengths: the state at the last of each one's own places.
    ///
    /// # Errors
    /// As of [`forward`](Self::forward), and where the lengths do not fit the samples.
    pub fn forward_within(&self, x: &Tensor, lengths: &[u32]) -> candle_core::Result<Tensor> {
        kernel::last_within(x, lengths)
    }
}
