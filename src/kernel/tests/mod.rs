//! Tests of more than one kernel, and the probes that tests share.

mod edges;
mod mixed;
pub mod probe;
