//! The command line: one file per verb, whose doc comment is its help.
//!
//! A new verb is a file with a `clap::Args` struct and its `run(&self, &Global, &mut Output)`, a
//! `mod` line here, and its name in the list in `args.rs`.
//!
//! Data goes to standard output and everything else to standard error; see [`Output`].

mod args;
mod completions;
mod devices;
mod exit;
mod logs;
mod ls;
mod metrics;
mod output;
mod progress;
#[cfg(test)]
mod sample;
mod screen;
mod show;
mod verify;

pub use args::{Global, main};
pub use exit::{CliError, Exit};
pub use output::Output;
pub use screen::Screen;
