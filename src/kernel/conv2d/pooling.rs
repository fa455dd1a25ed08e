//! Max pooling of one image, forward and backward: the loops that pooling and a convolution with
//! pooling share.

use super::Window;
use crate::kernel::simd::dispatch;

/// Pools one image; `argmax` are positions in the window, row after row.
pub(crate) fn pool_image(
    w: &Window,
    (height, width): (usize, usize),
    image: &[f32],
    out: &mut [f32],
    argmax: &mut [u16],
) {
    let pixels = out.chunks_exact_mut(w.channels.max(1));
    let pixels = pixels.zip(argmax.chunks_exact_mut(w.channels.max(1)));
    dispatch(
        #[inline(always)]
        || {
            for (i, (best, argmax)) in pixels.take(height * width).enumerate() {
                let (y, x) = (i / width * w.stride, i % width * w.stride);
                argmax.fill(0);
                for place in 0..w.rows * w.cols {
                    let (row, col) = (y + place / w.cols, x + place % w.cols);
                    let at = (row * w.width + col) * w.channels;
                    let values = &image[at..at + w.channels];
                    if place == 0 {
                        best.copy_from_slice(values);
                    } else {
                        compete(values, place as u16, best, argmax);
                    }
                }
            }
        },
    );
}

/// Lets the channels of the pixel at `place` in the window compete with the best so far.
#[inline(always)]
fn compete(values: &[f32], place: u16, best: &mut [f32], argmax: &mut [u16]) {
    for (value, (best, argmax)) in values.iter().zip(best.iter_mut().zip(argmax)) {
        let wins = *value > *best || value.is_nan();
        *best = if wins { *value } else { *best };
        *argmax = if wins { place } else { *argmax };
    }
}

/// Gives each gradient to the pixel that won, where the `result` is above zero or ReLU did not
/// follow. `image` has `line` numbers from one row to the next; pixels that windows cover are
/// written, or added to where windows overlap.
pub(crate) fn unpool_image(
    w: &Window,
    (height, width): (usize, usize),
    (argmax, result, grad): (&[u16], &[f32], &[f32]),
    relu: bool,
    image: &mut [f32],
    line: usize,
) {
    let overlap = w.stride < w.rows.max(w.cols);
    if overlap {
        for row in 0..w.height {
            image[row * line..][..w.width * w.channels].fill(0.0);
        }
    }
    let channels = w.channels.max(1);
    let pixels = argmax
        .chunks_exact(channels)
        .zip(result.chunks_exact(channels));
    let pixels = pixels.zip(grad.chunks_exact(channels));
    dispatch(
        #[inline(always)]
        || {
            for (i, ((argmax, result), grad)) in pixels.take(height * width).enumerate() {
                let corner = i / width * w.stride * line + i % width * w.stride * channels;
                for place in 0..w.rows * w.cols {
                    let at = corner + place / w.cols * line + place % w.cols * channels;
                    let to = &mut image[at..at + channels];
                    give(to, argmax, result, grad, (place as u16, relu, overlap));
                }
            }
        },
    );
}

/// One pixel's share of the gradients of a window: those of the channels where it won.
#[inline(always)]
fn give(
    to: &mut [f32],
    argmax: &[u16],
    result: &[f32],
    grad: &[f32],
    (place, relu, add): (u16, bool, bool),
) {
    for (to, (argmax, (y, g))) in to
        .iter_mut()
        .zip(argmax.iter().zip(result.iter().zip(grad)))
    {
        let here = (*argmax == place) & !(relu & (*y <= 0.0));
        let g = if here { *g } else { 0.0 };
        *to = if add { *to + g } else { g };
    }
}
