//! A name in a run directory.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::system::Root;
use crate::run::RunError;

/// A file or directory in a run, or the run's directory itself. It need not exist.
///
/// It keeps the run's directory open, and is looked up from there name by name. No link is followed
/// and no file system is left on the way, whatever somebody puts into the directory meanwhile. How the
/// run's directory itself was found does not matter: a link to it is the directory.
#[derive(Clone)]
pub struct Entry {
    pub(super) root: Arc<Root>,
    /// Path from the run's directory on; empty for the directory itself.
    pub(super) below: PathBuf,
    /// The whole path, for messages.
    path: PathBuf,
}

impl Entry {
    /// Opens the run directory at `path`.
    ///
    /// # Errors
    /// [`RunError::NotARun`] where there is no directory; anything else that keeps it from being opened.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        use std::io::ErrorKind::{NotADirectory, NotFound};
        let root = Root::open(path).map_err(|error| match error.kind() {
            NotFound | NotADirectory => RunError::NotARun { path: path.into() },
            _ => RunError::io("open", path)(error),
        })?;
        Ok(Self {
            root: Arc::new(root),
            below: PathBuf::new(),
            path: path.into(),
        })
    }

    /// Returns the entry `name` in this directory.
    pub fn join(&self, name: impl AsRef<Path>) -> Self {
        Self {
            root: Arc::clone(&self.root),
            below: self.below.join(&name),
            path: self.path.join(&name),
        }
    }

    /// Returns the entry `name` in the same directory.
    pub fn beside(&self, name: impl AsRef<Path>) -> Self {
        Self {
            root: Arc::clone(&self.root),
            below: self.below.with_file_name(name.as_ref()),
            path: self.path.with_file_name(name.as_ref()),
        }
    }

    /// Returns the directory that it is in; the run's directory is in itself.
    pub fn parent(&self) -> Self {
        let Some(below) = self.below.parent() else {
            return self.clone();
        };
        Self {
            root: Arc::clone(&self.root),
            below: below.into(),
            path: self.path.parent().unwrap_or(&self.path).into(),
        }
    }

    /// Returns its name.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Returns its whole path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl From<&Entry> for PathBuf {
    fn from(entry: &Entry) -> Self {
        entry.path.clone()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}
