//! Sums by Candle.

use candle_core::{Result, Tensor};

use super::relu;

/// a + b, element by element, of tensors of the same shape.
///
/// # Errors
/// Where the shapes or types differ, or the device fails.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.add(b)
}

/// max(a + b, 0) of two tensors of one shape; the gradient where the sum is 0 is 0.
///
/// # Errors
/// Where the shapes differ, or the device fails.
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    relu(&(a + b)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::flat;
    use candle_core::{Device, Var};

    #[test]
    fn a_sum_of_zero_has_no_gradient_and_not_a_number_stays() {
        for add_relu in [add_relu, crate::kernel::add_relu] {
            let a = Var::new(&[1f32, 2.0, f32::NAN], &Device::Cpu).unwrap();
            let b = Tensor::new(&[-1f32, 1.0, 1.0], &Device::Cpu).unwrap();
            let y = add_relu(a.as_tensor(), &b).unwrap();
            assert_eq!(flat(&y)[..2], [0.0, 3.0]);
            assert!(flat(&y)[2].is_nan());
            let store = y.narrow(0, 0, 2).unwrap().backward().unwrap();
            assert_eq!(flat(store.get(a.as_tensor()).unwrap()), [0.0, 1.0, 0.0]);
        }
    }
}
