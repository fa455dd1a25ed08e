//! `trainer selftest`: what a crash, a full disk or a broken one does to a run, tried on the user's
//! own machine with the user's own program.
//!
//! A recipe is trained once without a fault: the golden run. Each case trains it again, with
//! a fault at one of its operations on files (see [`crate::run::FAULT`]) or killed at random times,
//! resumes it until it ends, and compares everything that the two runs left behind.

mod case;
mod child;
mod drive;
mod facts;
mod play;
mod recipe;

pub use case::Kind;
pub use drive::{Failure, Options, Report, Tally, selftest};
