//! The command line: one file per verb, whose doc comment is its help.
//!
//! A new verb is a file with a `clap::Args` struct and its `run(&self, &Global, &mut Output)`, a
//! `mod` line here, and its name in the list in `args.rs`.
//!
//! Data goes to standard output and everything else to standard error; see [`Output`].

mod args;
mod bench;
mod check;
mod completions;
mod config_args;
mod devices;
mod eval;
mod exit;
mod explain;
mod habits;
mod list;
mod logs;
mod ls;
mod metrics;
mod new;
mod output;
mod plan_text;
mod progress;
mod reproduce;
mod require;
mod resume;
mod run;
#[cfg(test)]
mod sample;
mod schedule;
mod schema;
mod screen;
mod selftest;
mod session;
mod show;
mod verify;

pub(crate) use args::with_name;
pub use args::{Global, main, main_with};
pub use config_args::{ConfigArgs, Memory, PlanFlags};
pub use exit::{CliError, Exit};
pub use output::Output;
pub use screen::Screen;
