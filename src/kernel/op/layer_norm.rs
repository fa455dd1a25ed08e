//! Layer normalisation (Ba, Kiros & Hinton 2016) over the last dimension.
//!
//! Per row of d values y = γ·x̂ + β with x̂ = (x − μ)/√(σ² + 10⁻⁵). Backward, with h = g·γ:
//! ∂x = (h − (Σh + x̂·Σh·x̂)/d)/σ, ∂γ = Σ g·x̂ and ∂β = Σ g over the rows, summed in f64 per block
//! of rows, then over the blocks in order.

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widened},
    composed::{self, EPSILON},
    memory::{CHUNK, fused, output, tensor, uninit, with_ref},
    simd::{dispatch, lanes},
};
use crate::units::counted;

/// Normalises each row of x `[.., d]`, scales by `gamma` `[d]` and shifts by `beta` `[d]`.
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> Result<Tensor> {
    if !fused(x) {
        return widened(x, |x| composed::layer_norm(x, gamma, beta));
    }
    let rows = OnceLock::new();
    apply(
        [(x, Role::Input), (gamma, Role::Exact), (beta, Role::Exact)],
        LayerNorm { rows },
    )
}

struct LayerNorm {
    /// Mean and 1/σ of each row.
    rows: OnceLock<Vec<[f32; 2]>>,
}

/// Rows that one unit of work covers.
fn block(width: usize) -> usize {
    (CHUNK / width).max(1)
}

/// Mean and 1/√(σ² + ε) of a row.
#[inline(always)]
fn moments(x: &[f32]) -> [f32; 2] {
    let d = x.len() as f64;
    let mean = lanes::sum(
        x.len(),
        #[inline(always)]
        |i| x[i],
    ) / d;
    let centre = mean as f32;
    let squares = lanes::sum(
        x.len(),
        #[inline(always)]
        |i| (x[i] - centre) * (x[i] - centre),
    );
    // The mean was rounded: the squares are moved to the true one.
    let gap = f64::from(centre) - mean;
    let variance = squares / d - gap * gap;
    let variance = if variance < 0.0 { 0.0 } else { variance };
    let inverse = 1.0 / (variance + EPSILON).sqrt();
    [centre, inverse as f32]
}

