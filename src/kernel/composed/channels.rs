//! Where an image's channels stand, out of Candle's permutations.

use candle_core::{Result, Tensor};

/// [n, c, h, w] → [n, h, w, c].
///
/// # Errors
/// Where the tensor is no batch of images, or the device fails.
pub fn channels_last(x: &Tensor) -> Result<Tensor> {
    x.permute((0, 2, 3, 1))?.contiguous()
}

/// [n, h, w, c] → [n, c, h, w].
///
/// # Errors
/// Where the tensor is no batch of images, or the device fails.
pub fn channels_first(x: &Tensor) -> Result<Tensor> {
    x.permute((0, 3, 1, 2))?.contiguous()
}
