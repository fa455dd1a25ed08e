//! Cache lines that are asked for before they are read.

/// Numbers of a cache line.
const LINE: usize = 16;

/// Asks for the `count` numbers from `at` on, which will be read or written soon; places past the
/// end of `numbers` may be named. Processors foresee the next numbers of a row, not the next row.
#[inline(always)]
pub(crate) fn prefetch(numbers: &[f32], at: usize, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for i in (0..count).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let place = numbers.as_ptr().wrapping_add(at + i);
        #[expect(unsafe_code, reason = "an instruction of one processor")]
        // SAFETY: asking for an address reads nothing and cannot fail, whatever lies there.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(place.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, at, count, LINE);
}
