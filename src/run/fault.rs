//! Faults on demand: what goes wrong with the operations on a run's files, so that anyone can see
//! what a crash or a full disk does to a run. `trainer selftest --crash` is the driver.
//!
//! Every operation of [`disk`](super::disk) has a number, from 1, in one order for the whole
//! process. The environment variable `TRAINER_FAULT` says what happens at which one:
//!
//! | value | effect |
//! |---|---|
//! | `kill@17` | the process is killed before operation 17 |
//! | `half@17` | half of write 17 is done, then the process is killed |
//! | `short@17` | half of write 17 is done, and the caller is told so |
//! | `lie@17` | write 17 does nothing and reports success |
//! | `ENOSPC@17` | operation 17 fails; so do `EIO`, `EACCES` and `EINTR` |
//! | `ENOSPC@17+` | operation 17 and all after it fail |
//! | `list=FILE` | operations are listed in this file, one a line: number, name, path |
//!
//! A fault and a list may both be there: `kill@17,list=FILE`. Without the variable an operation costs
//! one atomic load more. Operations of one thread are always in the same order. Those of the run's
//! writer thread (log, checkpoints) and of the training thread (trace) may interleave differently,
//! and the log may go to its file in one write or in several, depending on the time.

use std::{
    env, fs, io,
    io::Write as _,
    path::Path,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::io::Errno;

/// The environment variable with the plan.
pub const VARIABLE: &str = "TRAINER_FAULT";

/// An operation on a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Open,
    Create,
    Read,
    Write,
    Truncate,
    Lock,
    Sync,
    SyncDir,
    Rename,
    Remove,
    Mkdir,
}

/// How a write is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As asked for.
    Whole,
    /// Half of it, then [`kill`].
    Half,
    /// Half of it, and the caller is told.
    Short,
    /// Not at all, and the caller is told that it was.
    Lie,
}

/// What `TRAINER_FAULT` says.
#[derive(Debug, Default)]
struct Plan {
    fault: Option<(What, u64)>,
    /// Whether it goes on after the first time.
    lasts: bool,
    list: Option<Mutex<fs::File>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Kill,
    Fail(Errno),
    Write(Manner),
}

static PLAN: LazyLock<Option<Result<Plan, String>>> =
    LazyLock::new(|| env::var(VARIABLE).ok().map(|text| Plan::parse(&text)));

/// Numbers an operation that is about to be done, and says how to do it.
///
/// # Errors
/// The fault that is planned for it.
pub fn before(op: Op, path: &Path) -> io::Result<Manner> {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let plan = match &*PLAN {
        None => return Ok(Manner::Whole),
        Some(Ok(plan)) => plan,
        Some(Err(why)) => return Err(io::Error::other(why.clone())),
    };
    let number = DONE.fetch_add(1, Ordering::Relaxed) + 1;
    plan.note(number, op, path)?;
    match plan.at(number) {
        None => Ok(Manner::Whole),
        Some(What::Kill) => kill(),
        Some(What::Fail(errno)) => Err(errno.into()),
        Some(What::Write(manner)) if op == Op::Write => Ok(manner),
        Some(What::Write(Manner::Half)) => kill(),
        Some(What::Write(_)) => Ok(Manner::Whole),
    }
}

/// Ends the process as `kill -9` does: nothing is cleaned up.
pub fn kill() -> ! {
    #[cfg(unix)]
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
    std::process::abort()
}

impl Plan {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{VARIABLE}={text}: {why}");
        let mut plan = Self::default();
        let mut rest = text;
        if let Some((before, file)) = text.split_once("list=") {
            rest = before.trim_end_matches(',');
            let opened = fs::File::options().append(true).create(true).open(file);
            plan.list = Some(Mutex::new(opened.map_err(|e| wrong(&e.to_string()))?));
        }
        if !rest.is_empty() {
            let (what, number) = rest.split_once('@').ok_or_else(|| wrong("no `@`"))?;
            plan.lasts = number.ends_with('+');
            let number = number.trim_end_matches('+').parse();
            let what = What::parse(what).ok_or_else(|| wrong("no such fault"))?;
            plan.fault = Some((what, number.map_err(|_| wrong("no number after `@`"))?));
        }
        Ok(plan)
    }

    fn at(&self, number: u64) -> Option<What> {
        let (what, first) = self.fault?;
        (number == first || self.lasts && number > first).then_some(what)
    }

    fn note(&self, number: u64, op: Op, path: &Path) -> io::Result<()> {
        let Some(list) = &self.list else {
            return Ok(());
        };
        let name = format!("{op:?}").to_lowercase();
        let line = format!("{number} {name} {}\n", path.display());
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        list.write_all(line.as_bytes())
    }
}

impl What {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "kill" => Self::Kill,
            "half" => Self::Write(Manner::Half),
            "short" => Self::Write(Manner::Short),
            "lie" => Self::Write(Manner::Lie),
            "ENOSPC" => Self::Fail(Errno::NOSPC),
            "EIO" => Self::Fail(Errno::IO),
            "EACCES" => Self::Fail(Errno::ACCESS),
            "EINTR" => Self::Fail(Errno::INTR),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_happens_at_which_operation() {
        let once = Plan::parse("EIO@3").unwrap();
        let from = Plan::parse("ENOSPC@3+").unwrap();
        assert_eq!(
            [2, 3, 4].map(|n| once.at(n).is_some()),
            [false, true, false]
        );
        assert_eq!([2, 3, 4].map(|n| from.at(n).is_some()), [false, true, true]);
        assert_eq!(
            Plan::parse("half@1").unwrap().at(1),
            Some(What::Write(Manner::Half))
        );
    }

    #[test]
    fn a_plan_that_cannot_be_read_is_told() {
        for text in ["kill", "kill@", "kill@x", "burn@3", "list=/no/such/folder"] {
            let error = Plan::parse(text).unwrap_err();
            assert!(
                error.starts_with(&format!("{VARIABLE}={text}: ")),
                "{error}"
            );
        }
    }

    #[test]
    fn operations_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("list");
        let plan = Plan::parse(&format!("kill@9,list={}", file.display())).unwrap();
        plan.note(1, Op::Mkdir, Path::new("a")).unwrap();
        plan.note(2, Op::SyncDir, Path::new("b")).unwrap();
        assert_eq!(plan.at(9), Some(What::Kill));
        assert_eq!(
            fs::read_to_string(file).unwrap(),
            "1 mkdir a\n2 syncdir b\n"
        );
    }
}
