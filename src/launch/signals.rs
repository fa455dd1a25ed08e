//! SIGINT, SIGTERM and SIGHUP → the stop flag. A second signal ends the process at once; what was
//! saved stays as it is.

use std::sync::{Arc, atomic::AtomicBool};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use crate::train::StopFlag;

/// Connects the signals with a new flag.
///
/// # Errors
/// Where the system refuses.
pub fn connect() -> std::io::Result<StopFlag> {
    let stop = StopFlag::new();
    let again = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds `again` down and raises it, the second ends it all.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
        flag::register(signal, Arc::clone(&again))?;
        flag::register_usize(signal, stop.cell(), signal as usize)?;
    }
    Ok(stop)
}
