//! A loss: a sum over the samples of a batch, with a gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainer::prelude::*;

/// Hinge loss for classes (Weston and Watkins 1999): Σ max(0, margin + zⱼ − zᵧ) over the wrong classes j.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hinge {
    /// The lead that the right class's logit should have. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0))]
    margin: f64,
}

fn one() -> f64 {
    1.0
}

impl LossSpec for Hinge {
    fn fits(&self, task: &Task) -> Option<KeyFault> {
        let fault = || KeyFault::error("type", "`hinge` takes classes").hint("`mse` takes numbers");
        (!task.is_classification()).then(fault)
    }

    /// `output` is f32 [n, classes], `target` u32 [n].
    fn sum(&self, output: &Tensor, target: &Tensor) -> candle_core::Result<Tensor> {
        let right = output.gather(&target.unsqueeze(1)?, 1)?;
        let short = (output.broadcast_sub(&right)? + self.margin)?.relu()?;
        // The right class itself falls short by the margin.
        short.sum_all()? - self.margin * target.elem_count() as f64
    }
}
