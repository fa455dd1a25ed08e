//! The tool as its users meet it: real processes on real files, one file for each topic.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up fails the test, and what is left out says so"
)]

mod accuracy;
mod bench;
mod bounds;
mod candle;
mod classes;
mod configs;
mod crash;
mod damage;
mod determinism;
mod early_stop;
mod edits;
mod endings;
mod example;
mod exits;
mod faults;
mod format_1;
mod hints;
mod hostile;
mod hostile_runs;
#[cfg(feature = "hub")]
mod hub;
mod memory;
mod migration;
mod moved;
mod mutations;
mod names;
mod objectives;
mod old_plans;
mod own;
mod paths;
mod precision;
mod reacting;
mod readme;
mod require;
mod resume;
mod run_directory;
mod sandbox;
mod schedule;
mod scheduled;
mod several;
mod signals;
mod tables;
mod verify;
mod weights;
mod workloads;
