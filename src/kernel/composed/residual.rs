//! What a residual block does where its two ways meet.

use candle_core::{Result, Tensor};

use super::relu;

/// max(a + b, 0) of two tensors of one shape; the gradient where the sum is 0 is 0.
///
/// # Errors
/// Where the shapes differ, or the device fails.
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    relu(&(a + b)?)
}

/// x [n, c, h, w] → [n, `channels`, h, w]: channels of zeros after its own.
///
/// # Errors
/// Where x has more channels than that, or the device fails.
pub fn pad_channels(x: &Tensor, channels: usize) -> Result<Tensor> {
    let own = x.dim(1)?;
    let Some(more) = channels.checked_sub(own) else {
        candle_core::bail!("{own} channels cannot be padded to {channels}")
    };
    x.pad_with_zeros(1, 0, more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, flat, gradients, threads, var};
    use candle_core::{Device, Var};

    #[test]
    fn gradients_agree_with_finite_differences() {
        let two = [var(&[2, 3, 4, 5], 1), var(&[2, 3, 4, 5], 2)];
        let sum = |t: &[Tensor]| add_relu(&t[0], &t[1]);
        gradients("add_relu", &two, &sum, &sum);
        let pad = |t: &[Tensor]| pad_channels(&t[0], 5);
        gradients("pad_channels", &two[..1], &pad, &pad);
    }

    #[test]
    fn a_sum_of_zero_has_no_gradient_and_not_a_number_stays() {
        let a = Var::new(&[1f32, 2.0, f32::NAN], &Device::Cpu).unwrap();
        let b = Tensor::new(&[-1f32, 1.0, 1.0], &Device::Cpu).unwrap();
        let y = add_relu(a.as_tensor(), &b).unwrap();
        assert_eq!(flat(&y)[..2], [0.0, 3.0]);
        assert!(flat(&y)[2].is_nan());
        let store = y.narrow(0, 0, 2).unwrap().backward().unwrap();
        assert_eq!(flat(store.get(a.as_tensor()).unwrap()), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let two = [var(&[4, 5, 31, 33], 1), var(&[4, 5, 31, 33], 2)];
        threads(|| everything(&two, &|t| add_relu(&t[0], &t[1])));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let (a, b) = (var(&[2, 3, 4, 4], 1), var(&[2, 3, 2, 2], 2));
        assert!(add_relu(a.as_tensor(), b.as_tensor()).is_err());
        let message = pad_channels(a.as_tensor(), 2).unwrap_err().to_string();
        assert!(
            message.contains("3 channels cannot be padded to 2"),
            "{message}"
        );
    }
}
