//! How many threads compute. The kernels' bits do not depend on it.

/// How often a thread of Candle's pool looks for work before it sleeps.
const SPINS: &str = "CANDLE_BARRIER_POOL_SPIN_LIMIT";

/// Sets the number of threads of the kernels (Rayon's global pool) and of Candle's own operations.
/// Call it once, before any tensor is made. Returns whether it took effect: a pool that already runs
/// keeps its size.
///
/// Candle reads `/proc/cpuinfo` for each of its matrix products unless the environment names a
/// number, hence the variable.
///
/// Candle's own pool keeps a core busy for a while after each of its operations, which the kernels
/// and the loader need; unless the environment says otherwise it is told to be brief.
///
/// The caller's thread becomes one of them, so that a loop of many small operations need not wake
/// another thread and wait for it at each. No other thread may use the pool while the caller waits
/// for that thread: with one thread there is nobody else to do the work. On another thread than the
/// process's first, which may end before the process does, the pool has threads of its own, and the
/// environment stays as it is.
#[expect(unsafe_code, reason = "the environment can only be set so")]
pub fn set(threads: usize) -> bool {
    let threads = threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("kernel-{i}"));
    if std::thread::current().name() != Some("main") {
        return pool.build_global().is_ok();
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
    pool.use_current_thread().build_global().is_ok()
}

/// Runs `f` on one of the kernels' threads. A loop of many small operations belongs in here: from
/// outside, each of them has to wake a thread and wait for it.
pub fn inside<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| f())
}

/// Returns how many threads compute.
#[must_use]
pub fn count() -> usize {
    rayon::current_num_threads()
}
