//! Colour, where it is wanted: a [`Palette`] either paints or leaves text alone, so that nothing
//! else has to ask whether the reader is a terminal.

use std::borrow::Cow;

use crate::{event::Status, run::RunStatus};

/// What a piece of text is, to the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// A heading or a name.
    Bold,
    /// Of minor interest.
    Dim,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Wants a look.
    Notice,
    /// Is going on.
    Active,
    /// The curve of this number; colours come again after six.
    Curve(u8),
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Notice => "33",
            Self::Active => "36",
            Self::Curve(i) => ["36", "33", "32", "35", "34", "31"][usize::from(i % 6)],
        }
    }
}

impl From<&RunStatus> for Ink {
    fn from(status: &RunStatus) -> Self {
        match status {
            RunStatus::Running => Self::Active,
            RunStatus::Crashed => Self::Bad,
            RunStatus::Ended(status) => status.into(),
        }
    }
}

impl From<&Status> for Ink {
    fn from(status: &Status) -> Self {
        match status {
            Status::Completed | Status::EarlyStopped { .. } => Self::Good,
            Status::Stopped { .. } => Self::Notice,
            Status::Diverged { .. } | Status::Failed { .. } => Self::Bad,
        }
    }
}

/// Paints text with ANSI codes, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Palette {
    colours: bool,
}

impl Palette {
    /// A palette that leaves text as it is.
    pub const PLAIN: Self = Self { colours: false };
    /// A palette that paints.
    pub const COLOURS: Self = Self { colours: true };

    /// The text in `ink`. It must be [`sanitize`](super::sanitize)d already.
    #[must_use]
    pub fn paint<'a>(&self, ink: Ink, text: &'a str) -> Cow<'a, str> {
        if self.colours && !text.is_empty() {
            Cow::Owned(format!("\x1b[{}m{text}\x1b[0m", ink.code()))
        } else {
            Cow::Borrowed(text)
        }
    }
}
