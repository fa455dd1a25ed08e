//! What goes wrong with a run directory.

use crate::{suggest::did_you_mean, units::counted};
use std::{io, path::PathBuf};

/// Why a run could not be written, read or found.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The operating system refused something.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried: a verb such as `read` or `sync`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process writes to this run (exit code 5).
    #[error(
        "run `{run}` is in use by process {pid} on `{host}` since {since}; hint: wait for it, or stop that process"
    )]
    Locked {
        /// The run's id.
        run: String,
        /// The process that holds the lock, as it called itself.
        pid: u32,
        /// Its machine.
        host: String,
        /// When it took the lock.
        since: String,
    },
    /// A file does not hold what it should.
    #[error("`{}` is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file of a later version of this program.
    #[error("`{}` has format {found}, this program reads up to {known}; hint: use a newer trainer", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// The path is no run directory.
    #[error("`{}` is not a run: it has no run.json", path.display())]
    NotARun {
        /// The path.
        path: PathBuf,
    },
    /// No run of that name, id or prefix.
    #[error("no run `{wanted}` in `{}`{}", root.display(), hint(near))]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// Where it was looked for.
        root: PathBuf,
        /// The most similar name or id.
        near: Option<String>,
    },
    /// A prefix of more than one id.
    #[error("`{wanted}` is the beginning of {} runs: {}; hint: write more of it", candidates.len(), listed(candidates))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Ids that begin so, newest first.
        candidates: Vec<String>,
    },
    /// There are no runs at all.
    #[error("there are no runs in `{}`; hint: `trainer run CONFIG` makes one", root.display())]
    Empty {
        /// The folder.
        root: PathBuf,
    },
    /// No checkpoint that could be used.
    #[error("run `{run}` has no {what} checkpoint{}", damage(damaged))]
    NoCheckpoint {
        /// The run's id.
        run: String,
        /// Which one: `valid`, `best` or `step 500`.
        what: String,
        /// Those that were passed over, and why.
        damaged: Vec<String>,
    },
    /// Rows were lost because the disk did not keep up with the run.
    #[error("`{}` does not keep up: {} not written; hint: raise `train.log_every` or use a faster disk", path.display(), counted(*.rows as u64, "row"))]
    Backlog {
        /// The log.
        path: PathBuf,
        /// Rows that wait.
        rows: usize,
    },
    /// The writer already failed; the first error was told before.
    #[error("nothing more is written after an earlier error: {first}")]
    Stopped {
        /// The first error.
        first: String,
    },
}

impl RunError {
    /// For `map_err` on an operation on `path`.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }

    /// A file that does not hold what it should.
    pub(crate) fn damaged(path: impl Into<PathBuf>, why: impl ToString) -> Self {
        Self::Damaged {
            path: path.into(),
            why: why.to_string(),
        }
    }
}

fn hint(near: &Option<String>) -> String {
    near.as_ref().map_or_else(
        || "; hint: `trainer ls` lists them".into(),
        |near| format!("; hint: {}", did_you_mean(near)),
    )
}

/// The first few candidates, and how many more there are.
fn listed(candidates: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text = candidates
        .iter()
        .take(SHOWN)
        .map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if candidates.len() > SHOWN {
        text += &format!(" and {} more", candidates.len() - SHOWN);
    }
    text
}

/// Why checkpoints were passed over.
fn damage(damaged: &[String]) -> String {
    damaged.iter().map(|why| format!("; {why}")).collect()
}
