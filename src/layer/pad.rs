//! Channels of zeros after an image's own.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode, error::images};
use crate::kernel;
use crate::units::counted;

/// Widens images by channels of zeros: [c, h, w] → [channels, h, w].
#[derive(Debug)]
pub struct PadChannels {
    channels: usize,
}

impl PadChannels {
    /// A padding of samples of shape `input` to so many `channels`.
    ///
    /// # Errors
    /// Where the samples are no images, or have more channels than that.
    pub fn new(
        b: &Builder,
        name: &str,
        input: &[usize],
        channels: usize,
    ) -> Result<Self, LayerError> {
        let path = b.child(name).path().to_owned();
        let [own, height, width] = images(&path, input)?;
        if own > channels {
            return Err(LayerError::shape(format!(
                "`{path}` pads {} to {channels}",
                counted(own as u64, "channel")
            )));
        }
        b.record(LayerInfo {
            flops: 0,
            ..LayerInfo::elementwise(path, "pad_channels", &[channels, height, width])
        });
        Ok(Self { channels })
    }

    /// x [n, h, w, c] → [n, h, w, channels].
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        kernel::pad_channels(x, self.channels)
    }
}
