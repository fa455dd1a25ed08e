//! Adam.

use candle_core::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Optimizer, OptimizerSpec,
    moments::{Decay, Moments},
};
use crate::kernel::Param;

/// Adam: steps of about lr for every element. The size of the gradient does not matter (Kingma and
/// Ba 2015, with bias correction). `weight_decay` is L2, added to the gradient; `adamw` decays the
/// parameter itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// Share of the gradient's running mean that is kept; what schedules and groups call momentum.
    /// Default 0.9. At least 0, below 1.
    #[serde(default = "beta1")]
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub beta1: f64,
    /// Share of the squared gradient's running mean that is kept. Default 0.999. At least 0, below 1.
    #[serde(default = "beta2")]
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub beta2: f64,
    /// Added to the root of the squares' mean, against division by 0. Default 1e-8. Above 0.
    #[serde(default = "eps")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps: f64,
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn eps() -> f64 {
    1e-8
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            beta1: beta1(),
            beta2: beta2(),
            eps: eps(),
        }
    }
}

impl OptimizerSpec for Adam {
    fn momentum(&self) -> Option<f64> {
        Some(self.beta1)
    }

    fn beta2(&self) -> Option<f64> {
        Some(self.beta2)
    }

    fn state_arrays(&self) -> usize {
        2
    }

    fn build(&self, params: &[Param]) -> Result<Box<dyn Optimizer>> {
        Ok(Box::new(Moments::new(self.eps, Decay::Gradient, params)))
    }
}