/// Σ g·x̂ and Σ g over a block of rows, per column.
struct Sums {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Sums {
    fn new(width: usize) -> Self {
        let (scale, shift) = (vec![0.0; width], vec![0.0; width]);
        Self { scale, shift }
    }
}

/// Adds one row's g·x̂ and g to the sums, and writes its gradient to `out`.
#[inline(always)]
fn gradient_row(
    out: &mut [f32],
    scale: &mut [f64],
    shift: &mut [f64],
    (x, g, gamma): (&[f32], &[f32], &[f32]),
    [mean, inverse]: [f32; 2],
) {
    let len = out.len();
    let (x, g, gamma) = (&x[..len], &g[..len], &gamma[..len]);
    let (scale, shift) = (&mut scale[..len], &mut shift[..len]);
    let first = lanes::sum(
        len,
        #[inline(always)]
        |i| g[i] * gamma[i],
    );
    let second = lanes::sum(
        len,
        #[inline(always)]
        |i| g[i] * gamma[i] * ((x[i] - mean) * inverse),
    );
    let (first, second) = ((first / len as f64) as f32, (second / len as f64) as f32);
    for i in 0..len {
        let normal = (x[i] - mean) * inverse;
        scale[i] += f64::from(g[i] * normal);
        shift[i] += f64::from(g[i]);
        out[i] = inverse * (g[i] * gamma[i] - first - normal * second);
    }
}

/// Writes one row's result.
#[inline(always)]
fn map_row(out: &mut [f32], x: &[f32], [gamma, beta]: [&[f32]; 2], [mean, inverse]: [f32; 2]) {
    let len = out.len();
    let (x, gamma, beta) = (&x[..len], &gamma[..len], &beta[..len]);
    for i in 0..len {
        out[i] = (x[i] - mean) * inverse * gamma[i] + beta[i];
    }
}

/// The gradient of x, and each block's sums in order.
fn gradients(
    (x, g, gamma): (&[f32], &[f32], &[f32]),
    rows: &[[f32; 2]],
    out: &mut [f32],
) -> Vec<Sums> {
    let width = gamma.len();
    let size = block(width);
    let inputs = x.par_chunks(size * width).zip(g.par_chunks(size * width));
    let blocks = out.par_chunks_mut(size * width).zip(inputs);
    let blocks = blocks.zip(rows.par_chunks(size));
    let sums = blocks.map(|((out, (x, g)), rows)| {
        let mut sums = Sums::new(width);
        let lines = out.chunks_mut(width).zip(x.chunks(width));
        dispatch(
            #[inline(always)]
            || {
                for (((out, x), g), row) in lines.zip(g.chunks(width)).zip(rows) {
                    gradient_row(out, &mut sums.scale, &mut sums.shift, (x, g, gamma), *row);
                }
            },
        );
        sums
    });
    sums.collect()
}

impl Fused<3> for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn forward(&self, [x, gamma, beta]: [Operand; 3]) -> Result<(Vec<f32>, Shape)> {
        let (gamma, beta) = (gamma.values, beta.values);
        let width = x.shape.dims().last().copied().unwrap_or(0);
        if width == 0 || gamma.len() != width || beta.len() != width {
            bail!(
                "layer norm over {} got parameters of {}",
                counted(width as u64, "value"),
                gamma.len()
            )
        }
        let mut out = uninit(x.values.len());
        let mut rows = vec![[0.0; 2]; x.values.len() / width];
        let size = block(width);
        let outputs = out
            .par_chunks_mut(size * width)
            .zip(rows.par_chunks_mut(size));
        let blocks = outputs.zip(x.values.par_chunks(size * width));
        blocks.for_each(|((out, rows), x)| {
            dispatch(
                #[inline(always)]
                || {
                    let lines = out.chunks_exact_mut(width).zip(x.chunks_exact(width));
                    for ((out, x), row) in lines.zip(rows) {
                        *row = moments(x);
                        map_row(out, x, [gamma, beta], *row);
                    }
                },
            );
        });
        // A second forward pass of the same operation would find the same.
        let _ = self.rows.set(rows);
        output(out, x.shape)
    }

    fn backward(
        &self,
        [x, gamma, _]: [&Tensor; 3],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let Some(rows) = self.rows.get() else {
            bail!("backward of a layer norm that never ran")
        };
        let mut out = uninit(x.elem_count());
        let sums = with_ref(x, |x| {
            with_ref(gamma, |scales| {
                with_ref(grad, |g| Ok(gradients((x, g, scales), rows, &mut out)))
            })
        })?;
        let mut total = Sums::new(gamma.elem_count());
        for part in sums {
            for (i, (scale, shift)) in part.scale.iter().zip(part.shift).enumerate() {
                total.scale[i] += scale;
                total.shift[i] += shift;
            }
        }
        let narrow = |values: Vec<f64>| {
            let values = values.into_iter().map(|v| v as f32).collect();
            tensor(values, gamma.shape())
        };
        let (scale, shift) = (narrow(total.scale)?, narrow(total.shift)?);
        Ok([Some(tensor(out, x.shape())?), Some(scale), Some(shift)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for shape in [&[5, 7][..], &[2, 3, 4], &[1, 2]] {
            let width = shape[shape.len() - 1];
            gradients(
                "layer norm",
                &[var(shape, 1), var(&[width], 2), var(&[width], 3)],
                &|t| layer_norm(&t[0], &t[1], &t[2]),
                &|t| composed::layer_norm(&t[0], &t[1], &t[2]),
            );
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let vars = [var(&[257, 129], 1), var(&[129], 2), var(&[129], 3)];
        threads(|| everything(&vars, &|t| layer_norm(&t[0], &t[1], &t[2])));
    }

    #[test]
    fn parameters_of_another_width_are_refused() {
        let (x, p) = (var(&[2, 3], 1), var(&[4], 2));
        assert!(layer_norm(&x, &p, &p).is_err());
    }
}
