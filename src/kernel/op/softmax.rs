//! Softmax and its logarithm over the last dimension.
//!
//! p = e^{z − max z} / Σ e^{z − max z}. Backward: ∂z = p·(g − Σ g·p) for softmax,
//! ∂z = g − softmax(z)·Σ g for its logarithm.

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widened},
    composed,
    memory::{CHUNK, fused, output, tensor, with_ref},
    simd::{dispatch, lanes, math::exp},
};

/// Softmax over the last dimension; same shape.
///
/// # Errors
/// Where the tensor is a scalar, or the device fails.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    if fused(x) {
        apply([(x, Role::Input)], Softmax { log: false })
    } else {
        widened(x, composed::softmax)
    }
}

/// Logarithm of softmax over the last dimension; same shape.
///
/// # Errors
/// Where the tensor is a scalar, or the device fails.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    if fused(x) {
        apply([(x, Role::Input)], Softmax { log: true })
    } else {
        widened(x, composed::log_softmax)
    }
}

struct Softmax {
    log: bool,
}

/// Writes e^{z − max} for a row and returns its largest number and the sum of what was written.
#[inline(always)]
pub(crate) fn exponentials(out: &mut [f32], z: &[f32]) -> (f32, f64) {
    let max = lanes::maximum(z);
    for (p, z) in out.iter_mut().zip(z) {
        *p = exp(z - max);
    }
    let total = lanes::sum(
        out.len(),
        #[inline(always)]
        |i| out[i],
    );
    (max, total)
}

impl Softmax {
    #[inline(always)]
    fn row(&self, out: &mut [f32], z: &[f32]) {
        let (max, total) = exponentials(out, z);
        if self.log {
            let shift = f64::from(max) + libm::log(total);
            for (p, z) in out.iter_mut().zip(z) {
                *p = (f64::from(*z) - shift) as f32;
            }
        } else {
            let scale = (1.0 / total) as f32;
            for p in out {
                *p *= scale;
            }
        }
    }

    #[inline(always)]
    fn row_gradient(&self, out: &mut [f32], y: &[f32], g: &[f32]) {
        if self.log {
            let sum = lanes::sum(
                g.len(),
                #[inline(always)]
                |i| g[i],
            ) as f32;
            for ((out, y), g) in out.iter_mut().zip(y).zip(g) {
                *out = g - exp(*y) * sum;
            }
        } else {
            let sum = lanes::sum(
                g.len(),
                #[inline(always)]
                |i| y[i] * g[i],
            ) as f32;
            for ((out, y), g) in out.iter_mut().zip(y).zip(g) {
                *out = y * (g - sum);
            }
        }
    }
}

impl Fused<1> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let z = x.values;
        let width = width(x.shape)?;
        let chunk = (CHUNK / width).max(1) * width;
        let mut out = vec![0.0; z.len()];
        let pairs = out.par_chunks_mut(chunk).zip(z.par_chunks(chunk));
        pairs.for_each(|(out, z)| {
            dispatch(
                #[inline(always)]
                || {
                    for (out, z) in out.chunks_mut(width).zip(z.chunks(width)) {
                        self.row(out, z);
                    }
                },
            );
        });
        output(out, x.shape)
    }

    fn backward(
        &self,
        [_]: [&Tensor; 1],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let width = width(result.shape())?;
        let chunk = (CHUNK / width).max(1) * width;
        let mut out = vec![0.0; result.elem_count()];
        with_ref(result, |y| {
            with_ref(grad, |g| {
                let inputs = y.par_chunks(chunk).zip(g.par_chunks(chunk));
                out.par_chunks_mut(chunk)
                    .zip(inputs)
                    .for_each(|(out, (y, g))| {
                        let rows = out.chunks_mut(width).zip(y.chunks(width));
                        dispatch(
                            #[inline(always)]
                            || {
                                for ((out, y), g) in rows.zip(g.chunks(width)) {
                                    self.row_gradient(out, y, g);
                                }
                            },
                        );
                    });
                Ok(())
            })
        })?;
        Ok([Some(tensor(out, result.shape())?)])
    }
}

/// Length of a row; 1 for empty ones, which have nothing to compute.
fn width(shape: &Shape) -> Result<usize> {
    match shape.dims().last() {
        Some(width) => Ok((*width).max(1)),
        None => bail!("softmax of a scalar"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, flat, gradients, threads, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [&[5, 7][..], &[1, 1], &[2, 3, 4]] {
            let z = [var(shape, 1)];
            gradients("softmax", &z, &|t| softmax(&t[0]), &|t| {
                composed::softmax(&t[0])
            });
            gradients("log softmax", &z, &|t| log_softmax(&t[0]), &|t| {
                composed::log_softmax(&t[0])
            });
        }
    }

    #[test]
    fn rows_sum_to_one() {
        let p = flat(&softmax(&var(&[3, 1000], 1)).unwrap());
        for row in p.chunks(1000) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let z = [var(&[100, 333], 1)];
        threads(|| everything(&z, &|t| log_softmax(&softmax(&t[0])?)));
    }
}
