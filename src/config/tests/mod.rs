//! Promises of the whole language: its examples, spans and schedules.

mod example;
mod reaction;
mod schedule;
mod span;

use super::*;
