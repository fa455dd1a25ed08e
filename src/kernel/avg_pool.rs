//! Average pooling over images [n, c, h, w], and the average over whole images.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{
    composed,
    inplace::with_ref,
    max_pool::Pool,
    mixed::{apply1, widened},
    operand::{fused, output, slice, tensor},
    window::Window,
};

/// Averages of the windows: [n, c, h, w] → [n, c, h', w'] with h' = (h − kernel) / stride + 1,
/// rounded down.
///
/// # Errors
/// Where the window does not fit on the image, or the device fails.
pub fn avg_pool2d(x: &Tensor, pool: Pool) -> Result<Tensor> {
    if fused(x) {
        apply1(x, AvgPool(Some(pool)))
    } else {
        widened(x, |x| composed::avg_pool2d(x, pool))
    }
}

/// The average of each channel's pixels: [n, c, h, w] → [n, c].
///
/// # Errors
/// Where the tensor is no batch of images, or the device fails.
pub fn global_avg_pool2d(x: &Tensor) -> Result<Tensor> {
    if fused(x) {
        apply1(x, AvgPool(None))
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
                let (n, channels, height, width) = shape.dims4()?;
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

impl CustomOp1 for AvgPool {
    fn name(&self) -> &'static str {
        "avg-pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = slice(storage, layout)?;
        let (n, w, (height, width)) = self.on(layout.shape())?;
        let mut out = vec![0.0; n * w.channels * height * width];
        let planes = x.par_chunks((w.height * w.width).max(1));
        out.par_chunks_mut((height * width).max(1))
            .zip(planes)
            .for_each(|(out, plane)| {
                for (i, out) in out.iter_mut().enumerate() {
                    let corner = i / width * w.stride * w.width + i % width * w.stride;
                    let rows = (0..w.rows).map(|row| corner + row * w.width);
                    let sums = rows.map(|start| {
                        let row = &plane[start..start + w.cols];
                        row.iter().map(|x| f64::from(*x)).sum::<f64>()
                    });
                    *out = (sums.sum::<f64>() / (w.rows * w.cols) as f64) as f32;
                }
            });
        match self.0 {
            Some(_) => output(out, (n, w.channels, height, width)),
            None => output(out, (n, w.channels)),
        }
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, w, (height, width)) = self.on(x.shape())?;
        let mut out = vec![0.0; x.elem_count()];
        let share = 1.0 / (w.rows * w.cols) as f32;
        with_ref(&grad.contiguous()?, |grad| {
            let grads = grad.par_chunks((height * width).max(1));
            out.par_chunks_mut((w.height * w.width).max(1))
                .zip(grads)
                .for_each(|(plane, grad)| {
                    for (i, grad) in grad.iter().enumerate() {
                        let corner = i / width * w.stride * w.width + i % width * w.stride;
                        for row in 0..w.rows {
                            let start = corner + row * w.width;
                            for pixel in &mut plane[start..start + w.cols] {
                                *pixel += grad * share;
                            }
                        }
                    }
                });
            Ok(())
        })?;
        Ok(Some(tensor(out, x.shape())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [[2, 3, 4, 4], [1, 1, 5, 7], [1, 2, 3, 3]] {
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
        let x = [var(&[5, 3, 13, 11], 1)];
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
