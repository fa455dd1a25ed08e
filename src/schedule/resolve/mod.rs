//! From entries to values: which phases run when, and what every group's targets are at an update.
//!
//! Entries become chains, chains get slots (boundaries in steps), slots become phases with two ends,
//! and phases of several tracks multiply to a value. `check_keys` and `check_values` find the faults
//! on the way.

mod chain;
mod check_keys;
mod check_values;
mod following;
mod phase;
mod schedules;
mod slot;
mod value;

pub use schedules::{PhaseInfo, Schedules};
