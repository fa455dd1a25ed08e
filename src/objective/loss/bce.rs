//! Binary cross-entropy on logits.

use candle_core::{DType, Device, Result, Tensor, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, pointwise, spec::misfit};
use crate::error::KeyFault;

/// Binary cross-entropy on logits: −pos_weight·y·ln σ(z) − (1 − y)·ln(1 − σ(z)), the mean over
/// samples and outputs. For two classes the model gets a single output, the logit of the second
/// class; for a regression every target is a probability in 0–1 of its own (multi-label).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bce {
    /// How much more a positive target counts than a negative one: one number for all outputs, or
    /// one for each. Default `[]`: 1 for all. Above 0; negatives / positives balances the two.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "number", "exclusiveMinimum": 0.0 }))]
    pub pos_weight: Vec<f64>,
}

impl LossSpec for Bce {
    fn fits(&self, classification: bool, outputs: usize) -> Option<KeyFault> {
        if classification && outputs > 2 {
            let fault = misfit("bce", classification);
            let message = format!("{} of {outputs} classes", fault.message);
            return Some(KeyFault { message, ..fault });
        }
        let (given, outputs) = (self.pos_weight.len(), self.outputs(classification, outputs));
        (given > 1 && given != outputs).then(|| {
            KeyFault::error(
                "pos_weight",
                format!("{given} weights for {outputs} outputs"),
            )
            .hint("give one number for all outputs, or one for each")
        })
    }

    fn outputs(&self, classification: bool, answers: usize) -> usize {
        if classification { 1 } else { answers }
    }

    /// `output` is `[n, 1]` for classes (u32 `[n]`, 0 or 1), `[n, k]` for values (f32 `[n, k]`).
    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        pointwise::sum(output, target, |z, y| {
            let positive = match self.pos_weight.len() {
                0 => y.clone(),
                k => {
                    let weights = Tensor::from_slice(&self.pos_weight, k, &Device::Cpu)?;
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
        })
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
            pos_weight: vec![3.0],
        };
        assert_eq!(loss.outputs(true, 2), 1);
        assert_eq!(loss.outputs(false, 4), 4);
        assert_eq!(loss.fits(true, 2), None);
        assert_eq!(
            loss.fits(true, 3).unwrap().to_string(),
            "`type`: `bce` does not fit a classification of 3 classes; \
             hint: a classification takes cross_entropy, or bce for two classes"
        );
        let loss = Bce {
            pos_weight: vec![3.0, 1.0, 1.0],
        };
        let fault = loss.fits(false, 2).unwrap();
        assert_eq!(
            (fault.key.as_str(), fault.message.as_str()),
            ("pos_weight", "3 weights for 2 outputs")
        );
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
