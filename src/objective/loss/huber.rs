//! Huber's loss.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, pointwise, spec::misfit};
use crate::{error::KeyFault, task::Task};

/// Huber's loss: quadratic near the target, linear for outliers. With d = z − y it is d²/2 where
/// |d| ≤ delta, and delta·(|d| − delta/2) beyond; the mean over samples and targets (Huber 1964).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Huber {
    /// Error at which the parabola becomes a line, in units of the target (of its standard deviation where
    /// the dataset standardises it). Default 1. Above 0.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub delta: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: one() }
    }
}

impl LossSpec for Huber {
    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("huber", task))
    }

    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        pointwise::sum(output, target, |z, y| self.point(z, y))
    }

    fn rows(&self, output: &Tensor, target: &Tensor) -> Result<Vec<(f64, f64)>> {
        pointwise::rows(output, target, |z, y| self.point(z, y))
    }

    fn weight(&self, target: &Tensor) -> Result<f64> {
        pointwise::count("huber", target)
    }
}

impl Huber {
    fn point(&self, z: &Tensor, y: &Tensor) -> Result<(Tensor, Tensor)> {
        let d = z.sub(y)?;
        // c = d limited to ±delta is the derivative, and c·(d − c/2) the loss on both sides.
        let c = d.clamp(-self.delta, self.delta)?;
        Ok((c.mul(&d.sub(&c.affine(0.5, 0.0)?)?)?, c))
    }
}
