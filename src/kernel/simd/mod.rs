//! Loops as wide as the processor's vectors, with the same bits on every processor that has any.
//!
//! [`dispatch`](dispatch()) compiles a loop for each kind of vector and picks one as it runs;
//! [`lanes`] adds up in a fixed number of partial sums; [`math`] has exponentials and their kin in
//! arithmetic that vectorises.

mod dispatch;
pub mod lanes;
pub mod math;

pub(crate) use dispatch::{dispatch, dispatch_simd};
