//! Max pooling over images [n, h, w, c], with the places of the maxima kept for the backward pass.
//!
//! The first of equal pixels wins, as in PyTorch; not-a-number wins over everything. Pixels that no
//! window reaches get gradient 0; overlapping windows add up.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{
    composed,
    inplace::with_ref,
    mixed::apply1,
    operand::{fused, output, slice, tensor},
    wide,
    window::Window,
};

/// A pooling window: `kernel` × `kernel` pixels every `stride` pixels, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Extent of the window, 1 to 256 pixels.
    pub kernel: usize,
    /// Pixels from one window to the next, at least 1.
    pub stride: usize,
}

/// Maxima of the windows: [n, h, w, c] → [n, h', w', c] with h' = (h − kernel) / stride + 1,
/// rounded down.
///
/// # Errors
/// Where the window does not fit on the image, or the device fails.
pub fn max_pool2d(x: &Tensor, pool: Pool) -> Result<Tensor> {
    if fused(x) {
        let winners = OnceLock::new();
        apply1(x, MaxPool { pool, winners })
    } else {
        composed::max_pool2d(x, pool)
    }
}

impl Pool {
    /// The window on images of this size.
    pub(super) fn window(self, channels: usize, height: usize, width: usize) -> Window {
        Window {
            channels,
            height,
            width,
            rows: self.kernel,
            cols: self.kernel,
            stride: self.stride,
            padding: 0,
        }
    }

    /// The window on a batch [n, h, w, c].
    ///
    /// # Errors
    /// Where the tensor is no batch of images, or the window does not fit.
    pub(super) fn on(self, shape: &Shape) -> Result<(usize, Window, (usize, usize))> {
        let (n, height, width, channels) = shape.dims4()?;
        if !(1..=256).contains(&self.kernel) {
            bail!(
                "a pooling window of {} pixels; it must have 1 to 256",
                self.kernel
            )
        }
        let window = self.window(channels, height, width);
        Ok((n, window, window.output()?))
    }
}

/// Pools one image; `winners` are positions in the window, row after row.
pub(super) fn pool_image(
    w: &Window,
    (height, width): (usize, usize),
    image: &[f32],
    out: &mut [f32],
    winners: &mut [u16],
) {
    let pixels = out.chunks_exact_mut(w.channels.max(1));
    let pixels = pixels.zip(winners.chunks_exact_mut(w.channels.max(1)));
    wide(
        #[inline(always)]
        || {
            for (i, (best, winner)) in pixels.take(height * width).enumerate() {
                let (y, x) = (i / width * w.stride, i % width * w.stride);
                winner.fill(0);
                for place in 0..w.rows * w.cols {
                    let (row, col) = (y + place / w.cols, x + place % w.cols);
                    let at = (row * w.width + col) * w.channels;
                    let values = &image[at..at + w.channels];
                    if place == 0 {
                        best.copy_from_slice(values);
                    } else {
                        compete(values, place as u16, best, winner);
                    }
                }
            }
        },
    );
}

/// Lets the channels of the pixel at `place` in the window compete with the best so far.
#[inline(always)]
fn compete(values: &[f32], place: u16, best: &mut [f32], winner: &mut [u16]) {
    for (value, (best, winner)) in values.iter().zip(best.iter_mut().zip(winner)) {
        let wins = *value > *best || value.is_nan();
        *best = if wins { *value } else { *best };
        *winner = if wins { place } else { *winner };
    }
}

/// Gives each gradient to the pixel that won, where the `result` is above zero or ReLU did not
/// follow. `image` has `line` numbers from one row to the next; pixels that windows cover are
/// written, or added to where windows overlap.
pub(super) fn unpool_image(
    w: &Window,
    (height, width): (usize, usize),
    (winners, result, grad): (&[u16], &[f32], &[f32]),
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
    let pixels = winners
        .chunks_exact(channels)
        .zip(result.chunks_exact(channels));
    let pixels = pixels.zip(grad.chunks_exact(channels));
    wide(
        #[inline(always)]
        || {
            for (i, ((winners, result), grad)) in pixels.take(height * width).enumerate() {
                let corner = i / width * w.stride * line + i % width * w.stride * channels;
                for place in 0..w.rows * w.cols {
                    let at = corner + place / w.cols * line + place % w.cols * channels;
                    let to = &mut image[at..at + channels];
                    give(to, winners, result, grad, (place as u16, relu, overlap));
                }
            }
        },
    );
}

