//! SIGINT, SIGTERM and SIGHUP → the stop flag; SIGUSR1 → a checkpoint.
//!
//! A signal ends the process at once where there is nothing to save, and so does a second one; what
//! was saved stays as it is. A signal that the process was started to ignore, as `nohup` does with
//! SIGHUP, stays ignored.

use std::{io, sync::atomic::Ordering};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    flag,
};

use crate::train::StopFlag;

/// Connects the signals with a new flag. Until [`StopFlag::orderly`] a signal ends the process.
///
/// # Errors
/// Where the system refuses.
pub fn connect() -> io::Result<StopFlag> {
    let stop = StopFlag::new();
    let at_once = stop.at_once_cell();
    at_once.store(true, Ordering::SeqCst);
    let ignored = ignored();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if is_in(ignored, signal) {
            continue;
        }
        // In this order: the first signal finds `at_once` down and raises it, the second ends it all.
        flag::register_conditional_shutdown(signal, 128 + signal, stop.at_once_cell())?;
        flag::register(signal, stop.at_once_cell())?;
        flag::register_usize(signal, stop.cell(), signal as usize)?;
    }
    if !is_in(ignored, SIGUSR1) {
        flag::register(SIGUSR1, stop.request_cell())?;
    }
    Ok(stop)
}

/// The signals that the process ignores, a bit each; none where the system does not tell (only
/// Linux does).
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok())
        .unwrap_or(0)
}

/// Returns whether a signal is among those of a mask, whose first bit is that of signal 1.
fn is_in(mask: u64, signal: i32) -> bool {
    mask.checked_shr(signal as u32 - 1)
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_of_a_mask_is_signal_1() {
        let found = |mask| [SIGHUP, SIGINT, SIGUSR1, SIGTERM].map(|signal| is_in(mask, signal));
        assert_eq!(found(0x1), [true, false, false, false]);
        assert_eq!(found(0x4002), [false, true, false, true]);
        assert_eq!(found(0x1000), [false; 4], "13 is SIGPIPE");
    }
}
