//! The schedules of a config, with or without its data.

use super::{
    diagnostic::{ConfigError, Diagnostics},
    extensions::Extensions,
    length::Length,
    plan::Plan,
    resolver::Resolver,
    spec::Spec,
};
use crate::schedule::Schedules;

/// Schedules and the steps that they are about.
#[derive(Debug, Clone)]
pub struct ScheduleView {
    /// The schedules.
    pub schedules: Schedules,
    /// `[[schedule]]`, in order, with all keys.
    pub entries: Vec<toml::Table>,
    /// Steps of an epoch, of the run, of the curves.
    pub length: Length,
    /// What the reader should know.
    pub warnings: Diagnostics,
}

impl ScheduleView {
    /// Those of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            schedules: plan.schedules.clone(),
            entries: plan.schedule.clone(),
            length: plan.length,
            warnings: plan.warnings.clone(),
        }
    }

    /// Those of a config whose epochs have `steps_per_epoch` updates; the data is not read, and a
    /// glob over parameters stands for the parameters that it would match.
    ///
    /// # Errors
    /// The faults of `[optimizer]`, `[[schedule]]`, `[train]` and the top level.
    pub fn without_data(
        spec: &Spec,
        extensions: &Extensions,
        steps_per_epoch: u64,
    ) -> Result<Self, ConfigError> {
        Resolver::new(spec, extensions).schedules(steps_per_epoch)
    }
}
