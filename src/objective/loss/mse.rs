//! Mean squared error.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossSpec, pointwise, spec::misfit};
use crate::{error::KeyFault, task::Task};

/// Mean squared error: (z − y)². The mean over samples and targets. The default of a regression.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mse {}

impl LossSpec for Mse {
    fn fits(&self, task: &Task) -> Option<KeyFault> {
        (!task.is_regression()).then(|| misfit("mse", task))
    }

    fn sum(&self, output: &Tensor, target: &Tensor) -> Result<Tensor> {
        pointwise::sum(output, target, square)
    }

    fn rows(&self, output: &Tensor, target: &Tensor) -> Result<Vec<(f64, f64)>> {
        pointwise::rows(output, target, square)
    }

    fn weight(&self, target: &Tensor) -> Result<f64> {
        pointwise::count("mse", target)
    }
}

fn square(z: &Tensor, y: &Tensor) -> Result<(Tensor, Tensor)> {
    let d = z.sub(y)?;
    Ok((d.sqr()?, d.affine(2.0, 0.0)?))
}
