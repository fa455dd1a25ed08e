//! Matrices side by side.

use candle_core::{DType, Result, Shape, Tensor, bail};

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    memory::{fused, output},
};

/// [a, b] of matrices with the same number of rows.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let (a, b) = (Tensor::new(&[[1f32], [2.0]], &Device::Cpu)?, Tensor::new(&[[3f32, 4.0], [5.0, 6.0]], &Device::Cpu)?);
/// let both = trainer::kernel::side_by_side(&a, &b)?;
/// assert_eq!(both.to_vec2::<f32>()?, [[1.0, 3.0, 4.0], [2.0, 5.0, 6.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where they have not the same number of rows, or the device fails.
pub fn side_by_side(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let ((rows, _), (others, _)) = (a.dims2()?, b.dims2()?);
    if rows != others {
        bail!("matrices of {rows} and {others} rows do not fit side by side")
    }
    if !fused(a) || a.dtype() != DType::F32 || b.dtype() != DType::F32 {
        return Tensor::cat(&[a, b], 1);
    }
    apply([(a, Role::Exact), (b, Role::Exact)], SideBySide)
}

struct SideBySide;

impl Fused<2> for SideBySide {
    fn name(&self) -> &'static str {
        "side-by-side"
    }

    fn forward(&self, [a, b]: [Operand; 2]) -> Result<(Vec<f32>, Shape)> {
        let ((rows, left), (_, right)) = (a.shape.dims2()?, b.shape.dims2()?);
        let mut out = Vec::with_capacity(rows * (left + right));
        for row in 0..rows {
            out.extend_from_slice(&a.values[row * left..][..left]);
            out.extend_from_slice(&b.values[row * right..][..right]);
        }
        output(out, (rows, left + right))
    }

    fn backward(
        &self,
        [a, b]: [&Tensor; 2],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 2]> {
        let (left, right) = (a.dim(1)?, b.dim(1)?);
        let part = |first, count| grad.narrow(1, first, count)?.contiguous();
        let (da, db) = (part(0, left)?, part(left, right)?);
        Ok([Some(da), Some(db)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{gradients, var};

    #[test]
    fn values_and_gradients_are_those_of_the_composition() {
        let pair = [var(&[3, 2], 1), var(&[3, 5], 2)];
        gradients(
            "side by side",
            &pair,
            &|x| side_by_side(&x[0], &x[1]),
            &|x| Tensor::cat(&[&x[0], &x[1]], 1),
        );
    }
}
