//! Scaled dot-product attention with several heads (Vaswani et al. 2017) on packed queries, keys
//! and values.
//!
//! qkv `[n, t, 3·d]` holds q, k and v side by side, each d = heads·h wide. Per sample and head:
//! y = softmax(q·kᵀ/√h)·v; where causal, place i sees only places up to i.

use std::sync::OnceLock;

use candle_core::{Result, Tensor, bail};

use super::{attention_cpu::Heads, pooled::check_lengths};
use crate::kernel::{
    autograd::{Role, apply},
    composed,
    memory::fused,
};
use crate::units::counted;

/// qkv `[n, t, 3·d]` → `[n, t, d]`, heads side by side.
///
/// ```
/// use candle_core::{Device, Tensor};
/// // One head of width 1; equal scores, so each place takes the mean of the values up to it.
/// let qkv = Tensor::new(&[[[0f32, 0.0, 2.0], [0.0, 0.0, 4.0]]], &Device::Cpu)?;
/// let y = trainer::kernel::attention(&qkv, 1, true)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [2.0, 3.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the last dimension does not hold three times as many equal heads, or the device fails.
pub fn attention(qkv: &Tensor, heads: usize, causal: bool) -> Result<Tensor> {
    packed(qkv, heads, causal, None)
}

/// The same, not causal, for samples of different lengths: each sees only its own places, as if it
/// were alone in its batch. What is behind a sample's end means nothing.
///
/// ```
/// use candle_core::{Device, Tensor};
/// // Two samples of one head; the first has one place, the second two.
/// let one = [[0f32, 0.0, 2.0], [0.0, 0.0, 4.0]];
/// let qkv = Tensor::new(&[one, one], &Device::Cpu)?;
/// let y = trainer::kernel::attention_within(&qkv, 1, &[1, 2])?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [2.0, 0.0, 3.0, 3.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// As of [`attention`], and where there is not a length within the places for each sample.
pub fn attention_within(qkv: &Tensor, heads: usize, lengths: &[u32]) -> Result<Tensor> {
    check_lengths(qkv, lengths)?;
    packed(qkv, heads, false, Some(lengths.to_vec()))
}

fn packed(qkv: &Tensor, heads: usize, causal: bool, lengths: Option<Vec<u32>>) -> Result<Tensor> {
    let (_, _, packed) = qkv.dims3()?;
    if heads == 0 || packed == 0 || !packed.is_multiple_of(3 * heads) {
        bail!(
            "queries, keys and values of {} do not fit into {}",
            counted(heads as u64, "head"),
            counted(packed as u64, "column")
        )
    }
    if fused(qkv) {
        let sums = OnceLock::new();
        apply(
            [(qkv, Role::Input)],
            Heads {
                heads,
                causal,
                lengths,
                sums,
            },
        )
    } else {
        composed::attention(qkv, heads, causal, lengths.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, flat, gradients, threads, var};
    use candle_core::DType;

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (shape, heads) in [
            ([2, 5, 12], 2),
            ([1, 1, 3], 1),
            ([1, 4, 18], 3),
            ([1, 35, 6], 1),
            ([2, 3, 102], 1),
        ] {
            for causal in [false, true] {
                gradients(
                    "attention",
                    &[var(&shape, 1)],
                    &|x| attention(&x[0], heads, causal),
                    &|x| composed::attention(&x[0], heads, causal, None),
                );
            }
        }
    }

    #[test]
    fn a_causal_place_does_not_see_what_comes_after_it() {
        let (one, two) = (var(&[1, 6, 12], 1), var(&[1, 6, 12], 2));
        let start = one.narrow(1, 0, 4).unwrap();
        let mixed = Tensor::cat(&[&start, &two.narrow(1, 4, 2).unwrap()], 1).unwrap();
        let begin = |x: &Tensor, causal| {
            let y = attention(x, 2, causal).unwrap();
            flat(&y.narrow(1, 0, 4).unwrap())
        };
        assert_eq!(begin(&one, true), begin(&mixed, true));
        assert_ne!(begin(&one, false), begin(&mixed, false));
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let qkv = [var(&[3, 40, 96], 1)];
        threads(|| everything(&qkv, &|x| attention(&x[0], 4, true)));
    }

    #[test]
    fn narrow_types_come_out_as_they_went_in() {
        let qkv = var(&[2, 5, 12], 1);
        let want = flat(&attention(&qkv, 2, true).unwrap());
        for (dtype, tolerance) in [(DType::BF16, 0.02), (DType::F16, 0.003)] {
            let y = attention(&qkv.to_dtype(dtype).unwrap(), 2, true).unwrap();
            assert_eq!(y.dtype(), dtype);
            crate::kernel::probe::close("narrow", &flat(&y), &want, tolerance);
        }
    }

    #[test]
    fn columns_that_are_no_heads_are_refused() {
        for (width, heads) in [(12, 0), (12, 3), (10, 1)] {
            assert!(attention(&var(&[1, 2, width], 1), heads, true).is_err());
        }
    }
}
