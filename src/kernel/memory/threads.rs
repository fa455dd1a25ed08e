//! The number of threads that compute. The kernels' bits do not depend on it.

use std::cell::RefCell;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The number of times that a thread of Candle's pool looks for work before it sleeps.
const SPINS: &str = "CANDLE_BARRIER_POOL_SPIN_LIMIT";

thread_local! {
    /// The pool that this thread computes in. It ends with the thread.
    static POOL: RefCell<Option<ThreadPool>> = const { RefCell::new(None) };
}

/// Gives the caller's thread `threads` threads to compute with, itself among them, and returns how
/// many it has. A thread that has a pool keeps it, so the first call counts.
///
/// The caller's thread is one of them, so that a loop of many small operations need not wake
/// another thread and wait for it at each. Each thread that trains has a pool of its own.
///
/// On the process's first thread it also tells Candle, through the environment. Without that Candle
/// reads `/proc/cpuinfo` for each of its matrix products, and its pool keeps a core busy for a while
/// after each operation (`CANDLE_BARRIER_POOL_SPIN_LIMIT` has the last word). Call it before any
/// tensor is made.
pub fn set(threads: usize) -> usize {
    if rayon::current_thread_index().is_none() {
        let threads = threads.max(1);
        tell_candle(threads);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("kernel-{i}"))
            .use_current_thread()
            .build();
        // Without a pool of its own the thread has that of the process.
        POOL.set(pool.ok());
    }
    count()
}

/// Sets the variables that Candle reads, where this is the process's first thread.
#[expect(unsafe_code, reason = "the environment can only be set so")]
fn tell_candle(threads: usize) {
    if std::thread::current().name() != Some("main") {
        return;
    }
    let count = threads.to_string();
    let mut variables = vec![
        ("RAYON_NUM_THREADS", count.as_str()),
        ("CANDLE_NUM_THREADS", count.as_str()),
    ];
    if std::env::var_os(SPINS).is_none() {
        variables.push((SPINS, "100"));
    }
    for (name, value) in variables {
        // SAFETY: this is the process's first thread, and nothing has computed yet: no other thread
        // reads the environment other than through the standard library's lock.
        unsafe { std::env::set_var(name, value) };
    }
}

/// Returns how many threads compute.
#[must_use]
pub fn count() -> usize {
    rayon::current_num_threads()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_new_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
        std::thread::scope(|scope| scope.spawn(f).join().unwrap())
    }

    #[test]
    fn each_thread_computes_on_as_many_as_it_asked_for_first() {
        for threads in [1, 3] {
            let counts = on_a_new_thread(|| {
                // The pool of the process is there already, as after reading a dataset.
                rayon::join(|| (), || ());
                let first = set(threads);
                let working = rayon::broadcast(|_| ()).len();
                [first, working, set(threads + 1), count()]
            });
            assert_eq!(counts, [threads; 4]);
        }
    }
}
