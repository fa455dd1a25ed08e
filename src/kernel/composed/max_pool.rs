//! Maxima out of strided selections: the gradients of Candle's own `max_pool2d` are wrong.

use candle_core::{Result, Tensor};

use crate::kernel::conv2d::Pool;

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

/// For each pixel of the window, row after row, what it sees at all places: [n, h', w', c].
pub(crate) fn pixels(x: &Tensor, pool: Pool) -> Result<Vec<Result<Tensor>>> {
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
