//! What can be typed: the verbs in their groups, and the flags that all of them know.

use std::{
    borrow::Cow,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::OnceLock,
};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{CliError, Exit, Output, exit, habits, output};
use crate::{
    config::{Extensions, expand, path_fault},
    program::{self, Program},
    run,
};

/// Runs the tool on the process's arguments: the whole of the binary.
#[must_use]
pub fn main() -> ExitCode {
    main_with(Extensions::new().program(Program::trainer()))
}

/// The same with a program's own components beside the built-in ones; see
/// [`Extensions`].
#[must_use]
pub fn main_with(extensions: Extensions) -> ExitCode {
    tell_panics_safely();
    program::declare(extensions.program.clone());
    if let Some(path) = std::env::args_os().next() {
        program::called(path.as_ref());
    }
    let json = asks_for_json(std::env::args_os());
    let mut cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            say(&error);
            if json && error.use_stderr() {
                let text = error.render().to_string();
                let text = text.trim().trim_start_matches("error: ").to_string();
                let mut out = Output::stdout(&Global::default());
                let _ = tell(&CliError::Usage(text), &mut out);
            }
            return Exit::from_usage(&error).into();
        }
    };
    cli.global.extensions = extensions;
    let mut out = Output::stdout(&cli.global);
    let done = cli.run(&mut out);
    if json
        && out.is_empty()
        && let Err(error) = &done
    {
        // Where nobody reads it, the exit code still tells.
        let _ = tell(error, &mut out);
    }
    Exit::report(done.and_then(|()| out.flush())).into()
}

/// Shows what clap answered. Help and version go to standard output; a reader that closed it wanted
/// no more. A fault quotes what was typed.
fn say(error: &clap::Error) {
    let rendered = error.render();
    let _ = match error.use_stderr() {
        true if output::has_colours(std::io::stderr().is_terminal()) => {
            write!(output::stderr(), "{}", rendered.ansi())
        }
        true => write!(output::stderr(), "{rendered}"),
        false => error.print(),
    };
}

/// Lets a panic tell its message as safely as everything else.
fn tell_panics_safely() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("<unnamed>").to_string();
        let trace = std::backtrace::Backtrace::capture();
        let trace = match trace.status() {
            std::backtrace::BacktraceStatus::Captured => format!("\n{trace}"),
            _ => String::new(),
        };
        let _ = writeln!(output::stderr(), "\nthread '{name}' {panic}{trace}");
    }));
}

/// Returns whether the command line asks for JSON, also one that is wrong otherwise.
fn asks_for_json(args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let args: Vec<_> = args.collect();
    args.windows(2)
        .any(|pair| pair[0] == "--format" && pair[1] == "json")
        || args.iter().any(|arg| arg == "--format=json")
}

/// A failure as JSON on standard output, for a program that reads nothing else. The reader's own
/// end and a signal are no failures.
fn tell(error: &CliError, out: &mut Output<'_>) -> Result<(), CliError> {
    match error {
        CliError::Closed | CliError::Signal(_) | CliError::Stdout(_) => Ok(()),
        error => {
            let code = error.exit().code();
            let faults = exit::faults(error);
            out.json(&serde_json::json!({ "ok": false, "exit": code, "faults": faults }))?;
            out.flush()
        }
    }
}

/// Training runs from one TOML file: checked before anything runs, and left behind as a directory
/// that can be inspected, resumed and reproduced bit for bit.
#[derive(Debug, Parser)]
#[command(
    name = "trainer",
    version,
    disable_help_subcommand = true,
    after_help = "RUN is an id or its beginning, a name (the newest run of it), a path, or `last`."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Version and commit of this program.
static VERSION: OnceLock<String> = OnceLock::new();

/// The flags of every verb.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The folder of the runs
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "TRAINER_RUNS",
        default_value = "runs",
        hide_env_values = true,
        value_parser = path()
    )]
    pub runs: PathBuf,
    /// Print only warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more; give it twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// The components that a config can name.
    #[arg(skip)]
    pub extensions: Extensions,
}

/// Reads a path of the command line, in which `~/` stands for the home folder even where the shell
/// leaves it, as in `--runs=~/runs`.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.to_str() {
        None => Ok(path),
        Some(text) => match path_fault(text) {
            None => Ok(expand(text)),
            Some(fault) => Err(fault),
        },
    })
}

/// Makes the enum of verbs and their groups in the help from one list.
macro_rules! verbs {
    ($($group:literal: $($module:ident::$verb:ident),+;)+) => {
        #[derive(Debug, Subcommand)]
        enum Verb {
            $($($verb(super::$module::$verb),)+)+
        }

        impl Verb {
            fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
                match self {
                    $($(Self::$verb(verb) => verb.run(global, out),)+)+
                }
            }
        }

        /// The verbs as they are typed; each has the name of its module.
        const VERBS: &[&str] = &[$($(stringify!($module)),+),+];

        /// Each group's title and how many verbs it has, in the order of the enum.
        const GROUPS: &[(&str, usize)] = &[$(($group, [$(stringify!($verb)),+].len()),)+];
    };
}

