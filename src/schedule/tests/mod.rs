//! Tests of whole schedules, and the configs as text that tests share.

mod dice;
mod expressions;
mod faults;
mod golden;
mod properties;
mod short;
pub mod testing;
