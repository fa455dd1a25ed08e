//! A scalar whose gradient is known beforehand: how a loss that was computed elsewhere, in any type,
//! joins the graph.
//!
//! y = v with ∂y/∂x = s; backward: ∂L/∂x = (∂L/∂y)·s, rounded once to x's type.

use candle_core::{DType, Result, Shape, Tensor, bail};

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    composed,
    memory::{fused, output},
};

/// The scalar `value` in the type of `x`, whose gradient with respect to x is `slope`, shaped like x.
/// Value and slope may be of a wider type; gradients flow to x only.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// let x = Var::new(&[1f32, 2.0], &Device::Cpu)?;
/// let (cubes, slope) = (Tensor::new(9.0, &Device::Cpu)?, Tensor::new(&[3.0, 12.0], &Device::Cpu)?);
/// let y = trainer::kernel::known_gradient(&x, &cubes, &slope)?;
/// assert_eq!(y.to_scalar::<f32>()?, 9.0);
/// assert_eq!(y.backward()?.get(&x).unwrap().to_vec1::<f32>()?, [3.0, 12.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the slope is not shaped like x, the value is no scalar, or the device fails.
pub fn known_gradient(x: &Tensor, value: &Tensor, slope: &Tensor) -> Result<Tensor> {
    if slope.shape() != x.shape() {
        let (slope, x) = (slope.dims(), x.dims());
        bail!("a slope of shape {slope:?} for a tensor of shape {x:?}")
    }
    if !fused(x) {
        return composed::known_gradient(x, value, slope);
    }
    let value = value.to_dtype(DType::F32)?.to_scalar()?;
    let slope = slope.detach();
    apply([(x, Role::Input)], KnownGradient { value, slope })
}

struct KnownGradient {
    value: f32,
    slope: Tensor,
}

impl Fused<1> for KnownGradient {
    fn name(&self) -> &'static str {
        "known-gradient"
    }

    fn forward(&self, _: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        output(vec![self.value], ())
    }

    fn backward(
        &self,
        [_]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let factor = f64::from(grad.to_scalar::<f32>()?);
        let scaled = self.slope.affine(factor, 0.0)?;
        Ok([Some(scaled.to_dtype(DType::F32)?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{flat, gradients, var};

    /// Σ x³ with its slope, computed in f64.
    fn cubes(f: fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>, x: &Tensor) -> Result<Tensor> {
        let wide = x.detach().to_dtype(DType::F64)?;
        let value = wide.powf(3.0)?.sum_all()?;
        f(x, &value, &(wide.sqr()? * 3.0)?)
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        gradients(
            "known slope",
            &[var(&[3, 4], 1)],
            &|x| cubes(known_gradient, &x[0]),
            &|x| cubes(composed::known_gradient, &x[0]),
        );
    }

    #[test]
    fn both_ways_give_the_same_bits() {
        let x = var(&[5, 7], 2);
        let run = |f| {
            let y = (cubes(f, &x).unwrap() * 0.3).unwrap();
            let grad = y.backward().unwrap().get(&x).unwrap().clone();
            (flat(&y), flat(&grad))
        };
        assert_eq!(run(known_gradient), run(composed::known_gradient));
    }

    #[test]
    fn narrow_types_get_a_gradient_of_their_type() {
        let x = var(&[4], 3).to_dtype(DType::BF16).unwrap();
        let x = candle_core::Var::from_tensor(&x).unwrap();
        let y = cubes(known_gradient, &x).unwrap();
        assert_eq!(y.dtype(), DType::BF16);
        let store = y.backward().unwrap();
        assert_eq!(store.get(&x).unwrap().dtype(), DType::BF16);
    }

    #[test]
    fn a_slope_of_another_shape_is_refused() {
        let (x, value) = (var(&[2, 3], 1), var(&[], 1));
        let message = known_gradient(&x, &value, &var(&[6], 1))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("shape [6] for a tensor of shape [2, 3]"),
            "{message}"
        );
        assert!(known_gradient(&x, &var(&[2], 1), &x).is_err());
    }
}