/// One pixel's share of the gradients of a window: those of the channels where it won.
#[inline(always)]
fn give(
    to: &mut [f32],
    winners: &[u16],
    result: &[f32],
    grad: &[f32],
    (place, relu, add): (u16, bool, bool),
) {
    for (to, (winner, (y, g))) in to
        .iter_mut()
        .zip(winners.iter().zip(result.iter().zip(grad)))
    {
        let here = (*winner == place) & !(relu & (*y <= 0.0));
        let g = if here { *g } else { 0.0 };
        *to = if add { *to + g } else { g };
    }
}

struct MaxPool {
    pool: Pool,
    winners: OnceLock<Vec<u16>>,
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = slice(storage, layout)?;
        let (n, w, (height, width)) = self.pool.on(layout.shape())?;
        let pooled = w.channels * height * width;
        let mut out = vec![0.0; n * pooled];
        let mut winners = vec![0; out.len()];
        let outputs = out
            .par_chunks_mut(pooled.max(1))
            .zip(winners.par_chunks_mut(pooled.max(1)));
        outputs
            .zip(x.par_chunks(w.image().max(1)))
            .for_each(|((out, winners), image)| {
                pool_image(&w, (height, width), image, out, winners);
            });
        // A second forward pass of the same operation would find the same.
        let _ = self.winners.set(winners);
        output(out, (n, height, width, w.channels))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, w, places) = self.pool.on(x.shape())?;
        let Some(winners) = self.winners.get() else {
            bail!("backward of a pooling that never ran")
        };
        let pooled = (w.channels * places.0 * places.1).max(1);
        let mut out = vec![0.0; x.elem_count()];
        with_ref(&grad.contiguous()?, |grad| {
            let inputs = winners.par_chunks(pooled).zip(grad.par_chunks(pooled));
            out.par_chunks_mut(w.image().max(1)).zip(inputs).for_each(
                |(image, (winners, grad))| {
                    let line = w.width * w.channels;
                    unpool_image(&w, places, (winners, grad, grad), false, image, line);
                },
            );
            Ok(())
        })?;
        Ok(Some(tensor(out, x.shape())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, flat, gradients, threads, var};
    use candle_core::{Device, Var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [[2, 4, 4, 3], [1, 5, 7, 1], [1, 3, 3, 2]] {
            for (kernel, stride) in [(2, 2), (3, 2), (2, 1), (1, 1), (3, 3)] {
                let pool = Pool { kernel, stride };
                gradients(
                    "max pool",
                    &[var(&shape, 1)],
                    &|t| max_pool2d(&t[0], pool),
                    &|t| composed::max_pool2d(&t[0], pool),
                );
            }
        }
    }

    #[test]
    fn the_first_of_equal_pixels_gets_the_whole_gradient_on_every_path() {
        let x = Var::new(&[[[[1f32], [1.0]], [[1.0], [1.0]]]], &Device::Cpu).unwrap();
        let pool = Pool {
            kernel: 2,
            stride: 2,
        };
        for f in [max_pool2d, composed::max_pool2d] {
            let store = f(x.as_tensor(), pool).unwrap().backward().unwrap();
            assert_eq!(
                flat(store.get(x.as_tensor()).unwrap()),
                [1.0, 0.0, 0.0, 0.0]
            );
        }
    }

    #[test]
    fn not_a_number_is_never_hidden() {
        let x = Tensor::new(&[[[[1f32], [f32::NAN]], [[2.0], [1.0]]]], &Device::Cpu).unwrap();
        let y = max_pool2d(
            &x,
            Pool {
                kernel: 2,
                stride: 2,
            },
        )
        .unwrap();
        assert!(flat(&y)[0].is_nan());
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let x = [var(&[5, 13, 11, 3], 1)];
        threads(|| {
            everything(&x, &|t| {
                max_pool2d(
                    &t[0],
                    Pool {
                        kernel: 3,
                        stride: 2,
                    },
                )
            })
        });
    }

    #[test]
    fn a_window_larger_than_the_image_is_refused() {
        let x = var(&[1, 2, 5, 1], 1);
        let message = max_pool2d(
            &x,
            Pool {
                kernel: 3,
                stride: 1,
            },
        )
        .unwrap_err()
        .to_string();
        assert!(message.contains("3×3 window"), "{message}");
    }
}
