//! Loops over plain numbers, as wide as the processor allows.

/// Runs a loop over plain numbers, compiled for the widest vectors the processor has. Rust neither
/// reorders nor fuses float operations, so the bits are those of any other width.
#[inline(always)]
pub(crate) fn wide<R>(run: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(run)
}
