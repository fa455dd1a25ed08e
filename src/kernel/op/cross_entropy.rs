//! Cross-entropy with logits, and its gradient, in one pass.
//!
//! Per row with class y, class weights w and smoothing ε (Szegedy et al. 2016):
//! loss = −Σ_c t_c log softmax(z)_c with t_c = (1−ε)·w_y·[c = y] + ε/C·w_c, which is
//! `torch.nn.functional.cross_entropy(…, weight, label_smoothing, reduction="sum")`.
//! Gradient: softmax(z)·Σt − t.

use std::sync::OnceLock;

use candle_core::{DType, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::softmax::exponentials;
use crate::kernel::{
    autograd::{Fused, Operand, Role, apply, widen},
    composed,
    memory::{fused, output, tensor, wanted},
    simd::dispatch,
};
use crate::units::counted;

/// Σ over the rows of the weighted, smoothed cross-entropy; a scalar with gradient.
///
/// `logits` `[.., c]` floats (16-bit ones are widened to f32, and so is the loss), `targets` `[..]`
/// u32 below c, `smoothing` in [0, 1), `class_weights` one per class. Whatever comes before the
/// classes counts rows: `[n, c]` for samples, `[n, t, c]` for the places of sequences.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::zeros((2, 4), candle_core::DType::F32, &Device::Cpu)?;
/// let targets = Tensor::new(&[0u32, 3], &Device::Cpu)?;
/// let loss = trainer::kernel::cross_entropy(&logits, &targets, 0.0, None)?;
/// assert!((loss.to_scalar::<f32>()? - 2.0 * 4f32.ln()).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the shapes do not fit together, a target is no class, or the device fails.
pub fn cross_entropy(
    logits: &Tensor,
    targets: &Tensor,
    smoothing: f64,
    class_weights: Option<&[f32]>,
) -> Result<Tensor> {
    let classes = fitting(logits, targets, class_weights)?;
    let logits = &widen(logits)?;
    if !fused(logits) {
        return composed::cross_entropy(logits, targets, smoothing, class_weights);
    }
    let operation = CrossEntropy {
        keep: wanted(logits),
        ..CrossEntropy::new(targets, classes, smoothing, class_weights)?
    };
    apply([(logits, Role::Input)], operation)
}

/// The loss of each row in f64, in order: the terms of [`cross_entropy`]'s sum, unrounded and
/// without a gradient. Computed on the CPU, wherever the logits are.
///
/// # Errors
/// As of [`cross_entropy`].
pub fn cross_entropy_rows(
    logits: &Tensor,
    targets: &Tensor,
    smoothing: f64,
    class_weights: Option<&[f32]>,
) -> Result<Vec<f64>> {
    let classes = fitting(logits, targets, class_weights)?;
    let operation = CrossEntropy::new(targets, classes, smoothing, class_weights)?;
    let logits = logits.to_dtype(DType::F32)?.flatten_all()?;
    let logits = logits.to_vec1::<f32>()?;
    let block = |(logits, targets): (&[f32], &[u32])| {
        let mut gradient = vec![0.0; classes];
        let mut losses = Vec::with_capacity(targets.len());
        dispatch(
            #[inline(always)]
            || {
                for (z, t) in logits.chunks(classes.max(1)).zip(targets) {
                    losses.push(operation.row(z, *t as usize, &mut gradient));
                }
            },
        );
        losses
    };
    let losses: Vec<Vec<f64>> = logits
        .par_chunks(ROWS * classes.max(1))
        .zip(operation.targets.par_chunks(ROWS))
        .map(block)
        .collect();
    Ok(losses.concat())
}

/// Rows that one thread takes at a time.
const ROWS: usize = 64;

/// The number of classes, where logits, targets and class weights fit together.
fn fitting(logits: &Tensor, targets: &Tensor, class_weights: Option<&[f32]>) -> Result<usize> {
    let Some((&classes, rows)) = logits.dims().split_last() else {
        bail!("logits without classes")
    };
    if targets.dims() != rows {
        let found = targets.dims();
        bail!("{rows:?} rows of logits, but targets of shape {found:?}")
    }
    if class_weights.is_some_and(|w| w.len() != classes) {
        bail!(
            "{}, but another number of class weights",
            counted(classes as u64, "class")
        )
    }
    Ok(classes)
}

struct CrossEntropy {
    targets: Vec<u32>,
    weights: Vec<f32>,
    /// Σ weights.
    spread: f64,
    smoothing: f64,
    /// Whether a backward pass may follow.
    keep: bool,
    gradient: OnceLock<Vec<f32>>,
}

impl CrossEntropy {
    /// The operation over these targets, each of which must be one of `classes`.
    fn new(
        targets: &Tensor,
        classes: usize,
        smoothing: f64,
        class_weights: Option<&[f32]>,
    ) -> Result<Self> {
        let targets = targets.to_dtype(DType::U32)?.flatten_all()?;
        let targets = targets.to_vec1::<u32>()?;
        if let Some(target) = targets.iter().find(|t| **t as usize >= classes) {
            bail!(
                "target {target} is not one of {} (0 to {})",
                counted(classes as u64, "class"),
                classes.saturating_sub(1)
            )
        }
        let weights = class_weights.map_or_else(|| vec![1.0; classes], <[f32]>::to_vec);
        Ok(Self {
            targets,
            spread: weights.iter().map(|w| f64::from(*w)).sum(),
            weights,
            smoothing,
            keep: false,
            gradient: OnceLock::new(),
        })
    }

    /// One row's loss; `out` becomes its gradient.
    #[inline(always)]
    fn row(&self, logits: &[f32], target: usize, out: &mut [f32]) -> f64 {
        let (max, total) = exponentials(out, logits);
        let log_total = libm::log(total);
        let log_p = |z: f32| f64::from(z) - f64::from(max) - log_total;
        let even = self.smoothing / logits.len() as f64;
        let own = (1.0 - self.smoothing) * f64::from(self.weights[target]);
        let mut loss = -own * log_p(logits[target]);
        if even > 0.0 {
            let pairs = logits.iter().zip(&self.weights);
            loss -= even * pairs.map(|(z, w)| f64::from(*w) * log_p(*z)).sum::<f64>();
        }
        let scale = ((own + even * self.spread) / total) as f32;
        for (g, w) in out.iter_mut().zip(&self.weights) {
            *g = *g * scale - even as f32 * w;
        }
        out[target] -= own as f32;
        loss
    }
}

impl Fused<1> for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn forward(&self, [x]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let logits = x.values;
        let classes = self.weights.len().max(1);
        let mut gradient = vec![0.0; logits.len()];
        let block = |((out, logits), targets): ((&mut [f32], &[f32]), &[u32])| {
            let rows = out.chunks_mut(classes).zip(logits.chunks(classes));
            let mut losses = 0.0;
            dispatch(
                #[inline(always)]
                || {
                    for ((g, z), t) in rows.zip(targets) {
                        losses += self.row(z, *t as usize, g);
                    }
                },
            );
            losses
        };
        let losses: Vec<f64> = gradient
            .par_chunks_mut(ROWS * classes)
            .zip(logits.par_chunks(ROWS * classes))
            .zip(self.targets.par_chunks(ROWS))
            .map(block)
            .collect();
        if self.keep {
            // A second forward pass of the same operation would compute the same.
            let _ = self.gradient.set(gradient);
        }
        output(vec![losses.iter().sum::<f64>() as f32], ())
    }

    fn backward(
        &self,
        [logits]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let Some(gradient) = self.gradient.get() else {
            bail!("backward of a cross-entropy that never ran")
        };
        let factor = grad.to_scalar::<f32>()?;
        let scaled = gradient.iter().map(|g| g * factor).collect();
        Ok([Some(tensor(scaled, logits.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};
    use candle_core::Device;

    fn targets(rows: usize, classes: u32) -> Tensor {
        let values = (0..rows as u32)
            .map(|i| i * 7 % classes)
            .collect::<Vec<_>>();
        Tensor::from_vec(values, rows, &Device::Cpu).unwrap()
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (rows, classes) in [(1, 1), (5, 3), (70, 11)] {
            let t = targets(rows, classes as u32);
            let weights: Vec<f32> = (0..classes).map(|c| 0.5 + c as f32 / 4.0).collect();
            for smoothing in [0.0, 0.1] {
                for weights in [None, Some(&weights[..])] {
                    gradients(
                        "cross-entropy",
                        &[var(&[rows, classes], 1)],
                        &|z| cross_entropy(&z[0], &t, smoothing, weights),
                        &|z| composed::cross_entropy(&z[0], &t, smoothing, weights),
                    );
                }
            }
        }
    }

    #[test]
    fn places_of_sequences_are_rows() {
        let places = targets(15, 4).reshape((3, 5)).unwrap();
        let weights = [0.5, 1.0, 2.0, 1.5];
        gradients(
            "cross-entropy of sequences",
            &[var(&[3, 5, 4], 1)],
            &|z| cross_entropy(&z[0], &places, 0.1, Some(&weights)),
            &|z| composed::cross_entropy(&z[0], &places, 0.1, Some(&weights)),
        );
        let (long, flat) = (var(&[3, 5, 4], 1), targets(15, 4));
        let rows = long.reshape((15, 4)).unwrap();
        let loss = |z: &Tensor, t: &Tensor| cross_entropy(z, t, 0.0, None).unwrap();
        let loss = |z: &Tensor, t: &Tensor| loss(z, t).to_scalar::<f32>().unwrap();
        assert_eq!(loss(&long, &places), loss(&rows, &flat));
        assert!(cross_entropy(&long, &flat, 0.0, None).is_err());
    }

    #[test]
    fn the_rows_sum_to_the_loss_and_do_not_know_each_other() {
        let (z, t, weights) = (var(&[150, 7], 1), targets(150, 7), [0.5; 7]);
        for (smoothing, weights) in [(0.0, None), (0.1, Some(&weights[..]))] {
            let rows = cross_entropy_rows(&z, &t, smoothing, weights).unwrap();
            let loss = cross_entropy(&z, &t, smoothing, weights).unwrap();
            let sum = rows.iter().sum::<f64>();
            let loss = f64::from(loss.to_scalar::<f32>().unwrap());
            assert!((sum - loss).abs() < 1e-6 * loss, "{sum} {loss}");
            for (row, want) in rows.iter().enumerate() {
                let (z, t) = (z.narrow(0, row, 1).unwrap(), t.narrow(0, row, 1).unwrap());
                let alone = cross_entropy_rows(&z, &t, smoothing, weights).unwrap();
                assert_eq!(alone[0].to_bits(), want.to_bits());
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let t = targets(300, 10);
        let logits = [var(&[300, 10], 1)];
        threads(|| everything(&logits, &|z| cross_entropy(&z[0], &t, 0.1, None)));
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let z = Tensor::new(&[[1e4f32, 0.0], [0.0, 1e4]], &Device::Cpu).unwrap();
        let t = Tensor::new(&[0u32, 0], &Device::Cpu).unwrap();
        let loss = cross_entropy(&z, &t, 0.0, None).unwrap();
        assert_eq!(loss.to_scalar::<f32>().unwrap(), 1e4);
    }

    #[test]
    fn not_a_number_is_never_hidden() {
        let z = Tensor::new(&[[f32::NAN, 0.0]], &Device::Cpu).unwrap();
        let loss = cross_entropy(&z, &targets(1, 2), 0.0, None).unwrap();
        assert!(loss.to_scalar::<f32>().unwrap().is_nan());
    }

    #[test]
    fn a_target_that_is_no_class_is_named() {
        let t = Tensor::new(&[5u32], &Device::Cpu).unwrap();
        let message = cross_entropy(&var(&[1, 3], 1), &t, 0.0, None)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("target 5 is not one of 3 classes (0 to 2)"),
            "{message}"
        );
    }
}
