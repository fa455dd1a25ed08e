//! Numbers in memory: tensors as slices and back, passes over them in place, sums in a fixed order.
//!
//! Work is cut into chunks whose size depends on the shapes alone, never on the number of threads.
//! Results go into memory that nobody has set before ([`uninit`](uninit())), and what a step frees
//! stays with the process ([`allocator`]).

pub mod allocator;
mod bytes;
pub mod inplace;
mod operand;
pub mod reduce;
pub mod threads;
mod uninit;

pub use bytes::bytes;
pub(crate) use inplace::{CHUNK, with_ref};
pub(crate) use operand::{fused, output, slice, tensor, wanted};
pub(crate) use uninit::uninit;
