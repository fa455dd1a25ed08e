//! What can be wrong with a table, by file, line and column.

use std::path::PathBuf;

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// A file without a header line.
    #[error("`{path}` is empty; hint: expected a header line and rows", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A header line and nothing more, or nothing after dropping.
    #[error("`{path}` has no rows{dropped}", path = path.display(), dropped = if *.dropped { " without missing values; hint: missing = \"mean\"" } else { " after its header" })]
    NoRows {
        /// The file.
        path: PathBuf,
        /// Whether there were rows, all dropped.
        dropped: bool,
    },
    /// Two columns of the same name.
    #[error("`{path}:1` names column `{name}` twice, as column {first} and column {second}", path = path.display(), name = shown(name))]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Where it stands first, from 1.
        first: usize,
        /// Where it stands again.
        second: usize,
    },
    /// A column without a name that is not ignored.
    #[error("`{path}:1` has no name for column {column}; hint: name it, or leave it out with columns = {{ \"\" = {{ type = \"ignore\" }} }}", path = path.display())]
    Unnamed {
        /// The file.
        path: PathBuf,
        /// Where it stands, from 1.
        column: usize,
    },
    /// A row of another length than the header.
    #[error("`{path}:{line}` has {found} values, expected {expected} as in the header", path = path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Values there are.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// Text that is not UTF-8.
    #[error("`{path}:{line}` is not UTF-8 text; hint: save the file as UTF-8", path = path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A name that no column has.
    #[error("`{path}` has no column `{name}`; hint: {hint}", path = path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The key that names it.
        key: String,
        /// The name.
        name: String,
        /// A name that is close, or all of them.
        hint: String,
    },
    /// A table of the target only.
    #[error("`{path}` has no features beside its target `{target}`; hint: are its values separated by commas?", path = path.display())]
    NoFeatures {
        /// The file.
        path: PathBuf,
        /// The target.
        target: String,
    },
    /// One value that cannot be used.
    #[error("`{path}:{line}`, column `{column}`: {error}", path = path.display(), column = shown(column))]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What is wrong.
        error: CellError,
        /// The key in `[dataset]` that is to blame.
        key: String,
    },
    /// Nothing to learn.
    #[error("target `{column}` of `{path}` is `{value}` in every row; there is nothing to learn", path = path.display(), column = shown(column), value = shown(value))]
    ConstantTarget {
        /// The file.
        path: PathBuf,
        /// The target.
        column: String,
        /// Its only value.
        value: String,
    },
    /// A regression to something that is declared a category.
    #[error("target `{column}` is declared a category; hint: task = \"classification\"", column = shown(column))]
    CategoryRegression {
        /// The target.
        column: String,
    },
    /// No value to take a mean of.
    #[error("column `{column}` of `{path}` has no value in the training split to fill its missing ones with; hint: {hint}", path = path.display(), column = shown(column), hint = ignore_hint(column))]
    NothingToFillWith {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
}

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// Text where a number should be.
    #[error("`{}` is not a finite number", shown(.0))]
    NotANumber(String),
    /// A number that no f32 can hold.
    #[error("`{}` is too large; hint: numbers go up to 3.4e38", shown(.0))]
    TooLarge(String),
    /// Nothing where something should be.
    #[error(
        "the value is missing ({0} in this column); hint: missing = \"mean\", \"median\" or \"drop\""
    )]
    Missing(usize),
    /// No target.
    #[error(
        "the target is missing ({0} in this column); hint: missing = \"drop\" leaves such rows out"
    )]
    MissingTarget(usize),
    /// A fraction as a class.
    #[error("`{}` is not a class; hint: task = \"regression\", or type = \"category\" for this column", shown(.0))]
    Fraction(String),
}

impl CsvError {
    /// The key in `[dataset]` that is to blame.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::UnknownColumn { key, .. } | Self::Cell { key, .. } => key,
            Self::ConstantTarget { .. } | Self::NoFeatures { .. } => "target",
            Self::CategoryRegression { .. } => "task",
            Self::NothingToFillWith { .. } | Self::NoRows { dropped: true, .. } => "missing",
            _ => "path",
        }
    }
}

/// The key of a column's own table, `columns.age.type`; quoted as TOML would where it has to be.
pub(super) fn column_key(name: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let dot = if key.is_empty() { "" } else { "." };
    if !name.is_empty() && name.chars().all(bare) {
        format!("columns.{name}{dot}{key}")
    } else {
        format!("columns.{name:?}{dot}{key}")
    }
}

/// How to leave a column out.
pub(super) fn ignore_hint(name: &str) -> String {
    format!("{} = \"ignore\"", column_key(&shown(name), "type"))
}

/// A value from a file, safe and short enough for a message.
pub(super) fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        start.push('…');
    }
    start
}
