//! Cross-entropy between softmaxed outputs and classes.

use candle_core::{Result, Tensor, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, spec::misfit};
use crate::{error::KeyFault, kernel};

/// Cross-entropy: −ln of the probability that the softmax gives to the target's class, the mean
/// over samples (or tokens), weighted by class. The default of a classification.
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
        let weights: Vec<f32> = self.class_weights.iter().map(|w| *w as f32).collect();
        let weights = (!weights.is_empty()).then_some(&weights[..]);
        kernel::cross_entropy(output, target, self.label_smoothing, weights)
    }

    /// The number of samples or tokens, or the sum of their class weights.
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
