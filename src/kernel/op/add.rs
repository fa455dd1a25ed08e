//! The sum of a residual branch and its trunk, optionally with ReLU.

use candle_core::{DType, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::linear::mask;
use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    composed,
    memory::{CHUNK, fused, output, tensor, uninit, with_ref},
    simd::dispatch,
};

/// a + b, element by element, of tensors of the same shape and type.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let a = Tensor::new(&[1f32, 2.0], &Device::Cpu)?;
/// assert_eq!(trainer::kernel::add(&a, &a)?.to_vec1::<f32>()?, [2.0, 4.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the shapes or types differ, or the device fails.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if narrow_or_elsewhere(a, b)? {
        return composed::add(a, b);
    }
    apply([(a, Role::Input), (b, Role::Input)], Sum { relu: false })
}

/// max(a + b, 0) of tensors of the same shape and type; where the sum is 0 the gradient is 0.
///
/// # Errors
/// Where the shapes or types differ, or the device fails.
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if narrow_or_elsewhere(a, b)? {
        return composed::add_relu(a, b);
    }
    apply([(a, Role::Input), (b, Role::Input)], Sum { relu: true })
}

/// Whether Candle's own operations add them; refuses different shapes.
fn narrow_or_elsewhere(a: &Tensor, b: &Tensor) -> Result<bool> {
    if a.shape() != b.shape() {
        bail!(
            "a sum of tensors of shapes {:?} and {:?}",
            a.dims(),
            b.dims()
        )
    }
    Ok(!fused(a) || [a.dtype(), b.dtype()] != [DType::F32; 2])
}

struct Sum {
    relu: bool,
}

impl Fused<2> for Sum {
    fn name(&self) -> &'static str {
        "add"
    }

    fn forward(&self, [a, b]: [Operand; 2]) -> Result<(Vec<f32>, Shape)> {
        let mut out = uninit(a.values.len());
        let pairs = a.values.par_chunks(CHUNK).zip(b.values.par_chunks(CHUNK));
        out.par_chunks_mut(CHUNK)
            .zip(pairs)
            .for_each(|(out, (a, b))| {
                dispatch(
                    #[inline(always)]
                    || {
                        for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
                            let sum = a + b;
                            *out = if self.relu && sum <= 0.0 { 0.0 } else { sum };
                        }
                    },
                );
            });
        output(out, a.shape)
    }

    fn backward(
        &self,
        [_, _]: [&Tensor; 2],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 2]> {
        let grad = if self.relu {
            let masked = with_ref(result, |y| with_ref(grad, |g| Ok(mask(y, g))))?;
            tensor(masked, result.shape())?
        } else {
            grad.clone()
        };
        Ok([Some(grad.clone()), Some(grad)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let vars = [var(&[2, 3, 4], 1), var(&[2, 3, 4], 2)];
        gradients("add", &vars, &|t| add(&t[0], &t[1]), &|t| {
            composed::add(&t[0], &t[1])
        });
        gradients("add + relu", &vars, &|t| add_relu(&t[0], &t[1]), &|t| {
            composed::add_relu(&t[0], &t[1])
        });
    }

    #[test]
    fn a_tensor_may_be_added_to_itself() {
        let vars = [var(&[3, 5], 1)];
        gradients("twice", &vars, &|t| add(&t[0], &t[0]), &|t| {
            composed::add(&t[0], &t[0])
        });
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let vars = [var(&[4, 5, 31, 33], 1), var(&[4, 5, 31, 33], 2)];
        threads(|| everything(&vars, &|t| add_relu(&t[0], &t[1])));
    }

    #[test]
    fn nothing_is_broadcast() {
        assert!(add(&var(&[2, 3], 1), &var(&[1, 3], 2)).is_err());
    }
}
