//! How a command ends: its exit code, and what is said when it fails.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use super::{output, with_name};
use crate::{
    config::ConfigError,
    error::Fault,
    launch::LaunchError,
    report::{FilterError, SeriesError, UnknownKey, sanitize},
    run::RunError,
    train::TrainError,
};

/// Why a command did not do what it was asked.
///
/// The message is a lowercase fragment, and may end in `; hint: …`; the hint is shown on a line of
/// its own.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The reader of standard output went away (`| head`): not a failure.
    #[error("standard output was closed")]
    Closed,
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Stdout(#[source] std::io::Error),
    /// A run cannot be found or read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A `--where` that is no filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A key that no run has.
    #[error(transparent)]
    Key(#[from] UnknownKey),
    /// A value that was not recorded.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A config has faults; they are shown with their places.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A config has faults, which are printed already.
    #[error("the config has faults")]
    Refused,
    /// A run could not be started or could not go on.
    #[error(transparent)]
    Launch(LaunchError),
    /// The command line asks for what does not exist.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The system does not let signals be handled.
    #[error("cannot handle signals: {0}")]
    Signals(#[source] std::io::Error),
    /// A reproduction differs.
    #[error("{0}")]
    Differs(String),
    /// Verification found faults, which are printed already.
    #[error("run `{0}` is damaged")]
    Damaged(String),
    /// Training met a loss or gradient that is not finite.
    #[error("diverged: {0}")]
    Diverged(String),
    /// A result is not what `--require` asks for, or no run matches `--where`.
    #[error("{0}")]
    Unmet(String),
    /// Something went wrong that was told already.
    #[error("exit code {}", .0.code())]
    Told(Exit),
    /// A signal ended the command after its work was saved.
    #[error("stopped by signal {0}")]
    Signal(u8),
}

impl CliError {
    /// The exit code that a script sees.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Closed => Exit::Done,
            Self::Run(error) => of_run(error),
            Self::Filter(_) | Self::Key(_) | Self::Series(_) => Exit::Usage,
            Self::Config(_) | Self::Refused | Self::Usage(_) => Exit::Usage,
            Self::Launch(error) => of_launch(error),
            Self::Stdout(_) | Self::Read { .. } | Self::Write { .. } | Self::Damaged(_) => {
                Exit::Data
            }
            Self::Signals(_) => Exit::Internal,
            Self::Differs(_) | Self::Unmet(_) => Exit::Differs,
            Self::Told(exit) => *exit,
            Self::Diverged(_) => Exit::Diverged,
            Self::Signal(signal) => Exit::Signal(*signal),
        }
    }
}

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: an internal error.
    Internal,
    /// 2: the config or the command line is wrong.
    Usage,
    /// 3: training diverged.
    Diverged,
    /// 4: data or disk.
    Data,
    /// 5: another process has the run.
    Locked,
    /// 6: a reproduction differs, or an expectation does not hold.
    Differs,
    /// 128 + n: ended by signal n.
    Signal(u8),
}

impl Exit {
    /// Says on standard error what went wrong, if anything, and gives the exit code. A signal and a
    /// closed standard output are nothing wrong: who sent the signal knows.
    pub fn report(result: Result<(), CliError>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(error) => {
                Self::complain(&error);
                error.exit()
            }
        }
    }

    /// Says on standard error what went wrong, unless that was told already.
    pub(super) fn complain(error: &CliError) {
        let text = match error {
            CliError::Closed | CliError::Signal(_) | CliError::Refused | CliError::Told(_) => {
                return;
            }
            CliError::Config(error) => {
                let color = output::has_colours(std::io::stderr().is_terminal());
                with_name(&error.0.render(color)).into_owned()
            }
            error => complaint(&error.to_string()),
        };
        // Nobody is left to tell when standard error is closed, too.
        let _ = output::stderr().write_all(text.as_bytes());
    }

    /// Rank of a failure: of several runs, the exit code is that of the worst.
    pub(super) fn badness(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Differs => 1,
            Self::Diverged => 2,
            Self::Usage => 3,
            Self::Locked => 4,
            Self::Data => 5,
            Self::Internal => 6,
            Self::Signal(_) => 7,
        }
    }

    /// The exit code of a command line that clap answered itself: help is no failure.
    #[must_use]
    pub fn from_usage(error: &clap::Error) -> Self {
        if error.use_stderr() {
            Self::Usage
        } else {
            Self::Done
        }
    }

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Diverged => 3,
            Self::Data => 4,
            Self::Locked => 5,
            Self::Differs => 6,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<LaunchError> for CliError {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Config(error) => Self::Config(error),
            LaunchError::Run(error) => Self::Run(error),
            error => Self::Launch(error),
        }
    }
}

