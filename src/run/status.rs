//! The status of a run.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::event::Status;

/// The status of a run, as its directory says. In JSON and as text it is its name.
#[derive(Debug, Clone, PartialEq)]
pub enum RunStatus {
    /// A process is at it.
    Running,
    /// Its process is gone and left no summary.
    Crashed,
    /// It has a summary.
    Ended(Status),
}

impl RunStatus {
    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Crashed => "crashed",
            Self::Ended(status) => status.name(),
        }
    }

    /// Returns whether the run came to an end of its own: it is `completed` or `early_stopped`.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Ended(status) if status.is_complete())
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for RunStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
