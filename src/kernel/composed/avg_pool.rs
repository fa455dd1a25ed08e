//! Averages out of strided selections: the gradients of Candle's own `avg_pool2d` are wrong on odd
//! sizes.

use candle_core::{Result, Tensor};

use super::max_pool::pixels;
use crate::kernel::conv2d::Pool;

/// Averages of the windows of [n, h, w, c].
///
/// # Errors
/// Where the window does not fit on the image, or the device fails.
pub fn avg_pool2d(x: &Tensor, pool: Pool) -> Result<Tensor> {
    let mut pixels = pixels(x, pool)?.into_iter();
    let first = pixels.next().unwrap_or_else(|| Ok(x.clone()))?;
    let sum = pixels.try_fold(first, |sum, pixel| sum + pixel?)?;
    sum / (pool.kernel * pool.kernel) as f64
}

/// Averages of whole channels: [n, h, w, c] → [n, c].
///
/// # Errors
/// Where the tensor is no batch of images, or the device fails.
pub fn global_avg_pool2d(x: &Tensor) -> Result<Tensor> {
    x.flatten(1, 2)?.mean(1)
}
