//! Cross-entropy between softmaxed outputs and classes.

use candle_core::{DType, Result, Tensor, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, pointwise::wide, spec::misfit};
use crate::error::KeyFault;

/// Cross-entropy of the softmax against the target's class, −ln softmax(z)[y], the mean over
/// samples, weighted by class. The default of a classification.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropy {
    /// Share of the target's probability that is spread evenly over all classes (Szegedy 2016).
    /// Default 0. At least 0, below 1; 0.1 is usual.
    #[serde(default)]
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub label_smoothing: f64,
    /// How much a sample of each class counts, in the order of the classes. Default `[]`: 1 each.
    /// At least 0; only their ratios matter.
    #[serde(default)]
    #[schemars(inner(range(min = 0.0)))]
    pub class_weights: Vec<f64>,
}

impl LossSpec for CrossEntropy {
    fn check(&self) -> Vec<KeyFault> {
        let weights = &self.class_weights;
        if weights.is_empty() || weights.iter().any(|w| *w > 0.0) {
            return Vec::new();
        }
        vec![KeyFault::error(
            "class_weights",
            "no class has a weight above 0",
        )]
    }

    fn fits(&self, classification: bool, outputs: usize) -> Option<KeyFault> {
        if !classification {
            return Some(misfit("cross_entropy", classification));
        }
        let given = self.class_weights.len();
        (given != 0 && given != outputs).then(|| {
            let message = format!("{given} weights for {outputs} classes");
            KeyFault::error("class_weights", message).hint("give one weight for each class")
        })
    }

    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        composed(output, target, &self.weights(output)?, self.label_smoothing)
    }

    /// The number of samples, or the sum of their class weights.
    fn weight(&self, target: &Tensor) -> Result<f64> {
        if self.class_weights.is_empty() {
            return Ok(target.elem_count() as f64);
        }
        let mut sum = 0.0;
        for class in target.flatten_all()?.to_vec1::<u32>()? {
            match self.class_weights.get(class as usize) {
                Some(weight) => sum += weight,
                None => bail!(
                    "target class `{class}` is not below {}",
                    self.class_weights.len()
                ),
            }
        }
        Ok(sum)
    }
}

impl CrossEntropy {
    /// One weight for each class.
    fn weights(&self, output: &Tensor) -> Result<Vec<f32>> {
        let classes = output.dim(1)?;
        match self.class_weights.len() {
            0 => Ok(vec![1.0; classes]),
            n if n == classes => Ok(self.class_weights.iter().map(|w| *w as f32).collect()),
            n => bail!("{n} class weights for {classes} outputs"),
        }
    }
}

/// The loss out of Candle's own operations, for every device:
/// −Σ q·log softmax(z) with q = w·((1 − s)·one-hot + s/classes).
fn composed(output: &Tensor, target: &Tensor, weights: &[f32], smoothing: f64) -> Result<Tensor> {
    let (n, classes) = output.dims2()?;
    let device = output.device();
    let wide = wide(output);
    let target = target.to_dtype(DType::U32)?.reshape((n, 1))?;
    let range = Tensor::arange(0, classes as u32, device)?.reshape((1, classes))?;
    let hot = target.broadcast_eq(&range)?.to_dtype(wide)?;
    let weights = Tensor::from_slice(weights, (1, classes), device)?.to_dtype(wide)?;
    let q = hot
        .affine(1.0 - smoothing, smoothing / classes as f64)?
        .broadcast_mul(&weights)?;
    let z = output.to_dtype(wide)?;
    let shifted = z.broadcast_sub(&z.detach().max_keepdim(1)?)?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    let log_softmax = shifted.broadcast_sub(&log_sum)?;
    q.mul(&log_softmax)?
        .sum_all()?
        .neg()?
        .to_dtype(output.dtype())
}
