//! AdamW.

use candle_core::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Optimizer, OptimizerSpec,
    moments::{Decay, Moments},
};
use crate::kernel::Param;

/// AdamW: Adam with weight decay apart from the gradient. Before the step the parameter itself
/// shrinks, p ← (1 − lr·weight_decay)·p (Loshchilov and Hutter 2019). `weight_decay` is 0 where it
/// is not given; 0.01 to 0.1 is usual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
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

impl Default for AdamW {
    fn default() -> Self {
        Self {
            beta1: beta1(),
            beta2: beta2(),
            eps: eps(),
        }
    }
}

impl OptimizerSpec for AdamW {
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
        Ok(Box::new(Moments::new(self.eps, Decay::Parameter, params)))
    }
}
