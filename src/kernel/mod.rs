//! (module docs to come)
pub mod param;

pub use param::{Init, Param};
