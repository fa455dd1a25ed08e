//! Pooling out of strided selections, because the gradients of Candle's own pooling are wrong
//! (`max_pool2d`) or wrong on odd sizes (`avg_pool2d`).

use candle_core::{Result, Tensor};

use crate::kernel::max_pool::Pool;

/// Maxima of the windows of [n, h, w, c]; the first of equal pixels gets the gradient.
///
/// # Errors
/// Where the window does not fit on the image, or the device fails.
pub fn max_pool2d(x: &Tensor, pool: Pool) -> Result<Tensor> {
    let mut pixels = pixels(x, pool)?.into_iter();
    let first = pixels.next().unwrap_or_else(|| Ok(x.clone()))?;
    pixels.try_fold(first, |best, pixel| {
        let pixel = pixel?;
        pixel.gt(&best)?.where_cond(&pixel, &best)
    })
}

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

/// For each pixel of the window, row after row, what it sees at all places: [n, h', w', c].
fn pixels(x: &Tensor, pool: Pool) -> Result<Vec<Result<Tensor>>> {
    let (_, _, (height, width)) = pool.on(x.shape())?;
    let at = |first: usize, count: usize| {
        let indices = (0..count).map(|i| (first + i * pool.stride) as u32);
        Tensor::from_vec(indices.collect::<Vec<_>>(), count, x.device())
    };
    let mut all = Vec::with_capacity(pool.kernel * pool.kernel);
    for row in 0..pool.kernel {
        let line = x.index_select(&at(row, height)?, 1)?;
        for col in 0..pool.kernel {
            all.push(line.index_select(&at(col, width)?, 2));
        }
    }
    Ok(all)
}
