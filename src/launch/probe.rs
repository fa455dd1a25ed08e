//! A model tried on a batch, on the CPU and without a run.

use candle_core::Device;

use super::{LaunchError, process, recipe};
use crate::{
    config::Plan,
    train::{Probed, Session},
};

/// Builds the plan's model on the CPU, runs one sample, and tries a model written for `candle_nn` as
/// before a first update. Weights to start from are not looked at.
///
/// # Errors
/// Whatever keeps the model from running here.
pub fn probe(plan: &Plan) -> Result<Probed, LaunchError> {
    process::set_up(plan);
    let data = plan.dataset.spec.load(&plan.dataset_keys, plan.top.seed)?;
    let mut session = Session::new(recipe::recipe(plan, data, Device::Cpu))?;
    Ok(session.probe()?)
}
