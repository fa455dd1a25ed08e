//! Linear map y = x·Wᵀ + b, optionally with ReLU, in one operation.
//!
//! Shapes as in PyTorch: x `[.., in]`, W `[out, in]`, b `[out]`, y `[.., out]`. Backward: with g = ∂L/∂y
//! (masked where ReLU cut), ∂L/∂x = g·W, ∂L/∂W = gᵀ·x, ∂L/∂b = Σ g over the rows.

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, like},
    composed,
    gemm::{Epilogue, Matrix, multiply},
    memory::{CHUNK, fused, output, tensor, uninit, wanted, with_ref},
    simd::dispatch,
};
use crate::units::counted;

/// y = x·Wᵀ (+ b), then ReLU where `relu`.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.0]], &Device::Cpu)?;
/// let w = Tensor::new(&[[1f32, 1.0], [0.0, -1.0]], &Device::Cpu)?;
/// let b = Tensor::new(&[10f32, 0.0], &Device::Cpu)?;
/// let y = trainer::kernel::linear(&x, &w, Some(&b), true)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[13.0, 0.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, relu: bool) -> Result<Tensor> {
    if !fused(x) {
        let bias = bias.map(|bias| like(bias, x)).transpose()?;
        return composed::linear(x, &like(weight, x)?, bias.as_ref(), relu);
    }
    match bias {
        Some(bias) => apply(
            [
                (x, Role::Input),
                (weight, Role::Rounded),
                (bias, Role::Rounded),
            ],
            Linear { relu },
        ),
        None => apply([(x, Role::Input), (weight, Role::Rounded)], Linear { relu }),
    }
}

struct Linear {
    relu: bool,
}

/// Extents of one application.
struct Dims {
    rows: usize,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    fn map(&self, [x, weight]: [Operand; 2], bias: Option<Operand>) -> Result<(Vec<f32>, Shape)> {
        let bias = bias.map(|bias| bias.values);
        let dims = dims(x.shape, weight.shape)?;
        if bias.is_some_and(|b| b.len() != dims.outputs) {
            bail!(
                "a linear map with {} has another number of biases",
                counted(dims.outputs as u64, "output")
            )
        }
        let mut out = uninit(dims.rows * dims.outputs);
        let epilogue = Epilogue {
            bias,
            relu: self.relu,
            ..Epilogue::default()
        };
        let weight = Matrix::new(weight.values, dims.outputs, dims.inputs).t();
        multiply(
            &mut out,
            Matrix::new(x.values, dims.rows, dims.inputs),
            weight,
            epilogue,
        );
        let mut shape = x.shape.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = dims.outputs;
        }
        output(out, shape)
    }

    /// Gradients of x, W and b, each where it is wanted.
    fn gradients(
        &self,
        [x, weight]: [&Tensor; 2],
        bias: Option<&Tensor>,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let dims = dims(x.shape(), weight.shape())?;
        let masked = if self.relu {
            Some(with_ref(result, |y| with_ref(grad, |g| Ok(mask(y, g))))?)
        } else {
            None
        };
        with_ref(grad, |grad| {
            let g = masked.as_deref().unwrap_or(grad);
            let rows = Matrix::new(g, dims.rows, dims.outputs);
            let product = |like: &Tensor, a: Matrix, b: &Tensor, shape: (usize, usize)| {
                with_ref(b, |b| {
                    let mut out = uninit(like.elem_count());
                    multiply(
                        &mut out,
                        a,
                        Matrix::new(b, shape.0, shape.1),
                        Epilogue::default(),
                    );
                    tensor(out, like.shape())
                })
            };
            let dx = wanted(x)
                .then(|| product(x, rows, weight, (dims.outputs, dims.inputs)))
                .transpose()?;
            let dw = wanted(weight)
                .then(|| product(weight, rows.t(), x, (dims.rows, dims.inputs)))
                .transpose()?;
            let db = bias
                .filter(|b| wanted(b))
                .map(|b| tensor(column_sums(g, dims.outputs), b.shape()))
                .transpose()?;
            Ok([dx, dw, db])
        })
    }
}

impl Fused<2> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn forward(&self, [x, weight]: [Operand; 2]) -> Result<(Vec<f32>, Shape)> {
        self.map([x, weight], None)
    }

    fn backward(
        &self,
        [x, weight]: [&Tensor; 2],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 2]> {
        let [dx, dw, _] = self.gradients([x, weight], None, result, grad)?;
        Ok([dx, dw])
    }
}