verbs! {
    "Train": new::New, check::Check, schedule::Schedule, run::Run, resume::Resume, reproduce::Reproduce, eval::Eval, bench::Bench;
    "Look at runs": ls::Ls, show::Show, metrics::Metrics, logs::Logs, verify::Verify;
    "The tool": list::List, explain::Explain, schema::Schema, devices::Devices, selftest::Selftest, completions::Completions;
}

impl Cli {
    pub(crate) fn read(
        args: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::grouped();
        let verbs = command
            .get_subcommands()
            .map(|verb| verb.get_name().to_string());
        let verbs: Vec<String> = verbs.collect();
        let matches = command
            .try_get_matches_from_mut(args)
            .map_err(|error| habits::with_tip(error, &verbs))?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// Does what the verb says; without a verb, says where to begin.
    pub(crate) fn run(&self, out: &mut Output<'_>) -> Result<(), CliError> {
        match &self.verb {
            Some(verb) => verb.run(&self.global, out),
            None => out.lines(&with_name(FIRST_STEPS)),
        }
    }

    /// The command with its verbs listed by group.
    pub(crate) fn grouped() -> clap::Command {
        let command = own_name(Self::command());
        let groups = groups(&command);
        command.help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{groups}\n\x1b[1;4mGlobal options:\x1b[0m\n{{options}}{{after-help}}"
        ))
    }
}

/// The command under the name and version of this program, and with that name in its examples.
fn own_name(command: clap::Command) -> clap::Command {
    let command = command
        .name(program::name())
        .version(VERSION.get_or_init(|| run::described().versions()).as_str());
    let verbs: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_string())
        .collect();
    verbs.iter().fold(command, |command, verb| {
        command.mut_subcommand(verb, |mut verb| {
            if let Some(text) = verb.get_after_help().map(ToString::to_string) {
                verb = verb.after_help(with_name(&text).into_owned());
            }
            if let Some(text) = verb.get_long_about().map(ToString::to_string) {
                verb = verb.long_about(with_name(&text).into_owned());
            }
            verb
        })
    })
}

/// `text` with the name of this program in the commands that it shows.
pub(crate) fn with_name(text: &str) -> Cow<'_, str> {
    program::with_name(text, VERBS)
}

/// The verbs and what they do, under the titles of their groups.
fn groups(command: &clap::Command) -> String {
    let name = clap::Command::get_name;
    let width = command
        .get_subcommands()
        .map(|verb| name(verb).len())
        .max()
        .unwrap_or(0);
    let mut verbs = command.get_subcommands();
    let mut text = String::new();
    for (title, count) in GROUPS {
        text.push_str(&format!("\n\x1b[1;4m{title}:\x1b[0m\n"));
        for verb in verbs.by_ref().take(*count) {
            let about = verb
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            let gap = width - name(verb).len() + 2;
            text.push_str(&format!(
                "  \x1b[1m{}\x1b[0m{:gap$}{about}\n",
                name(verb),
                ""
            ));
        }
    }
    text
}

/// What `trainer` alone says.
const FIRST_STEPS: &str = "\
Training runs from one TOML file.

  trainer new first        write first.toml, a commented config to start from
  trainer run first.toml   check it, then train
  trainer show last        look at how it went

trainer --help lists every command; trainer COMMAND --help explains one.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, String> {
        Cli::read(line.split(' ').map(Into::into)).map_err(|error| error.to_string())
    }

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::grouped().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_after_the_verb() -> Result<(), String> {
        for line in [
            "trainer --runs there -vv devices",
            "trainer devices -v --runs there -v",
        ] {
            let cli = read(line)?;
            assert_eq!(cli.global.runs, PathBuf::from("there"));
            assert_eq!(cli.global.verbose, 2);
        }
        Ok(())
    }

    #[test]
    fn a_typing_error_gets_a_suggestion() {
        insta::assert_snapshot!(read("trainer device").map(|_| ()).unwrap_err(), @"
        error: unrecognized subcommand 'device'

          tip: did you mean `trainer devices`?

        Usage: trainer [OPTIONS] [COMMAND]

        For more information, try '--help'.
        ");
        insta::assert_snapshot!(read("trainer devices --run x").map(|_| ()).unwrap_err(), @"
        error: unexpected argument '--run' found

          tip: a similar argument exists: '--runs'

        Usage: trainer devices --runs <DIR>

        For more information, try '--help'.
        ");
    }
}
