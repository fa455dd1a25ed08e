//! Dropout (Srivastava et al. 2014) with inverted scaling: a kept element is multiplied by
//! 1/(1 − p), so evaluation needs no change.
//!
//! Which elements are kept is a pure function of (stream, step, micro-batch, element), not of a
//! generator's state: resuming, threads and other layers change nothing.

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widened},
    memory::{CHUNK, fused, output, tensor, with_ref},
};
use crate::rng::{Stream, unit};

/// Drops each element with probability `p` in [0, 1) at the position (`step`, `micro`, element).
///
/// # Errors
/// Where the device fails.
pub fn dropout(x: &Tensor, p: f64, stream: Stream, step: u32, micro: u32) -> Result<Tensor> {
    if p <= 0.0 {
        return Ok(x.clone());
    }
    let kept = kept(x.elem_count(), p, stream, step, micro);
    let scale = 1.0 / (1.0 - p);
    if fused(x) {
        let scale = scale as f32;
        return apply([(x, Role::Input)], Dropout { kept, scale });
    }
    let mask = Tensor::from_vec(kept, x.shape(), x.device())?;
    widened(x, |x| x * (mask.to_dtype(x.dtype())? * scale)?)
}

/// 1 for each element that is kept, 0 for each that is dropped.
fn kept(n: usize, p: f64, stream: Stream, step: u32, micro: u32) -> Vec<u8> {
    let mut kept = vec![0; n];
    kept.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(chunk, kept)| {
            let first = chunk * CHUNK / 4;
            for (i, kept) in kept.chunks_mut(4).enumerate() {
                let words = stream.block(step, micro, (first + i) as u64);
                for (kept, word) in kept.iter_mut().zip(words) {
                    *kept = u8::from(f64::from(unit(word)) >= p);
                }
            }
        });
    kept
}

struct Dropout {
    kept: Vec<u8>,
    scale: f32,
}

impl Dropout {
    fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        let inputs = x.par_chunks(CHUNK).zip(self.kept.par_chunks(CHUNK));
        out.par_chunks_mut(CHUNK)
            .zip(inputs)
            .for_each(|(out, (x, kept))| {
                for ((out, x), kept) in out.iter_mut().zip(x).zip(kept) {
                    *out = x * (f32::from(*kept) * self.scale);
                }
            });
        out
    }
}

impl Fused<1> for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        output(self.apply(x.values), x.shape)
    }

    fn backward(
        &self,
        [x]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let out = with_ref(grad, |grad| Ok(self.apply(grad)))?;
        Ok([Some(tensor(out, x.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, flat, gradients, threads, var};
    use crate::rng::Purpose;
    use candle_core::{DType, Device};

    fn stream() -> Stream {
        Stream::new(3, Purpose::Dropout, "drop1")
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        // The same function takes the fused path in f32 and the composed one in f64.
        let run = |t: &[Tensor]| dropout(&t[0], 0.3, stream(), 5, 1);
        gradients("dropout", &[var(&[7, 5], 1)], &run, &run);
    }

    #[test]
    fn the_share_dropped_is_p_and_the_mean_stays() {
        let ones = Tensor::ones(100_003, DType::F32, &Device::Cpu).unwrap();
        let y = flat(&dropout(&ones, 0.2, stream(), 0, 0).unwrap());
        let dropped = y.iter().filter(|y| **y == 0.0).count() as f64 / y.len() as f64;
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        assert!(
            (dropped - 0.2).abs() < 0.005 && (mean - 1.0).abs() < 0.01,
            "{dropped} {mean}"
        );
    }

    #[test]
    fn masks_are_a_function_of_stream_step_and_micro_batch() {
        let mask = |s, step, micro| kept(1000, 0.5, s, step, micro);
        let other = Stream::new(3, Purpose::Dropout, "drop2");
        assert_eq!(mask(stream(), 1, 0), mask(stream(), 1, 0));
        for different in [
            mask(stream(), 2, 0),
            mask(stream(), 1, 1),
            mask(other, 1, 0),
        ] {
            assert_ne!(mask(stream(), 1, 0), different);
        }
        // Element i is word i of the stream, whatever the chunks.
        let long = kept(CHUNK + 100, 0.5, stream(), 1, 0);
        let word = stream().word(1, 0, CHUNK as u64 + 7);
        assert_eq!(long[CHUNK + 7], u8::from(unit(word) >= 0.5));
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let x = [var(&[3, 10_001], 1)];
        threads(|| everything(&x, &|t| dropout(&t[0], 0.3, stream(), 5, 1)));
    }
}