impl Fused<3> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn forward(&self, [x, weight, bias]: [Operand; 3]) -> Result<(Vec<f32>, Shape)> {
        self.map([x, weight], Some(bias))
    }

    fn backward(
        &self,
        [x, weight, bias]: [&Tensor; 3],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        self.gradients([x, weight], Some(bias), result, grad)
    }
}

fn dims(x: &Shape, weight: &Shape) -> Result<Dims> {
    let (outputs, inputs) = weight.dims2()?;
    if x.dims().last() != Some(&inputs) {
        bail!(
            "a linear map of {} got a tensor of shape {:?}",
            counted(inputs as u64, "input"),
            x.dims()
        )
    }
    let rows = x.dims()[..x.rank() - 1].iter().product();
    Ok(Dims {
        rows,
        inputs,
        outputs,
    })
}

/// The gradient where ReLU let the value through, 0 elsewhere.
pub(crate) fn mask(result: &[f32], grad: &[f32]) -> Vec<f32> {
    let mut out = uninit(grad.len());
    out.par_chunks_mut(CHUNK)
        .zip(result.par_chunks(CHUNK).zip(grad.par_chunks(CHUNK)))
        .for_each(|(out, (y, g))| {
            dispatch(
                #[inline(always)]
                || {
                    for ((out, y), g) in out.iter_mut().zip(y).zip(g) {
                        *out = if *y <= 0.0 { 0.0 } else { *g };
                    }
                },
            );
        });
    out
}

/// Sums of the columns of a row-major matrix: in f32 over a few rows, in f64 beyond, in order.
pub(crate) fn column_sums(values: &[f32], cols: usize) -> Vec<f32> {
    // Rows that are added up in f32, and parts of the whole.
    const ROWS: usize = 16;
    const PARTS: usize = 16;
    let rows = values.len() / cols.max(1);
    let part = rows.div_ceil(PARTS).next_multiple_of(ROWS) * cols;
    let sum = |values: &[f32]| {
        let (mut totals, mut sums) = (vec![0f64; cols], vec![0f32; cols]);
        for rows in values.chunks(ROWS * cols) {
            sums.fill(0.0);
            for row in rows.chunks_exact(cols) {
                dispatch(
                    #[inline(always)]
                    || add(&mut sums, row),
                );
            }
            for (total, sum) in totals.iter_mut().zip(&sums) {
                *total += f64::from(*sum);
            }
        }
        totals
    };
    let parts: Vec<Vec<f64>> = values.par_chunks(part.max(1)).map(sum).collect();
    let total = |col: usize| parts.iter().map(|part| part[col]).sum::<f64>() as f32;
    (0..cols).map(total).collect()
}

#[inline(always)]
fn add(sums: &mut [f32], row: &[f32]) {
    for (sum, x) in sums.iter_mut().zip(row) {
        *sum += x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (x, inputs, outputs) in [(&[5, 7][..], 7, 3), (&[1, 1], 1, 1), (&[2, 3, 5], 5, 65)] {
            let vars = [var(x, 1), var(&[outputs, inputs], 2), var(&[outputs], 3)];
            for relu in [false, true] {
                gradients(
                    "linear",
                    &vars,
                    &|t| linear(&t[0], &t[1], Some(&t[2]), relu),
                    &|t| composed::linear(&t[0], &t[1], Some(&t[2]), relu),
                );
                gradients(
                    "linear without bias",
                    &vars[..2],
                    &|t| linear(&t[0], &t[1], None, relu),
                    &|t| composed::linear(&t[0], &t[1], None, relu),
                );
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let vars = [var(&[67, 301], 1), var(&[211, 301], 2), var(&[211], 3)];
        threads(|| everything(&vars, &|t| linear(&t[0], &t[1], Some(&t[2]), true)));
    }

    #[test]
    fn an_input_without_history_gets_no_gradient() {
        let (x, w) = (var(&[2, 3], 1).as_detached_tensor(), var(&[4, 3], 2));
        let store = linear(&x, &w, None, false)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap();
        assert!(store.get(&x).is_none() && store.get(&w).is_some());
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let (x, w, b) = (var(&[2, 3], 1), var(&[4, 5], 2), var(&[3], 3));
        assert!(linear(&x, &w, None, false).is_err());
        assert!(linear(&x, &var(&[4, 3], 2), Some(&b), false).is_err());
    }

    #[test]
    fn not_a_number_is_never_hidden() {
        let x = Tensor::new(&[[f32::NAN]], &candle_core::Device::Cpu).unwrap();
        let y = linear(&x, &var(&[1, 1], 1), None, true).unwrap();
        assert!(y.to_vec2::<f32>().unwrap()[0][0].is_nan());
    }
}
