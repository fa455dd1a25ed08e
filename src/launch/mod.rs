//! Where plans become runs: device, data, session, run directory, signals and traces.

mod bench;
#[cfg(test)]
mod contract_tests;
pub mod device;
mod difference;
mod drive;
mod edit;
mod error;
mod evaluate;
mod fanout;
#[cfg(test)]
mod fixed_point_tests;
#[cfg(test)]
mod foreign_tests;
#[cfg(test)]
mod freezing_tests;
mod hub;
mod memory;
mod place;
mod probe;
mod process;
mod recipe;
mod reproduce;
mod resume;
mod samples;
mod signals;
mod start;
mod start_from;
#[cfg(test)]
mod start_tests;
mod trace;
mod verify;
mod weights;

pub use bench::{Measured, bench};
pub use difference::Allow;
pub use edit::{Edits, ScheduleMode};
pub use error::LaunchError;
pub use evaluate::{Evaluation, Which, evaluate, load_model};
pub use hub::HubError;
pub use memory::check_memory;
pub use place::check_place;
pub use probe::probe;
pub use recipe::recipe;
pub use reproduce::{Repeat, Reproduction, SameProgram, reproduce};
pub use resume::{Reopened, ResumeOptions, reopen};
pub use samples::data_info;
pub use signals::connect;
pub use start::Run;
pub use start_from::start_from;
pub use trace::asked;
pub use verify::verify;
