//! A run directory as a value.

use std::path::{Path, PathBuf};

use super::{CheckpointInfo, Row, RunError, RunInfo, Summary, layout};

/// Everything a run directory says, read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    /// The directory.
    pub path: PathBuf,
    /// What it is: `run.json`.
    pub info: RunInfo,
    /// `running`, `completed`, `stopped`, `failed`, `diverged` or `crashed`.
    pub status: String,
    /// What came of it; absent while it runs and after a crash.
    pub summary: Option<Summary>,
    /// The log in order. In a view from [`Store::list`](super::Store::list) only the last rows of
    /// unfinished runs are here.
    pub rows: Vec<Row>,
    /// Its checkpoints by step, oldest first; whether they are valid is for
    /// [`verify`](super::verify) to say.
    pub checkpoints: Vec<CheckpointInfo>,
    /// What could not be read: a torn last line, a checkpoint without manifest.
    pub warnings: Vec<String>,
}

/// Reads run directories.
#[derive(Debug)]
pub struct Reader;

impl Reader {
    /// Reads the whole directory at `path`, which may be in use by a running process.
    ///
    /// # Errors
    /// Where it is no run, of a later format, or unreadable. Damage that leaves the rest readable
    /// becomes a warning of the view.
    pub fn open(path: &Path) -> Result<RunView, RunError> {
        let file = path.join(layout::RUN);
        let text = std::fs::read(&file).map_err(RunError::io("read", &file))?;
        let info = serde_json::from_slice(&text).map_err(|e| RunError::damaged(&file, e))?;
        Ok(RunView {
            path: path.into(),
            info,
            status: "crashed".into(),
            summary: None,
            rows: Vec::new(),
            checkpoints: Vec::new(),
            warnings: Vec::new(),
        })
    }
}
