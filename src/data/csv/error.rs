//! What can be wrong with a table, by file, line and column.

use crate::error::Fault;
use crate::units::counted;
use std::path::{Path, PathBuf};

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
    #[error("`{path}:1` names column `{name}` twice, as column {first} and column {second}; hint: {hint}", path = path.display(), name = shown(name), hint = header_hint(*.values, "rename one of them"))]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Where it stands first, from 1.
        first: usize,
        /// Where it stands again.
        second: usize,
        /// Whether the names look like values.
        values: bool,
    },
    /// A column without a name that is not ignored.
    #[error("`{path}:1` has no name for column {column}; hint: name it, or leave it out with columns = {{ \"\" = {{ type = \"ignore\" }} }}", path = path.display())]
    Unnamed {
        /// The file.
        path: PathBuf,
        /// Where it stands, from 1.
        column: usize,
    },
    /// Another number of columns than of `names`.
    #[error("`{path}` has {columns}, and `names` has {names}", path = path.display(), columns = counted(*.columns as u64, "column"))]
    NamesCount {
        /// The file.
        path: PathBuf,
        /// Names in the config.
        names: usize,
        /// Columns of the first line.
        columns: usize,
    },
    /// Nothing but one column.
    #[error("`{path}:1` has only one column; hint: {hint}", path = path.display())]
    OneColumn {
        /// The file.
        path: PathBuf,
        /// The format that it looks like.
        hint: String,
    },
    /// A quote without its other half.
    #[error("`{path}:{line}` opens a quote that is never closed; hint: close it; inside quotes, a quote is written twice", path = path.display())]
    UnclosedQuote {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A row of another length than the header.
    #[error("`{path}:{line}` {fault}", path = path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Lengths and remedy.
        fault: RowFault,
    },
    /// A column that the file of another split does not have.
    #[error("`{path}:1` has no column `{name}`, which `{train}` has; hint: {hint}", path = path.display(), name = shown(name), train = file_name(train))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The key that names it.
        key: &'static str,
        /// The column.
        name: String,
        /// The file of the training split.
        train: PathBuf,
        /// A name that is close, or all of them.
        hint: String,
    },
    /// Files without headers that differ in their columns.
    #[error("`{path}` has {columns}, and `{train}` has {expected}; hint: files of one table have the same columns", path = path.display(), columns = counted(*.columns as u64, "column"), train = file_name(train))]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// The key that names it.
        key: &'static str,
        /// Its columns.
        columns: usize,
        /// The file of the training split.
        train: PathBuf,
        /// The columns of that.
        expected: usize,
    },
    /// A share for a split that has its own file.
    #[error("the {split} split has its own file; hint: remove `split.{split}` or `{split}_path`")]
    OwnFile {
        /// `val` or `test`.
        split: &'static str,
        /// The key to blame.
        key: &'static str,
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
    #[error("`{path}` has no features beside its target `{target}`; hint: `columns` ignores all others", path = path.display(), target = shown(target))]
    NoFeatures {
        /// The file.
        path: PathBuf,
        /// The target.
        target: String,
    },
    /// One value that cannot be used.
    #[error("`{path}:{line}`{of}, column `{column}`: {error}", path = path.display(), of = of_key(file), column = shown(column), error = told(error, *.more))]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The key that names the file.
        file: &'static str,
        /// The column's name.
        column: String,
        /// The fault.
        error: CellError,
        /// Other cells of the column with such a fault.
        more: usize,
        /// The key in `[dataset]` that is to blame.
        key: String,
    },
    /// Fewer than two labels.
    #[error(
        "target `{column}` of `{path}` has {} in all rows; hint: is `{}` what stands between labels? `label_separator` says it",
        counted(*found as u64, "label"), shown(separator), path = path.display(), column = shown(column)
    )]
    FewLabels {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Labels there are.
        found: usize,
        /// The text between labels.
        separator: String,
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
    /// An encoding for a column of numbers.
    #[error("column `{column}` is a number and has no categories to encode; hint: {hint}", column = shown(column), hint = category_hint(column))]
    EncodedNumber {
        /// The column.
        column: String,
        /// The key that asks for it.
        key: String,
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
    #[error("`{}` is not a finite number{}", shown(.0), hint(*.1))]
    NotANumber(String, Option<&'static str>),
    /// A number that no f32 can hold.
    #[error("`{}` is too large; hint: numbers go up to 3.4e38", shown(.0))]
    TooLarge(String),
    /// Nothing where something should be.
    #[error(
        "the value is missing ({0} in this column{1}); hint: missing = \"mean\", \"median\" or \"drop\""
    )]
    Missing(usize, String),
    /// No target.
    #[error(
        "the target is missing ({0} in this column); hint: missing = \"drop\" leaves such rows out"
    )]
    MissingTarget(usize),
    /// A document of no class.
    #[error("the class is missing; hint: every document has one; remove the row, or name it")]
    NoClass,
    /// A label that the training file does not have.
    #[error("`{}` is not a label of `{train}`; hint: its labels are {labels}", shown(.value))]
    UnknownLabel {
        /// The label.
        value: String,
        /// The file of the training split.
        train: String,
        /// The labels there are.
        labels: String,
    },
    /// A row of nothing.
    #[error("the row has no values at all; hint: remove the line")]
    EmptyRow,
    /// A class that the training file does not have.
    #[error("`{}` is not a class of `{train}`; hint: its classes are {classes}", shown(.value))]
    UnknownClass {
        /// The value.
        value: String,
        /// The file of the training split.
        train: String,
        /// The classes there are.
        classes: String,
    },
    /// A category that the training file does not have, and that has no index therefore.
    #[error("`{}` is not a category of `{train}` and has no index; hint: encoding = \"one_hot\" takes it as none of them", shown(.value))]
    UnknownCategory {
        /// The value.
        value: String,
        /// The file of the training split.
        train: String,
    },
    /// A fraction as a class.
    #[error("`{}` is not a class; hint: task = \"regression\", or type = \"category\" for this column", shown(.0))]
    Fraction(String),
}

