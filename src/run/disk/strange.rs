//! What stands in a run directory and does not belong there.

use std::{fmt, io};

/// Something that is neither a plain file nor a directory of the run.
#[derive(Debug)]
pub struct Strange(&'static str);

/// A link, pipe, device or directory in the place of a file.
pub const NO_FILE: Strange = Strange("not a regular file");
/// A link or file in the place of a directory.
pub const NO_DIRECTORY: Strange = Strange("not a directory");
/// A mount point.
#[cfg(unix)]
pub const ELSEWHERE: Strange = Strange("on another file system than the run");
/// A name such as `..`.
pub const NO_NAME: Strange = Strange("not a name");

impl From<Strange> for io::Error {
    fn from(strange: Strange) -> Self {
        Self::other(strange)
    }
}

impl fmt::Display for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; hint: a run holds only plain files and directories, put back what was there",
            self.0
        )
    }
}

impl std::error::Error for Strange {}
