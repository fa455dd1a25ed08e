//! `trainer run`.

use clap::{Args, ValueEnum};

use super::{CliError, ConfigArgs, Global, Output, Screen, plan_text, session};
use crate::{
    config::{Plan, Spec},
    launch::{self, Launch},
    run::Summary,
};

/// Check a config, then train it
///
/// Every fault is found before anything runs. The run lands in a directory of its own below
/// `runs`, from which it can be shown, resumed and reproduced. Several configs run one after the
/// other; all of them are checked first.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    config: ConfigArgs,
    /// Do everything but the training: check, open the device, load the data, build the model
    #[arg(long)]
    dry_run: bool,
    /// Output format; json is the run's summary, one object on a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// A few lines
    Text,
    /// The summary as JSON
    Json,
}

impl Run {
    /// Trains every config.
    ///
    /// # Errors
    /// A config with faults, a run that fails, diverges or is stopped by a signal.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let plans = self.config.plans(global, out)?;
        if let Some(other) = self.other_threads(&plans) {
            out.note(&other);
        }
        for (_, plan) in &plans {
            launch::check_place(plan, &global.runs)?;
        }
        let stop = launch::connect().map_err(CliError::Signals)?;
        for (spec, plan) in &plans {
            let prepared = launch::prepare(plan)?;
            if let Some(weights) = &prepared.weights {
                out.note(&format!("init: {weights}"));
            }
            if self.dry_run {
                out.write(&plan_text::plan(plan, out.palette()))?;
                out.note(
                    "dry run: the device, the data and the model are there; nothing was trained",
                );
                continue;
            }
            let launch = Launch {
                plan,
                config_files: launch::config_files(spec),
                overrides: self.config.flags.record(),
                runs: global.runs.clone(),
                argv: std::env::args().collect(),
                parent: None,
            };
            let mut screen = session::screen(global);
            let summary = launch.start(prepared, &mut screen, &stop)?;
            drop::<Screen<'_>>(screen);
            conclude(&summary, self.format, out)?;
        }
        Ok(())
    }
}

impl Run {
    /// The note that one process computes on one number of threads.
    fn other_threads(&self, plans: &[(Spec, Plan)]) -> Option<String> {
        let ((_, first), rest) = plans.split_first()?;
        let other = |(_, plan): &&(Spec, Plan)| plan.train.threads != first.train.threads;
        let (spec, _) = rest.iter().find(other)?;
        Some(format!(
            "note: `{}` computes on the threads of `{}`, as one process has one number of them; results do not depend on it",
            spec.path.display(),
            self.config.configs.first()?.display()
        ))
    }
}

/// Says what was reached, where the run lies and what to type next; a run that did not complete
/// becomes the exit code.
pub(super) fn conclude(
    summary: &Summary,
    format: Format,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let text = match format {
        Format::Json => serde_json::to_string(summary).unwrap_or_default() + "\n",
        Format::Text => session::conclusion(summary),
    };
    // A closed standard output never changes how a run ended.
    match out.write(&text).and_then(|()| out.flush()) {
        Ok(()) | Err(CliError::Closed) => {}
        Err(error) => return Err(error),
    }
    let why = || summary.why.clone().unwrap_or_default();
    match (summary.status.as_str(), summary.signal) {
        (_, Some(signal)) => Err(CliError::Signal(u8::try_from(signal).unwrap_or(u8::MAX))),
        ("diverged", _) => Err(CliError::Diverged(why())),
        _ => Ok(()),
    }
}
