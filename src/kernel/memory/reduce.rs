//! Sums whose bits do not depend on the number of threads: fixed chunks, each summed in f64 in a
//! fixed order, their sums added from the first chunk to the last.

use candle_core::{DType, Result, Tensor};
use rayon::prelude::*;

use super::{CHUNK, with_ref};
use crate::kernel::simd::dispatch;

/// Σ x² of a tensor, in f64.
///
/// # Errors
/// Where the tensor is not a float tensor, or the device fails.
pub fn sum_squares(tensor: &Tensor) -> Result<f64> {
    if tensor.device().is_cpu() && tensor.dtype() == DType::F32 {
        return with_ref(&tensor.contiguous()?, |values| {
            Ok(sum(values, |x| f64::from(x) * f64::from(x)))
        });
    }
    tensor
        .to_dtype(DType::F32)?
        .sqr()?
        .sum_all()?
        .to_scalar::<f32>()
        .map(f64::from)
}

/// Σ term(x) over a slice, in f64.
pub fn sum(values: &[f32], term: impl Fn(f32) -> f64 + Sync) -> f64 {
    let chunk = |values: &[f32]| {
        dispatch(
            #[inline(always)]
            || {
                let mut lanes = [0.0; 8];
                let mut groups = values.chunks_exact(8);
                for group in &mut groups {
                    for (lane, x) in lanes.iter_mut().zip(group) {
                        *lane += term(*x);
                    }
                }
                let tail: f64 = groups.remainder().iter().map(|x| term(*x)).sum();
                lanes.iter().sum::<f64>() + tail
            },
        )
    };
    if values.len() <= CHUNK {
        return chunk(values);
    }
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(chunk).collect();
    parts.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn squares_sum_to_the_closed_form_at_every_length() {
        for n in [0usize, 1, 7, 8, 9, CHUNK, CHUNK + 1, 5 * CHUNK + 3] {
            let values = (0..n).map(|i| (i % 1000) as f32).collect::<Vec<_>>();
            let want: f64 = values.iter().map(|x| f64::from(*x).powi(2)).sum();
            let got = sum_squares(&Tensor::from_vec(values, n, &Device::Cpu).unwrap()).unwrap();
            assert_eq!(got, want, "n = {n}");
        }
    }
}
