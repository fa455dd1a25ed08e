//! `trainer check`.

use clap::{Args, ValueEnum};

use super::{CliError, ConfigArgs, Global, Output, plan_text};
use crate::{
    config::{Plan, Spec},
    launch::{self, LaunchError},
    train::{Probed, TrainError},
};

/// Check a config and show what it means, without running anything
///
/// Finds every fault at once, each with its place. Prints the resolved plan: the layers with their
/// shapes and parameters, the steps, the schedule's boundaries, FLOPs and memory.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    /// Output format; toml is the complete plan with every default
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Run one sample on the CPU: shows the shape of the output, and whether a model written for
    /// candle_nn can be trained
    #[arg(long)]
    probe: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// An object, or an array of them for several configs; faults too
    Json,
    /// The plan as a config
    Toml,
}

impl Check {
    /// Prints the plans.
    ///
    /// # Errors
    /// The faults of the first config that is refused.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        if self.format == Format::Json {
            return self.json(global, out);
        }
        for plan in self.config.plans(global, out)? {
            match self.format {
                Format::Toml => out.toml(plan.to_table())?,
                _ => out.lines(&plan_text::plan(&plan, out.fold(), out.palette()))?,
            }
            if let Some(fault) = memory_fault(&plan) {
                out.warn(&fault);
            }
            if self.probe {
                let probed = launch::probe(&plan)?;
                if self.format == Format::Text {
                    out.lines(&plan_text::probed(&plan, &probed))?;
                }
                passed(probed)?;
            }
        }
        Ok(())
    }

    /// One object a config, those with faults too: `ok`, `faults`, and the plan where there is one.
    fn json(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let overrides = self.config.flags.overrides();
        let mut refused = None;
        let mut unfit = None;
        let mut all = Vec::new();
        for path in &self.config.configs {
            let config = path.display().to_string();
            let mut spec = Spec::load(path, &overrides);
            launch::start_from(&mut spec, &global.runs);
            all.push(match Plan::resolve(&spec, &global.extensions) {
                Ok(plan) => {
                    let mut value = plan_text::json(&config, &plan);
                    value["memory_fault"] = memory_fault(&plan).into();
                    if self.probe {
                        let probed = launch::probe(&plan)?;
                        value["probe"] = plan_text::probed_json(&probed);
                        unfit = unfit.or(passed(probed).err());
                    }
                    value
                }
                Err(error) => {
                    let faults = error.0.to_json();
                    refused.get_or_insert(CliError::Refused);
                    serde_json::json!({ "config": config, "ok": false, "faults": faults })
                }
            });
        }
        let value = match all.len() {
            1 => all.remove(0),
            _ => serde_json::Value::Array(all),
        };
        out.json_lines(&value)?;
        out.flush()?;
        refused.or(unfit).map_or(Ok(()), Err)
    }
}

/// The error of a model that did not pass everything.
fn passed(probed: Probed) -> Result<(), CliError> {
    let failures = probed.failures;
    match failures.is_empty() {
        true => Ok(()),
        false => Err(LaunchError::from(TrainError::Unfit { failures }).into()),
    }
}

/// Returns the fault of a plan that needs more memory than there is, with what to change.
fn memory_fault(plan: &Plan) -> Option<String> {
    let error = launch::check_memory(plan).err()?;
    Some(error.to_string().replace("; hint: ", "; "))
}
