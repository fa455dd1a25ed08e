//! One writer at a time: a lock on a file in the run's directory, which the system gives up when
//! its process ends, however it ends. A run whose lock nobody holds and that has no summary has
//! crashed.

use std::{io::Write, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    RunError,
    disk::{self, Entry},
    file::File,
    layout, machine,
};

/// Held as long as it lives.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// What stands in the lock file.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    since: String,
}

/// How often a taken lock is tried again: a reader that asks [`is_held`] holds it for microseconds.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(2);

impl RunLock {
    /// Takes the lock of the run at `run`.
    ///
    /// # Errors
    /// [`RunError::Locked`] where another process has it.
    pub fn take(run: &Entry) -> Result<Self, RunError> {
        let path = run.join(layout::LOCK);
        let mut file = disk::lock_file(&path)?;
        for attempt in 1.. {
            match file.try_lock().map_err(RunError::io("lock", &path))? {
                true => break,
                false if attempt < TRIES => std::thread::sleep(PAUSE),
                false => return Err(held_by(run, &path)),
            }
        }
        let holder = Holder {
            pid: std::process::id(),
            host: machine::host(),
            since: machine::stamp(jiff::Timestamp::now()),
        };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        file.clear()
            .and_then(|()| file.write_all(&text))
            .map_err(RunError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// Whether some process writes to the run at `run`.
pub fn is_held(run: &Entry) -> bool {
    let Ok((file, _)) = disk::open(&run.join(layout::LOCK)) else {
        return false;
    };
    file.is_locked()
}

/// Who has the lock, as far as its file says.
fn held_by(run: &Entry, path: &Entry) -> RunError {
    let holder = disk::read(path, 4096)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Holder { pid, host, since } = holder.unwrap_or(Holder {
        pid: 0,
        host: "unknown".into(),
        since: "an unknown time".into(),
    });
    RunError::Locked {
        run: run.name(),
        pid,
        host,
        since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_has_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let run = Entry::open(dir.path()).unwrap();
        assert!(!is_held(&run));
        let first = RunLock::take(&run).unwrap();
        assert!(is_held(&run));
        let refused = RunLock::take(&run).err().unwrap();
        assert!(
            matches!(&refused, RunError::Locked { pid, .. } if *pid == std::process::id()),
            "{refused}"
        );
        drop(first);
        assert!(!is_held(&run));
        RunLock::take(&run).unwrap();
    }
}
