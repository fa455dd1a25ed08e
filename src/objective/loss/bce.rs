//! Binary cross-entropy on logits.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, TrainTargets, Weights, pointwise, spec::misfit, weights::above_zero};
use crate::units::counted;
use crate::{error::KeyFault, task::Task};

/// The loss with its weights, where it had to be given some.
type Loaded = std::result::Result<Option<Arc<dyn LossSpec>>, KeyFault>;

/// Binary cross-entropy on logits. The loss is −pos_weight·y·ln σ(z) − (1 − y)·ln(1 − σ(z)), the
/// mean over samples and outputs. For two classes the model has a single output, the logit of the
/// second class. For labels (the default of a multi-label classification) and for a regression,
/// every target is a probability in 0–1 of its own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bce {
    /// Weight of a positive target against a negative one: one number for all outputs, one
    /// for each, or `"balanced"`: negatives / positives of each output in the training split.
    /// Default `[]`: 1 for all. Above 0.
    #[serde(default)]
    #[schemars(schema_with = "above_zero", example = &"balanced")]
    pub pos_weight: Weights,
}

impl LossSpec for Bce {
    fn fits(&self, task: &Task) -> Option<KeyFault> {
        let classes = task.outputs();
        if task.is_classification() && classes > 2 {
            let fault = misfit("bce", task);
            let message = format!("{} of {classes} classes", fault.message);
            return Some(KeyFault { message, ..fault });
        }
        let (given, outputs) = (self.pos_weight.each().len(), self.outputs(task));
        (given > 1 && given != outputs).then(|| {
            KeyFault::error(
                "pos_weight",
                format!(
                    "{} for {}",
                    counted(given as u64, "weight"),
                    counted(outputs as u64, "output")
                ),
            )
            .hint("give one number for all outputs, or one for each")
        })
    }

    fn outputs(&self, task: &Task) -> usize {
        match task.is_classification() {
            true => 1,
            false => task.outputs(),
        }
    }

    /// `output` is `[n, 1]` for classes (u32 `[n]`, 0 or 1), `[n, k]` for values (f32 `[n, k]`).
    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        pointwise::sum(output, target, |z, y| self.point(z, y))
    }

    fn rows(&self, output: &Tensor, target: &Tensor) -> Result<Vec<(f64, f64)>> {
        pointwise::rows(output, target, |z, y| self.point(z, y))
    }

    fn is_balanced(&self) -> bool {
        self.pos_weight == Weights::BALANCED
    }

    fn balanced(&self, targets: &TrainTargets) -> Loaded {
        if !self.is_balanced() {
            return Ok(None);
        }
        let (positives, whole) = match targets {
            // The second of two classes is the positive one.
            TrainTargets::Classes(counts, _) => {
                let of = |class: usize| counts.get(class).copied().unwrap_or(0);
                (vec![of(1) as f64], (of(0) + of(1)) as f64)
            }
            TrainTargets::Values(sums, samples) => (sums.clone(), *samples as f64),
        };
        if let Some(output) = positives.iter().position(|p| *p <= 0.0 || *p >= whole) {
            let what = if positives[output] <= 0.0 {
                "positive"
            } else {
                "negative"
            };
            let message = match positives.len() {
                1 => format!("the training split has no {what} target to balance"),
                _ => {
                    format!("output {output} has no {what} target in the training split to balance")
                }
            };
            let hint = "give the weights as a list";
            return Err(KeyFault::error("pos_weight", message).hint(hint));
        }
        let weights = positives.iter().map(|p| (whole - p) / p).collect();
        Ok(Some(Arc::new(Self {
            pos_weight: Weights::Each(weights),
        })))
    }

    fn weights_in_use(&self) -> &[f64] {
        self.pos_weight.each()
    }

    /// The probability that a logit stands for, σ(z), in f64 and rounded once.
    fn predict(&self, outputs: &mut [f32]) {
        for z in outputs {
            *z = (1.0 / (1.0 + libm::exp(-f64::from(*z)))) as f32;
        }
    }

    fn target_range(&self) -> Option<(f64, f64)> {
        Some((0.0, 1.0))
    }

    /// The number of targets, each of which has to lie in 0–1.
    fn weight(&self, target: &Tensor) -> Result<f64> {
        let values: Vec<f32> = target.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
        if let Some(wrong) = values.iter().find(|y| !(0.0..=1.0).contains(*y)) {
            bail!("`bce` needs targets in 0–1, not `{wrong}`; hint: `mse` takes any values")
        }
        Ok(values.len() as f64)
    }
}

