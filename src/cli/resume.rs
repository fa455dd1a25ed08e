//! `trainer resume`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    CliError, Global, Memory, Output, PlanFlags, args::path, require::Require, run, session,
};
use crate::{
    launch::{self, Allow, Edits, ResumeOptions, ScheduleMode},
    run::Store,
};

/// Go on with a run where its newest valid checkpoint stands
///
/// The run goes on in its own directory and ends in the same bits as one that was never
/// interrupted. A changed config, dataset or program is refused with what differs; what may change
/// needs a flag and is recorded.
#[derive(Debug, Args)]
pub struct Resume {
    /// An id, its shortest unique prefix, a name, a path, or `last`
    run: String,
    #[command(flatten)]
    flags: PlanFlags,
    /// Take this config in place of the stored plan
    #[arg(long, value_name = "FILE", value_parser = path())]
    config: Option<PathBuf>,
    /// Treatment of the schedule when its length or its phases change
    #[arg(long, value_enum)]
    schedule: Option<Mode>,
    /// Further differences to accept from the run as it began
    #[arg(long, value_enum, value_delimiter = ',')]
    allow: Vec<Difference>,
    #[command(flatten)]
    require: Require,
    #[command(flatten)]
    memory: Memory,
    /// Output format
    #[arg(long, value_enum, default_value_t = run::Format::Text)]
    format: run::Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// The new curve, evaluated at the step reached
    Config,
    /// The old curve over the old length, held at its end
    Checkpoint,
    /// The new chain, starting now from the factor reached
    Splice,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Difference {
    /// Another program: other code, another version, or another build
    #[value(alias = "program")]
    Binary,
    /// Other data, or other weights to start from
    Data,
    /// Another class of processor
    Isa,
}

impl Resume {
    /// Trains on.
    ///
    /// # Errors
    /// A run that cannot go on, fails, diverges, is stopped or does not meet a requirement.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let conditions = self.require.conditions()?;
        let path = Store::new(&global.runs).find(&self.run)?;
        let options = ResumeOptions {
            edits: Edits {
                overrides: self.flags.overrides(),
                config: self.config.clone(),
                tags: self.flags.tags.clone(),
                schedule: self.schedule.map(|mode| match mode {
                    Mode::Config => ScheduleMode::Config,
                    Mode::Checkpoint => ScheduleMode::Checkpoint,
                    Mode::Splice => ScheduleMode::Splice,
                }),
            },
            allow: Allow {
                binary: self.allow.contains(&Difference::Binary),
                data: self.allow.contains(&Difference::Data),
                isa: self.allow.contains(&Difference::Isa),
            },
            ignore_memory: self.memory.ignore_memory,
        };
        let stop = launch::connect().map_err(CliError::Signals)?;
        let reopened = launch::reopen(&path, &global.extensions, &options)?;
        conditions.check(reopened.plan())?;
        let mut screen = session::screen(global);
        let mut say = |line: String| out.note(&line);
        let summary = reopened.resume(&mut screen, &stop, &mut say)?;
        drop(screen);
        run::conclude(&summary, self.format, out)?;
        conditions.hold_for(&summary)
    }
}