impl CsvError {
    /// The key in `[dataset]` that is to blame.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::UnknownColumn { key, .. }
            | Self::Cell { key, .. }
            | Self::EncodedNumber { key, .. } => key,
            Self::MissingColumn { key, .. }
            | Self::OtherColumns { key, .. }
            | Self::OwnFile { key, .. } => key,
            Self::OneColumn { .. } => "separator",
            Self::NamesCount { .. } => "names",
            Self::ConstantTarget { .. } | Self::NoFeatures { .. } => "target",
            Self::CategoryRegression { .. } => "task",
            Self::FewLabels { .. } => "label_separator",
            Self::NothingToFillWith { .. } | Self::NoRows { dropped: true, .. } => "missing",
            _ => "path",
        }
    }
}

/// A row that is longer or shorter than the header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("has {}, expected {expected} as in the first line; hint: {hint}", counted(*.found as u64, "value"))]
pub struct RowFault {
    /// Values there are.
    pub found: usize,
    /// Columns of the first line.
    pub expected: usize,
    /// The remedy.
    pub hint: String,
}

impl RowFault {
    /// The fault of the row `record`, written as `raw`.
    pub(super) fn of(
        raw: &str,
        record: &::csv::StringRecord,
        expected: usize,
        separator: u8,
    ) -> Self {
        let found = record.len();
        let separator = char::from(separator);
        let spaced = |quote: char| raw.contains(&format!("{separator} {quote}"));
        let last = record.iter().next_back();
        let hint = if raw.starts_with('#') {
            "remove comment lines".into()
        } else if raw.contains(['\n', '\r']) {
            "a quoted value spans several lines here; is a quote missing?".into()
        } else if found == expected + 1 && last == Some("") {
            "the row ends with a separator; remove it, or end the first line with one too".into()
        } else if spaced('"') {
            "a quote counts only at the beginning of a value; remove the space before it".into()
        } else if found > expected {
            format!(
                "put a value that contains `{}` in quotes",
                separator.escape_debug()
            )
        } else {
            "leave a missing value empty, but keep its separator".into()
        };
        Self {
            found,
            expected,
            hint,
        }
    }
}

/// The remedy for a header, or the one for a first line of values.
pub(super) fn header_hint(values: bool, otherwise: &str) -> String {
    match values {
        true => "the first line looks like values: header = false".into(),
        false => otherwise.into(),
    }
}

/// The key of a file that is not the training file's, for a message.
fn of_key(key: &str) -> String {
    match key {
        "path" => String::new(),
        key => format!(" (`{key}`)"),
    }
}

/// The fault of a cell, with the number of others like it before its remedy.
fn told(error: &CellError, more: usize) -> String {
    let mut fault = Fault::of(error);
    if more > 0 {
        let more = counted(more as u64, "more cell");
        fault.message += &format!(", and {more} of this column");
    }
    fault.to_string()
}

/// A remedy behind a message, where there is one.
fn hint(remedy: Option<&str>) -> String {
    remedy.map_or(String::new(), |remedy| format!("; hint: {remedy}"))
}

/// The last part of a path, safe for a message.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    shown(&name.to_string_lossy())
}

/// The remedy that makes a column a category.
fn category_hint(name: &str) -> String {
    format!("{} = \"category\"", column_key(&shown(name), "type"))
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
