//! One state of a sequence out of all: the mean of its places, or the last of them, where samples
//! have different lengths. What is behind a sample's end counts nowhere, so that the bits do not
//! depend on what a sample is padded to.

use candle_core::{Result, Shape, Tensor, bail};

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widened},
    composed,
    memory::{fused, output, tensor, with_ref},
};

/// The mean of each sample's own places: x [n, t, d] → [n, d].
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[[2f32], [4.0]], [[6.0], [9.0]]], &Device::Cpu)?;
/// let mean = trainer::kernel::mean_within(&x, &[2, 1])?;
/// assert_eq!(mean.flatten_all()?.to_vec1::<f32>()?, [3.0, 6.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where there is not a length within the places for each sample, or the device fails.
pub fn mean_within(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    check_lengths(x, lengths)?;
    match fused(x) {
        true => apply([(x, Role::Input)], Pooled::of(lengths, Part::Mean)),
        false => widened(x, |x| composed::mean_within(x, lengths)),
    }
}

/// The state at the last of each sample's own places: x [n, t, d] → [n, d].
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[[2f32], [4.0]], [[6.0], [9.0]]], &Device::Cpu)?;
/// let last = trainer::kernel::last_within(&x, &[2, 1])?;
/// assert_eq!(last.flatten_all()?.to_vec1::<f32>()?, [4.0, 6.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where there is not a length within the places for each sample, or the device fails.
pub fn last_within(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    check_lengths(x, lengths)?;
    match fused(x) {
        true => apply([(x, Role::Input)], Pooled::of(lengths, Part::Last)),
        false => composed::last_within(x, lengths),
    }
}

/// Refuses lengths that are not one for each sample of x [n, t, …], from 1 to t.
///
/// # Errors
/// They are not.
pub(super) fn check_lengths(x: &Tensor, lengths: &[u32]) -> Result<()> {
    let (n, t, _) = x.dims3()?;
    let fits = lengths
        .iter()
        .all(|length| (1..=t).contains(&(*length as usize)));
    if lengths.len() != n || !fits {
        bail!("lengths {lengths:?} do not fit {n} samples of {t} places")
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Part {
    Mean,
    Last,
}

struct Pooled {
    lengths: Vec<usize>,
    part: Part,
}

impl Pooled {
    fn of(lengths: &[u32], part: Part) -> Self {
        let lengths = lengths.iter().map(|length| *length as usize).collect();
        Self { lengths, part }
    }

    /// The places of a sample that count, and the share of each.
    fn counted(&self, length: usize) -> (std::ops::Range<usize>, f64) {
        match self.part {
            Part::Mean => (0..length, 1.0 / length as f64),
            Part::Last => (length - 1..length, 1.0),
        }
    }
}

impl Fused<1> for Pooled {
    fn name(&self) -> &'static str {
        "pooled"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let (n, places, width) = x.shape.dims3()?;
        let samples = x.values.chunks_exact((places * width).max(1));
        let mut out = Vec::with_capacity(n * width);
        let mut sums = vec![0f64; width];
        for (sample, length) in samples.zip(&self.lengths) {
            let (counted, share) = self.counted(*length);
            sums.fill(0.0);
            for place in counted {
                let row = &sample[place * width..][..width];
                sums.iter_mut()
                    .zip(row)
                    .for_each(|(sum, x)| *sum += f64::from(*x));
            }
            out.extend(sums.iter().map(|sum| (sum * share) as f32));
        }
        output(out, (n, width))
    }

    fn backward(
        &self,
        [x]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let (_, places, width) = x.dims3()?;
        let mut out = vec![0.0; x.elem_count()];
        with_ref(grad, |grad| {
            let samples = out.chunks_exact_mut((places * width).max(1));
            let grads = grad.chunks_exact(width.max(1));
            for ((sample, grad), length) in samples.zip(grads).zip(&self.lengths) {
                let (counted, share) = self.counted(*length);
                for place in counted {
                    let row = sample[place * width..][..width].iter_mut();
                    row.zip(grad).for_each(|(to, g)| *to = g * share as f32);
                }
            }
            Ok(())
        })?;
        Ok([Some(tensor(out, x.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        attention_within,
        probe::{flat, gradients, numbers, var},
    };
    use candle_core::Device;

    const LENGTHS: [u32; 3] = [1, 5, 3];

    #[test]
    fn values_and_gradients_are_those_of_the_composition() {
        let x = [var(&[3, 5, 4], 1)];
        let of = |f: fn(&Tensor, &[u32]) -> Result<Tensor>| move |x: &[Tensor]| f(&x[0], &LENGTHS);
        gradients("mean", &x, &of(mean_within), &of(composed::mean_within));
        gradients("last", &x, &of(last_within), &of(composed::last_within));
        let qkv = [var(&[3, 5, 12], 2)];
        gradients(
            "attention",
            &qkv,
            &|x| attention_within(&x[0], 2, &LENGTHS),
            &|x| composed::attention(&x[0], 2, false, Some(&LENGTHS)),
        );
    }

    #[test]
    fn a_sample_has_the_same_bits_whatever_it_is_padded_to() {
        let bits = |x: &Tensor| -> Vec<u64> { flat(x).iter().map(|x| x.to_bits()).collect() };
        for places in [37, 40, 64, 65] {
            // The same 37 places of one sample, and other numbers behind them.
            let mut values = numbers(37 * 12, 3);
            values.extend(numbers((places - 37) * 12, places as u64));
            let x = Tensor::from_vec(values, (1, places, 12), &Device::Cpu).unwrap();
            let alone = x.narrow(1, 0, 37).unwrap().contiguous().unwrap();
            let same = |f: &dyn Fn(&Tensor) -> Result<Tensor>| {
                assert_eq!(bits(&f(&x).unwrap()), bits(&f(&alone).unwrap()), "{places}");
            };
            same(&|x| mean_within(x, &[37]));
            same(&|x| last_within(x, &[37]));
            same(&|x| attention_within(x, 2, &[37])?.narrow(1, 0, 37));
        }
    }

    #[test]
    fn lengths_are_one_for_each_sample_within_its_places() {
        let x = Tensor::zeros((2, 3, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
        for lengths in [&[1u32][..], &[0, 1], &[4, 1]] {
            assert!(mean_within(&x, lengths).is_err(), "{lengths:?}");
            assert!(last_within(&x, lengths).is_err(), "{lengths:?}");
        }
    }
}
