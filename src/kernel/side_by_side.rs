//! Matrices side by side.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};

use super::{
    collect::hand_over,
    operand::{fused, output, slice},
    tape,
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
    tape::apply2(&a.contiguous()?, &b.contiguous()?, SideBySide)
}

struct SideBySide;

impl CustomOp2 for SideBySide {
    fn name(&self) -> &'static str {
        "side-by-side"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let ((rows, left), (_, right)) = (a_layout.shape().dims2()?, b_layout.shape().dims2()?);
        let mut out = Vec::with_capacity(rows * (left + right));
        let (a, b) = (slice(a, a_layout)?, slice(b, b_layout)?);
        for row in 0..rows {
            out.extend_from_slice(&a[row * left..][..left]);
            out.extend_from_slice(&b[row * right..][..right]);
        }
        output(out, (rows, left + right))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (left, right) = (a.dim(1)?, b.dim(1)?);
        let part = |first, count| grad.narrow(1, first, count)?.contiguous();
        let (da, db) = (part(0, left)?, part(left, right)?);
        Ok((hand_over(a, da)?, hand_over(b, db)?))
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
