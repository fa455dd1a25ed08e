//! What every verb that reads a config takes: files, overrides, flags that stand for keys.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Global, Output, args::path};
use crate::{
    config::{ConfigError, Overrides, Plan, Spec},
    launch, run,
};

/// Configs and what is laid over them.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// TOML files, one experiment each
    #[arg(required = true, value_name = "CONFIG", value_parser = path())]
    pub configs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) flags: PlanFlags,
}

/// Overrides on the command line.
#[derive(Debug, Clone, Default, Args)]
pub struct PlanFlags {
    /// Lay a value over the config, in TOML syntax; repeatable: `--set optimizer.lr=0.05`,
    /// `--set schedule.1.power=2`
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Device: auto, cpu, cuda, cuda:N, metal
    #[arg(long)]
    pub device: Option<String>,
    /// Seed of every random stream
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// Number of epochs. The schedule keeps its curve; a shorter run ends earlier
    #[arg(long, conflicts_with = "steps", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub epochs: Option<u64>,
    /// Number of updates. The schedule keeps its curve; a shorter run ends earlier
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub steps: Option<u64>,
    /// Name of the run
    #[arg(long)]
    pub name: Option<String>,
    /// Label the run; repeatable
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
}

impl PlanFlags {
    /// As overrides that stand above the file.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        let mut overrides = Overrides {
            set: self.set.clone(),
            vary: Vec::new(),
            flags: Vec::new(),
        };
        let texts = [
            ("--device", "device", &self.device),
            ("--name", "name", &self.name),
        ];
        for (flag, key, value) in texts {
            if let Some(value) = value {
                overrides.flag_text(flag, key, value);
            }
        }
        let numbers = [
            ("--seed", "seed", self.seed),
            ("--epochs", "train.epochs", self.epochs),
            ("--steps", "train.steps", self.steps),
        ];
        for (flag, key, value) in numbers {
            if let Some(value) = value {
                overrides.flag_number(flag, key, value);
            }
        }
        overrides
    }
}

/// Flags of every verb that trains.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Memory {
    /// Run also what does not fit, by its estimate, in the memory that is free
    #[arg(long)]
    pub(crate) ignore_memory: bool,
}

impl Memory {
    /// Refuses a plan that does not fit.
    pub(crate) fn check(self, plan: &Plan) -> Result<(), CliError> {
        match self.ignore_memory {
            true => Ok(()),
            false => Ok(launch::check_memory(plan)?),
        }
    }
}

impl ConfigArgs {
    /// Reads and resolves every config; warnings are shown, the first refused config ends it.
    ///
    /// # Errors
    /// All faults of a config.
    pub fn plans(&self, global: &Global, out: &Output<'_>) -> Result<Vec<Plan>, CliError> {
        let mut plans = Vec::new();
        for (_, resolved) in self.resolved(global, out) {
            let plan = resolved?;
            out.remarks(&plan);
            plans.push(plan);
        }
        Ok(plans)
    }

    /// Reads and resolves every config, one after the other: its path, and what came of it.
    pub fn resolved<'a>(
        &'a self,
        global: &Global,
        out: &Output<'_>,
    ) -> Vec<(&'a PathBuf, Result<Plan, ConfigError>)> {
        let overrides = self.flags.overrides();
        let one = |path: &'a PathBuf| {
            let mut spec = Spec::load(path, &overrides);
            launch::start_from(&mut spec, &global.runs);
            let resolved = Plan::resolve(&spec, &global.extensions);
            if resolved.is_err()
                && let Some(plan) = run::plan_beside(path)
            {
                out.note(&format!(
                    "note: `{}` is the copy that a run keeps, and its relative paths begin elsewhere; `{}` is the same experiment with whole paths",
                    path.display(),
                    plan.display()
                ));
            }
            let resolved = resolved.map(|mut plan| {
                plan.top.tags.extend(self.flags.tags.iter().cloned());
                plan
            });
            (path, resolved)
        };
        self.configs.iter().map(one).collect()
    }
}
