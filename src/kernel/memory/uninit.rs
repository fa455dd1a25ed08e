//! Memory for results.

/// `len` numbers that nobody has set: for a kernel that writes every one of them before anything
/// reads it. Zeros would cost one more trip through memory.
#[expect(unsafe_code, clippy::uninit_vec, reason = "see above")]
pub(crate) fn uninit(len: usize) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(len);
    // SAFETY: the capacity is `len`; every caller writes each number before it is read, and f32 has
    // nothing to drop.
    unsafe { numbers.set_len(len) };
    numbers
}