fn of_launch(error: &LaunchError) -> Exit {
    match error {
        LaunchError::NotBuilt { .. }
        | LaunchError::NoDevice { .. }
        | LaunchError::Changed { .. }
        | LaunchError::EditedPlan { .. }
        | LaunchError::Complete { .. }
        | LaunchError::EarlyStopped { .. }
        | LaunchError::Refused(_)
        | LaunchError::NoMemory { .. }
        | LaunchError::Config(_) => Exit::Usage,
        LaunchError::Run(error) => of_run(error),
        LaunchError::BrokenOff { source, .. } => of_launch(source),
        LaunchError::NoWeights { .. } | LaunchError::OtherWeights { .. } | LaunchError::Hub(_) => {
            Exit::Data
        }
        LaunchError::Data(_)
        | LaunchError::Io { .. }
        | LaunchError::NoPlace { .. }
        | LaunchError::NoRoom { .. }
        | LaunchError::Restore { .. } => Exit::Data,
        LaunchError::Train(TrainError::Data(_) | TrainError::Sink(_)) => Exit::Data,
        LaunchError::Train(
            TrainError::NoGradient { .. } | TrainError::Unfit { .. } | TrainError::NoSplit(_),
        ) => Exit::Usage,
        LaunchError::Train(_) => Exit::Internal,
    }
}

/// A run that does not exist is a wrong command line; one that cannot be read is broken data.
fn of_run(error: &RunError) -> Exit {
    match error {
        RunError::Locked { .. } => Exit::Locked,
        RunError::Unknown { .. }
        | RunError::Ambiguous { .. }
        | RunError::Empty { .. }
        | RunError::NotARun { .. } => Exit::Usage,
        _ => Exit::Data,
    }
}

/// Returns an error as an array of faults, each with `severity`, `message`, `hint` and `place`.
pub(super) fn faults(error: &CliError) -> serde_json::Value {
    let faults = match error {
        CliError::Config(error) => error.0.to_json(),
        error => {
            let Fault { message, hint } = Fault::of(error);
            [fault(&message, hint.as_deref())].into_iter().collect()
        }
    };
    named(faults)
}

/// A fault that has no place in a config.
pub(super) fn fault(message: &str, hint: Option<&str>) -> serde_json::Value {
    let (severity, place) = ("error", serde_json::Value::Null);
    serde_json::json!({ "severity": severity, "message": message, "hint": hint, "place": place })
}

/// The name of this program in all texts of a JSON value.
fn named(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => with_name(&text).into_owned().into(),
        Value::Array(items) => items.into_iter().map(named).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, named(value)))
            .collect(),
        other => other,
    }
}

/// `error: …` and, below it, `hint: …`. Lines of the message stay lines; a line break in a value,
/// which stands in backticks, is written out.
fn complaint(message: &str) -> String {
    let Fault { message, hint } = Fault::of(&with_name(message));
    let hint = hint.map_or(String::new(), |hint| format!("hint: {}\n", lines(&hint)));
    format!("error: {}\n{hint}", lines(&message))
}

/// Safe text whose line breaks outside values stay.
fn lines(text: &str) -> String {
    let pieces = text.split('`').enumerate().map(|(i, piece)| match i % 2 {
        0 => piece.lines().map(sanitize).collect::<Vec<_>>().join("\n"),
        _ => sanitize(piece).into_owned(),
    });
    pieces.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_gets_its_own_line() {
        insta::assert_snapshot!(complaint("no run `x\x1b[1m`; hint: `trainer ls` lists them"), @r"
        error: no run `x\u{1b}[1m`
        hint: `trainer ls` lists them
        ");
    }

    #[test]
    fn a_line_break_in_a_value_tears_no_line() {
        assert_eq!(complaint("no run `a\nb`"), "error: no run `a\\nb`\n");
        let several = complaint("it differs:\n  `a`\n  b; hint: so");
        assert_eq!(several, "error: it differs:\n  `a`\n  b\nhint: so\n");
    }

    #[test]
    fn the_codes_are_the_documented_ones() {
        let codes = [
            Exit::Done,
            Exit::Internal,
            Exit::Usage,
            Exit::Diverged,
            Exit::Data,
            Exit::Locked,
            Exit::Differs,
        ];
        assert_eq!(codes.map(Exit::code), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!([1, 2, 15].map(|n| Exit::Signal(n).code()), [129, 130, 143]);
    }

    #[test]
    fn a_closed_standard_output_is_no_failure() {
        assert_eq!(Exit::report(Err(CliError::Closed)), Exit::Done);
    }
}
