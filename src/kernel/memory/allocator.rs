//! Memory that a step gives back stays with the process for the next one.

/// mimalloc's number for `purge_delay`, the milliseconds after which freed pages go back to the
/// system; below 0: never.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Tells mimalloc to keep the pages it has, where it is the process's allocator; elsewhere nothing
/// changes. A training step allocates the same maps again and again, and each page that the system
/// takes away costs a fault and a page of zeros. The variable `MIMALLOC_PURGE_DELAY` has the last
/// word.
#[expect(unsafe_code, reason = "mimalloc is C")]
pub fn keep() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: an option may be set at any time, from any thread.
        unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    }
}
