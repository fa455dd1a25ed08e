//! Mean absolute error.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, pointwise, spec::misfit};
use crate::{error::KeyFault, task::Task};

/// Mean absolute error: |z − y|, robust against outliers. The mean over samples and targets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mae {}

impl LossSpec for Mae {
    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("mae", task))
    }

    /// The gradient is 0 where output and target are equal.
    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        pointwise::sum(output, target, distance)
    }

    fn rows(&self, output: &Tensor, target: &Tensor) -> Result<Vec<(f64, f64)>> {
        pointwise::rows(output, target, distance)
    }

    fn weight(&self, target: &Tensor) -> Result<f64> {
        pointwise::count("mae", target)
    }
}

fn distance(z: &Tensor, y: &Tensor) -> Result<(Tensor, Tensor)> {
    let d = z.sub(y)?;
    Ok((d.abs()?, d.sign()?))
}
