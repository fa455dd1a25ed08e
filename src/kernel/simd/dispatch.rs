//! Loops compiled for the widest vectors that the processor has.

use pulp::{Arch, Scalar256b, WithSimd};

/// Runs a loop over plain numbers, compiled for the widest vectors the processor has. Rust neither
/// reorders nor fuses float operations, so the bits are those of any other width.
#[inline(always)]
pub(crate) fn dispatch<R>(run: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(run)
}

/// Runs an operation on vectors, the widest that the processor has; without any, on arrays of
/// eight numbers.
#[inline]
pub(crate) fn dispatch_simd<O: WithSimd>(op: O) -> O::Output {
    match Arch::new() {
        Arch::Scalar => op.with_simd(Scalar256b),
        arch => arch.dispatch(op),
    }
}
