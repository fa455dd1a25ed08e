//! Max pooling over images [n, c, h, w], with the places of the maxima kept for the backward pass.
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

/// Maxima of the windows: [n, c, h, w] → [n, c, h', w'] with h' = (h − kernel) / stride + 1,
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

    /// The window on a batch [n, c, h, w].
    ///
    /// # Errors
    /// Where the tensor is no batch of images, or the window does not fit.
    pub(super) fn on(self, shape: &Shape) -> Result<(usize, Window, (usize, usize))> {
        let (n, channels, height, width) = shape.dims4()?;
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
    let map = height * width;
    let halves = (w.rows, w.cols, w.stride) == (2, 2, 2);
    let outputs = out.chunks_exact_mut(map).zip(winners.chunks_exact_mut(map));
    for ((out, winners), plane) in outputs.zip(image.chunks_exact(w.height * w.width)) {
        let lines = out
            .chunks_exact_mut(width)
            .zip(winners.chunks_exact_mut(width));
        for (y, (best, winner)) in lines.enumerate() {
            if halves {
                let rows = plane[2 * y * w.width..].split_at(w.width);
                pool_pairs(rows, best, winner);
                continue;
            }
            best.fill(f32::NEG_INFINITY);
            winner.fill(0);
            for row in 0..w.rows {
                for col in 0..w.cols {
                    let line = &plane[(y * w.stride + row) * w.width + col..];
                    let place = (row * w.cols + col) as u16;
                    compete(
                        &line[..(width - 1) * w.stride + 1],
                        w.stride,
                        place,
                        best,
                        winner,
                    );
                }
            }
        }
    }
}

/// Whether a pixel wins over the best so far.
#[inline]
fn wins(value: f32, best: f32) -> bool {
    value > best || value.is_nan()
}

/// The 2×2 window: winners are computed as numbers and looked up, because branches on pixels are
/// mispredicted half of the time.
fn pool_pairs((upper, lower): (&[f32], &[f32]), best: &mut [f32], winner: &mut [u16]) {
    let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
    for ((upper, lower), (best, winner)) in pairs.zip(best.iter_mut().zip(winner)) {
        let over = usize::from(wins(upper[1], upper[0]));
        let under = usize::from(wins(lower[1], lower[0]));
        let row = usize::from(wins(lower[under], upper[over]));
        *best = [upper[over], lower[under]][row];
        *winner = [over, 2 + under][row] as u16;
    }
}

/// Lets every `stride`-th pixel of `line` compete, which stands at `place` in the window.
fn compete(line: &[f32], stride: usize, place: u16, best: &mut [f32], winner: &mut [u16]) {
    let pixels = line.iter().step_by(stride);
    for (value, (best, winner)) in pixels.zip(best.iter_mut().zip(winner)) {
        if wins(*value, *best) {
            (*best, *winner) = (*value, place);
        }
    }
}

/// Adds each gradient to the pixel that won, where `keep` lets the value through.
pub(super) fn unpool_image(
    w: &Window,
    (height, width): (usize, usize),
    winners: &[u16],
    gradient: impl Fn(usize) -> f32,
    image: &mut [f32],
) {
    let mut at = 0;
    for plane in image.chunks_exact_mut(w.height * w.width) {
        for y in 0..height {
            for x in 0..width {
                let winner = winners[at] as usize;
                let (row, col) = (winner / w.cols, winner % w.cols);
                plane[(y * w.stride + row) * w.width + x * w.stride + col] += gradient(at);
                at += 1;
            }
        }
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
        output(out, (n, w.channels, height, width))
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
                    unpool_image(&w, places, winners, |i| grad[i], image);
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
        for shape in [[2, 3, 4, 4], [1, 1, 5, 7], [1, 2, 3, 3]] {
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
        let x = Var::new(&[[[[1f32, 1.0], [1.0, 1.0]]]], &Device::Cpu).unwrap();
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
        let x = Tensor::new(&[[[[1f32, f32::NAN], [2.0, 1.0]]]], &Device::Cpu).unwrap();
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
        let x = [var(&[5, 3, 13, 11], 1)];
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
        let x = var(&[1, 1, 2, 5], 1);
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
