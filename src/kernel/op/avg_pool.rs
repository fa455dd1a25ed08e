//! Average pooling over images [n, h, w, c], and the average over whole images.

use std::ops::Range;

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widened},
    composed,
    conv2d::{Pool, Window},
    memory::{fused, output, tensor, uninit, with_ref},
};

/// Averages of the windows: [n, h, w, c] → [n, h', w', c] with h' = (h − kernel) / stride + 1,
/// rounded down.
///
/// # Errors
/// Where the window does not fit on the image, or the device fails.
pub fn avg_pool2d(x: &Tensor, pool: Pool) -> Result<Tensor> {
    if fused(x) {
        apply([(x, Role::Input)], AvgPool(Some(pool)))
    } else {
        widened(x, |x| composed::avg_pool2d(x, pool))
    }
}

/// The average of each channel's pixels: [n, h, w, c] → [n, c].
///
/// # Errors
/// Where the tensor is no batch of images, or the device fails.
pub fn global_avg_pool2d(x: &Tensor) -> Result<Tensor> {
    if fused(x) {
        apply([(x, Role::Input)], AvgPool(None))
    } else {
        widened(x, composed::global_avg_pool2d)
    }
}

/// Average pooling by a window, or over the whole image.
struct AvgPool(Option<Pool>);

impl AvgPool {
    fn on(&self, shape: &Shape) -> Result<(usize, Window, (usize, usize))> {
        match self.0 {
            Some(pool) => pool.on(shape),
            None => {
                let (n, height, width, channels) = shape.dims4()?;
                let whole = Window {
                    rows: height,
                    cols: width,
                    ..Pool {
                        kernel: 1,
                        stride: 1,
                    }
                    .window(channels, height, width)
                };
                Ok((n, whole, whole.output()?))
            }
        }
    }
}

impl Fused<1> for AvgPool {
    fn name(&self) -> &'static str {
        "avg-pool2d"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let (n, w, (height, width)) = self.on(x.shape)?;
        let channels = w.channels.max(1);
        let mut out = uninit(n * height * width * w.channels);
        let images = x.values.par_chunks(w.image().max(1));
        let outputs = out.par_chunks_mut((height * width * channels).max(1));
        outputs.zip(images).for_each(|(out, image)| {
            let mut sums = vec![0f64; channels];
            for (i, out) in out.chunks_exact_mut(channels).enumerate() {
                sums.fill(0.0);
                visit(&w, width, i, |range| {
                    for (sum, x) in sums.iter_mut().zip(&image[range]) {
                        *sum += f64::from(*x);
                    }
                });
                for (out, sum) in out.iter_mut().zip(&sums) {
                    *out = (sum / (w.rows * w.cols) as f64) as f32;
                }
            }
        });
        match self.0 {
            Some(_) => output(out, (n, height, width, w.channels)),
            None => output(out, (n, w.channels)),
        }
    }

    fn backward(
        &self,
        [x]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let (_, w, (height, width)) = self.on(x.shape())?;
        let mut out = vec![0.0; x.elem_count()];
        let share = 1.0 / (w.rows * w.cols) as f32;
        let channels = w.channels.max(1);
        with_ref(grad, |grad| {
            let grads = grad.par_chunks((height * width * channels).max(1));
            let images = out.par_chunks_mut(w.image().max(1));
            images.zip(grads).for_each(|(image, grad)| {
                for (i, grad) in grad.chunks_exact(channels).enumerate() {
                    visit(&w, width, i, |range| {
                        for (to, g) in image[range].iter_mut().zip(grad) {
                            *to += g * share;
                        }
                    });
                }
            });
            Ok(())
        })?;
        Ok([Some(tensor(out, x.shape())?)])
    }
}

/// Calls `f` with the range of each pixel that the window at place `i` covers.
fn visit(w: &Window, width: usize, i: usize, mut f: impl FnMut(Range<usize>)) {
    let (y, x) = (i / width * w.stride, i % width * w.stride);
    for row in y..y + w.rows {
        for col in x..x + w.cols {
            let at = (row * w.width + col) * w.channels;
            f(at..at + w.channels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [[2, 4, 4, 3], [1, 5, 7, 1], [1, 3, 3, 2]] {
            for (kernel, stride) in [(2, 2), (3, 2), (2, 1), (1, 1), (3, 3)] {
                let pool = Pool { kernel, stride };
                gradients(
                    "average pool",
                    &[var(&shape, 1)],
                    &|t| avg_pool2d(&t[0], pool),
                    &|t| composed::avg_pool2d(&t[0], pool),
                );
            }
            gradients(
                "global average pool",
                &[var(&shape, 1)],
                &|t| global_avg_pool2d(&t[0]),
                &|t| composed::global_avg_pool2d(&t[0]),
            );
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let x = [var(&[5, 13, 11, 3], 1)];
        threads(|| {
            everything(&x, &|t| {
                avg_pool2d(
                    &t[0],
                    Pool {
                        kernel: 3,
                        stride: 2,
                    },
                )
            })
        });
        threads(|| everything(&x, &|t| global_avg_pool2d(&t[0])));
    }
}
