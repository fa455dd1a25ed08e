//! Cross-entropy between softmaxed outputs and classes.

use std::sync::Arc;

use candle_core::{Result, Tensor, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, TrainTargets, Weights, spec::misfit};
use crate::units::counted;
use crate::{error::KeyFault, kernel, task::Task};

/// The loss with its weights, where it had to be given some.
type Loaded = std::result::Result<Option<Arc<dyn LossSpec>>, KeyFault>;

/// Cross-entropy of the softmax with the target's class. The loss is −ln of the probability that
/// the softmax gives to the class; the mean over samples (or tokens), weighted by class. The
/// default of a classification.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropy {
    /// Share of the target's probability that is spread evenly over all classes (Szegedy 2016).
    /// Default 0. At least 0, below 1; 0.1 is usual.
    #[serde(default)]
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub label_smoothing: f64,
    /// Weight of a sample of each class, in the order of the classes, or `"balanced"`: samples /
    /// (classes · samples of the class) in the training split, so that all classes count the same.
    /// Default `[]`: 1 each. At least 0; only their ratios matter.
    #[serde(default)]
    #[schemars(example = &"balanced")]
    pub class_weights: Weights,
}

impl LossSpec for CrossEntropy {
    fn check(&self) -> Vec<KeyFault> {
        let weights = self.class_weights.each();
        if weights.is_empty() || weights.iter().any(|w| *w > 0.0) {
            return Vec::new();
        }
        vec![KeyFault::error(
            "class_weights",
            "no class has a weight above 0",
        )]
    }

    fn fits(&self, task: &Task) -> Option<KeyFault> {
        if !task.is_classification() {
            return Some(misfit("cross_entropy", task));
        }
        let (given, outputs) = (self.class_weights.each().len(), task.outputs());
        (given != 0 && given != outputs).then(|| {
            let message = format!(
                "{} for {}",
                counted(given as u64, "weight"),
                counted(outputs as u64, "class")
            );
            KeyFault::error("class_weights", message).hint("give one weight for each class")
        })
    }

    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        let weights = self.weights();
        kernel::cross_entropy(output, target, self.label_smoothing, weights.as_deref())
    }

    fn rows(&self, output: &Tensor, target: &Tensor) -> Result<Vec<(f64, f64)>> {
        let (weights, smoothing) = (self.weights(), self.label_smoothing);
        let losses = kernel::cross_entropy_rows(output, target, smoothing, weights.as_deref())?;
        let classes = target.flatten_all()?.to_vec1::<u32>()?;
        // The kernel knows that each class has a weight.
        let own = self.class_weights.each();
        let weight = |class: &u32| own.get(*class as usize).copied();
        let weights = classes.iter().map(|class| weight(class).unwrap_or(1.0));
        Ok(losses.into_iter().zip(weights).collect())
    }

    /// The number of samples or tokens, or the sum of their class weights.
    fn weight(&self, target: &Tensor) -> Result<f64> {
        let weights = self.class_weights.each();
        if weights.is_empty() {
            return Ok(target.elem_count() as f64);
        }
        let mut sum = 0.0;
        for class in target.flatten_all()?.to_vec1::<u32>()? {
            match weights.get(class as usize) {
                Some(weight) => sum += weight,
                None => bail!("target class `{class}` is not below {}", weights.len()),
            }
        }
        Ok(sum)
    }

    fn is_balanced(&self) -> bool {
        self.class_weights == Weights::BALANCED
    }

    /// Weights as scikit-learn's `compute_class_weight("balanced", …)` has them.
    fn balanced(&self, targets: &TrainTargets) -> Loaded {
        let (true, TrainTargets::Classes(counts, names)) = (self.is_balanced(), targets) else {
            return Ok(None);
        };
        if let Some(class) = counts.iter().position(|count| *count == 0) {
            let name = names.get(class).map_or("", String::as_str).escape_debug();
            let message = format!("class `{name}` has no training sample to balance");
            let hint = "`split = { stratify = true }` in `[dataset]`, or a list of weights";
            return Err(KeyFault::error("class_weights", message).hint(hint));
        }
        let whole = counts.iter().sum::<u64>() as f64;
        let weight = |count: &u64| whole / (counts.len() as f64 * *count as f64);
        Ok(Some(Arc::new(Self {
            class_weights: Weights::Each(counts.iter().map(weight).collect()),
            ..self.clone()
        })))
    }

    fn weights_in_use(&self) -> &[f64] {
        self.class_weights.each()
    }
}

impl CrossEntropy {
    /// The class weights as the kernel takes them; `None` where all count the same.
    fn weights(&self) -> Option<Vec<f32>> {
        let weights: Vec<f32> = self
            .class_weights
            .each()
            .iter()
            .map(|w| *w as f32)
            .collect();
        (!weights.is_empty()).then_some(weights)
    }
}
