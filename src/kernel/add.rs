//! The sum of a residual branch and its trunk.

use candle_core::{Result, Tensor, bail};

use super::composed;

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
    if a.shape() != b.shape() {
        bail!(
            "a sum of tensors of shapes {:?} and {:?}",
            a.dims(),
            b.dims()
        )
    }
    composed::add(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{gradients, var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let vars = [var(&[2, 3, 4], 1), var(&[2, 3, 4], 2)];
        gradients("add", &vars, &|t| add(&t[0], &t[1]), &|t| {
            composed::add(&t[0], &t[1])
        });
    }

    #[test]
    fn nothing_is_broadcast() {
        assert!(add(&var(&[2, 3], 1), &var(&[1, 3], 2)).is_err());
    }
}
