//! An optimizer: what an update does to the parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainer::prelude::*;

/// Sign descent (Bernstein et al. 2018): p ← p − lr·sign(g). It keeps nothing between updates.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignSgd {}

impl OptimizerSpec for SignSgd {
    fn build(&self, _params: &[Param]) -> candle_core::Result<Box<dyn Optimizer>> {
        Ok(Box::new(Signs))
    }
}

struct Signs;

impl Optimizer for Signs {
    /// The schedules' values of this update are in `hyper`, one for each parameter.
    fn step(
        &mut self,
        params: &[Param],
        grads: &Grads,
        hyper: &[Hyper],
        frozen: &[bool],
    ) -> candle_core::Result<()> {
        for (i, param) in params.iter().enumerate().filter(|(i, _)| !frozen[*i]) {
            let step = (grads.get(i).sign()? * hyper[i].lr)?;
            param.var().set(&param.tensor().sub(&step)?)?;
        }
        Ok(())
    }
}
