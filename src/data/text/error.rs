//! What can be wrong with a text.

use std::path::PathBuf;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A file of no bytes.
    #[error("`{path}` is empty; hint: expected text", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Fewer characters than one sample and what follows it.
    #[error(
        "`{path}` has `{length}` characters, and a sample takes `{needed}`: its context and the one that follows; hint: {hint}",
        path = path.display(), needed = context + 1, hint = shorter(*length)
    )]
    Short {
        /// The file.
        path: PathBuf,
        /// Its characters.
        length: usize,
        /// Tokens of a sample.
        context: usize,
    },
    /// One and the same character all over.
    #[error("every character of `{path}` is `{only}`; there is nothing to learn", path = path.display(), only = only.escape_debug())]
    Constant {
        /// The file.
        path: PathBuf,
        /// The character.
        only: char,
    },
    /// A part of the text that holds no sample.
    #[error(
        "the {part} part of `{path}` has `{length}` characters, and a sample takes `{needed}`; hint: {hint}",
        path = path.display(), needed = context + 1
    )]
    ShortPart {
        /// The file.
        path: PathBuf,
        /// Which part.
        part: &'static str,
        /// Its characters.
        length: usize,
        /// Tokens of a sample.
        context: usize,
        /// The key to blame.
        key: &'static str,
        /// What would help.
        hint: &'static str,
    },
    /// More characters than can be numbered.
    #[error("`{path}` has `{length}` characters, more than the {max} that can be numbered; hint: cut it", path = path.display(), max = u32::MAX)]
    Long {
        /// The file.
        path: PathBuf,
        /// Its characters.
        length: usize,
    },
    /// A stratified split of something that is divided in order.
    #[error("a text is divided in its own order; hint: remove `split.stratify`")]
    Stratified,
    /// A random split of something that is divided in order.
    #[error("a text is divided in its own order; hint: remove `split.order`")]
    Random,
}

impl TextError {
    /// The key in `[dataset]` that is to blame.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Short { .. } => "context",
            Self::ShortPart { key, .. } => key,
            Self::Stratified => "split.stratify",
            Self::Random => "split.order",
            Self::Empty { .. } | Self::Constant { .. } | Self::Long { .. } => "path",
        }
    }
}

/// What to do about a text of so many characters.
fn shorter(length: usize) -> String {
    match length {
        0 | 1 => "a longer text".to_owned(),
        length => format!("context = {} at most, or a longer text", length - 1),
    }
}
