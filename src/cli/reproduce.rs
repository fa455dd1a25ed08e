//! `trainer reproduce`.

use clap::Args;
use serde_json::json;

use super::{CliError, Global, Memory, Output, PlanFlags, run::Format, session};
use crate::{
    event::Status,
    launch::{self, Repeat, Reproduction, SameProgram},
    run::{RunStatus, Store},
    units::counted,
};

/// Run a stored plan again and compare every number bit for bit
///
/// The repetition is a run of its own. The first step that differs is named; exit code 6 then.
#[derive(Debug, Args)]
pub struct Reproduce {
    /// An id, its shortest unique prefix, a name, a path, or `last`
    run: String,
    /// Place of the run's data now: `--set dataset.path=PATH`; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    memory: Memory,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Reproduce {
    /// Trains again and compares.
    ///
    /// # Errors
    /// A run that cannot be repeated, or whose repetition differs.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let path = Store::new(&global.runs).find(&self.run)?;
        let stop = launch::connect().map_err(CliError::Signals)?;
        let mut screen = session::screen(global);
        let mut say = |line: String| out.note(&line);
        let flags = PlanFlags {
            set: self.set.clone(),
            ..PlanFlags::default()
        };
        let repeat = Repeat {
            runs: global.runs.clone(),
            ignore_memory: self.memory.ignore_memory,
        };
        let found = launch::reproduce(
            &path,
            &global.extensions,
            &flags.overrides(),
            repeat,
            &mut screen,
            &stop,
            &mut say,
        )?;
        drop(screen);
        if let Some(signal) = stop.raised() {
            return Err(CliError::Signal(u8::try_from(signal).unwrap_or(u8::MAX)));
        }
        if self.format == Format::Json {
            out.json(&object(&found))?;
        }
        match found.comparison.difference {
            None if self.format == Format::Json => Ok(()),
            None => out.lines(&format!(
                "reproduced: {} {} are the same bits in {}, {}\n",
                counted(found.comparison.rows as u64, "row"),
                match &found.broken_off {
                    None => format!("and the final state of {}", found.original),
                    Some(status) => format!("of {}, all until it {},", found.original, ended(status)),
                },
                found.repeated,
                match found.program {
                    SameProgram::Yes => "made by the same program",
                    SameProgram::No => "made by another program",
                    SameProgram::Unknown => "made by the same version (the first run kept no digest of its program)",
                }
            )),
            Some(difference) => Err(CliError::Differs(format!(
                "{} and {} differ first at {difference}; hint: {}",
                found.original,
                found.repeated,
                match found.circumstances.as_slice() {
                    [] => "program, processor and data are the same: the stored plan or log was changed, or something computes differently each time".to_string(),
                    lines => lines.join("; "),
                }
            ))),
        }
    }
}

/// Returns the verb for how a run broke off that did not come to its end.
fn ended(status: &RunStatus) -> &'static str {
    match status {
        RunStatus::Ended(Status::Stopped { .. }) => "was stopped",
        RunStatus::Running => "was read",
        other => other.name(),
    }
}

fn object(found: &Reproduction) -> serde_json::Value {
    let difference = found.comparison.difference.as_ref().map(|difference| {
        json!({
            "step": difference.step, "kind": difference.kind, "key": difference.key,
            "first": difference.first, "second": difference.second,
        })
    });
    json!({
        "same": difference.is_none(),
        "original": found.original,
        "repeated": found.repeated,
        "path": found.path,
        "rows": found.comparison.rows,
        "broken_off": found.broken_off,
        "difference": difference,
        "same_program": match found.program {
            SameProgram::Yes => json!(true),
            SameProgram::No => json!(false),
            SameProgram::Unknown => json!(null),
        },
        "circumstances": found.circumstances,
    })
}