impl Bce {
    /// The loss of each element and its derivative.
    fn point(&self, z: &Tensor, y: &Tensor) -> Result<(Tensor, Tensor)> {
        let positive = match self.pos_weight.each() {
            [] => y.clone(),
            weights => {
                let weights = Tensor::from_slice(weights, weights.len(), &Device::Cpu)?;
                y.broadcast_mul(&weights.to_dtype(z.dtype())?.to_device(z.device())?)?
            }
        };
        let negative = y.affine(-1.0, 1.0)?;
        // −ln σ(∓z) = max(±z, 0) + ln(1 + e^−|z|), which neither overflows nor cancels.
        let tail = z.abs()?.neg()?.exp()?.affine(1.0, 1.0)?.log()?;
        let if_positive = z.neg()?.relu()?.add(&tail)?;
        let if_negative = z.relu()?.add(&tail)?;
        let value = positive.mul(&if_positive)? + negative.mul(&if_negative)?;
        let slope = negative.mul(&sigmoid(z)?)? - positive.mul(&sigmoid(&z.neg()?)?)?;
        Ok((value?, slope?))
    }
}

/// 1 / (1 + e^−z).
fn sigmoid(z: &Tensor) -> Result<Tensor> {
    z.neg()?.exp()?.affine(1.0, 1.0)?.recip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Var;

    #[test]
    fn two_classes_need_one_output_and_three_are_refused() {
        let loss = Bce {
            pos_weight: Weights::Each(vec![3.0]),
        };
        assert_eq!(loss.outputs(&Task::unnamed(2)), 1);
        assert_eq!(loss.outputs(&Task::Regression { targets: 4 }), 4);
        assert_eq!(loss.fits(&Task::unnamed(2)), None);
        assert_eq!(
            loss.fits(&Task::unnamed(3)).unwrap().to_string(),
            "`type`: `bce` does not fit a classification of 3 classes; \
             hint: a classification takes cross_entropy, or bce for two classes"
        );
        let loss = Bce {
            pos_weight: Weights::Each(vec![3.0, 1.0, 1.0]),
        };
        let fault = loss.fits(&Task::Regression { targets: 2 }).unwrap();
        assert_eq!(
            (fault.key.as_str(), fault.message.as_str()),
            ("pos_weight", "3 weights for 2 outputs")
        );
    }

    #[test]
    fn balanced_positives_weigh_as_much_as_negatives() {
        let loss = Bce {
            pos_weight: Weights::BALANCED,
        };
        let weights = |targets: TrainTargets| match loss.balanced(&targets) {
            Ok(Some(loss)) => Ok(loss.weights_in_use().to_vec()),
            Ok(None) => Ok(Vec::new()),
            Err(fault) => Err(fault.to_string()),
        };
        let classes = |counts: &[u64]| TrainTargets::Classes(counts.to_vec(), Vec::new());
        assert_eq!(weights(classes(&[30, 10])), Ok(vec![3.0]));
        assert_eq!(
            weights(TrainTargets::Values(vec![5.0, 2.5], 10)),
            Ok(vec![1.0, 3.0])
        );
        assert_eq!(
            weights(classes(&[30, 0])).unwrap_err(),
            "`pos_weight`: the training split has no positive target to balance; \
             hint: give the weights as a list"
        );
        let fault = weights(TrainTargets::Values(vec![5.0, 10.0], 10)).unwrap_err();
        assert!(fault.contains("output 1 has no negative target"), "{fault}");
    }

    #[test]
    fn huge_logits_stay_finite() {
        let z = Var::new(&[[2000f32], [-2000.0], [2000.0], [-2000.0]], &Device::Cpu).unwrap();
        let y = Tensor::new(&[1u32, 0, 0, 1], &Device::Cpu).unwrap();
        let sum = Bce::default().sum(&z, &y).unwrap();
        assert_eq!(sum.to_scalar::<f32>().unwrap(), 4000.0);
        let grad = sum.backward().unwrap().get(&z).unwrap().clone();
        let grad = grad.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(grad, [0.0, 0.0, 1.0, -1.0]);
    }

    #[test]
    fn a_target_outside_0_to_1_is_named() {
        let y = Tensor::new(&[[0.5f32], [3.5]], &Device::Cpu).unwrap();
        let message = Bce::default().weight(&y).unwrap_err().to_string();
        assert!(message.contains("targets in 0–1, not `3.5`"), "{message}");
    }
}
