//! Colour, where it is wanted: a [`Palette`] either paints or leaves text alone, so that nothing
//! else has to ask whether the reader is a terminal.

use std::borrow::Cow;

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
    /// The ink of a run's status: completed and early_stopped are good, running is active, stopped wants a look, the
    /// rest is bad.
    #[must_use]
    pub fn of_status(status: &str) -> Self {
        match status {
            "completed" | "early_stopped" => Self::Good,
            "running" => Self::Active,
            "stopped" => Self::Notice,
            _ => Self::Bad,
        }
    }

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
