//! Why data cannot be had: one enum, each variant with its file and place, and the key to blame.

use std::path::{Path, PathBuf};

use super::{
    EncodingError, IdxError, SplitError, TargetFault, TextClassesError, csv::CsvError,
    text::TextError,
};
use crate::{
    error::{Fault, KeyFault, io_reason},
    suggest::{did_you_mean, nearest_file},
    units::counted,
};

/// Why data cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file that cannot be opened or read; a damaged compressed file.
    #[error("cannot read `{path}`: {}", unreadable(path, source), path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something that is there but is no regular file.
    #[error("`{path}` is not a file; hint: name the file in it", path = path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// A file that does not fit in memory.
    #[error(
        "`{path}` does not fit in memory: there is room for {room} MB of it; hint: train on a part of it, or on a machine with more memory",
        path = path.display(), room = room / 1_000_000
    )]
    NoMemory {
        /// The file.
        path: PathBuf,
        /// Bytes of its content that there is room for.
        room: u64,
    },
    /// A line of a table that does not end.
    #[error(
        "`{path}:{line}` is longer than {longest} MB; hint: is the file a table? a row ends with its line",
        path = path.display(), longest = longest >> 20
    )]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// Bytes of the longest line that is read.
        longest: usize,
    },
    /// A file that should be text in UTF-8.
    #[error("`{path}{line}` {error}", path = path.display(), line = error.line().map_or(String::new(), |line| format!(":{line}")))]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The kind of file that it is instead.
        error: EncodingError,
    },
    /// Files that a folder should hold.
    #[error(
        "`{folder}` does not hold {names}; hint: `path` is the folder of the four IDX files, plain or with .gz",
        folder = folder.display(), names = quoted(names)
    )]
    MissingFiles {
        /// The folder.
        folder: PathBuf,
        /// The files' names.
        names: Vec<String>,
    },
    /// A file where a folder should be.
    #[error("`{path}` is a file; hint: `path` is the folder of the four IDX files", path = path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// Files of several datasets in one folder.
    #[error(
        "`{folder}` holds several sets of files; hint: prefix = {}", any_of(prefixes),
        folder = folder.display()
    )]
    SeveralPrefixes {
        /// The folder.
        folder: PathBuf,
        /// The beginnings of the files' names.
        prefixes: Vec<String>,
    },
    /// No file whose name begins as it should.
    #[error(
        "`{folder}` has no files that begin with `{prefix}`; hint: {hint}",
        folder = folder.display()
    )]
    NoPrefix {
        /// The folder.
        folder: PathBuf,
        /// The beginning.
        prefix: String,
        /// A proposal.
        hint: String,
    },
    /// A file that is not the IDX file it should be.
    #[error("`{path}` {error}", path = path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// The fault.
        error: IdxError,
    },
    /// A table that cannot be used.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A text that cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Documents that cannot be used.
    #[error(transparent)]
    TextClasses(#[from] TextClassesError),
    /// A fault of a file that another key than `path` names.
    #[error("{source}")]
    OfFile {
        /// That key.
        key: &'static str,
        /// The fault.
        source: Box<DataError>,
    },
    /// Samples that cannot be divided.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A test share for data that comes with its test split.
    #[error("`{0}` has its own test split; hint: remove `split.test`")]
    OwnTest(&'static str),
    /// A transform that does not fit the samples.
    #[error("transform {index}: {message}", message = fault.message)]
    Transform {
        /// Its position in `[[dataset.transform]]`, from 0.
        index: usize,
        /// What is wrong, at a key of the transform's table.
        fault: KeyFault,
        /// The key in `[dataset]`.
        key: String,
    },
    /// No batch is left.
    #[error(
        "`{samples}` samples do not fill one batch of `{batch_size}`; hint: drop_last = false, or a smaller batch_size"
    )]
    NoBatch {
        /// Samples of the split.
        samples: usize,
        /// Samples in a batch.
        batch_size: usize,
    },
    /// A dataset that hands out values of another kind than it declares.
    #[error("a dataset hands out {0} for a field that it declares as another kind")]
    OtherKind(&'static str),
    /// A sample that does not have as many values as its field.
    #[error(
        "{place}: its field `{field}` has {}, and the dataset declares {wanted}",
        counted(*found as u64, "value")
    )]
    Size {
        /// The sample's place, as [`Dataset::place`](super::Dataset::place) returns it.
        place: String,
        /// The field's name.
        field: String,
        /// Values of the sample.
        found: usize,
        /// The field's declaration in words.
        wanted: String,
    },
    /// A dataset whose samples differ in kind.
    #[error("sample `{id}` has another kind of target than those before it")]
    MixedTargets {
        /// The sample.
        id: u32,
    },
    /// A sample that cannot be learned from.
    #[error("{place}: {fault}")]
    Target {
        /// The sample's place, as [`Dataset::place`](super::Dataset::place) returns it.
        place: String,
        /// The fault.
        fault: TargetFault,
    },
    /// The thread that reads ahead has panicked.
    #[error("reading ahead failed: {0}")]
    Worker(String),
    /// A fault of a dataset from outside this crate.
    #[error(transparent)]
    Custom(Box<dyn std::error::Error + Send + Sync>),
    /// More than one fault at once; never empty.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<DataError>),
}

impl DataError {
    /// The key in `[dataset]` that is to blame, such as `path`, `split.val` or `columns.age.type`;
    /// empty for the table itself. Of several faults, the first one's.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Read { .. }
            | Self::NotAFile { .. }
            | Self::NoMemory { .. }
            | Self::LongLine { .. }
            | Self::Encoding { .. }
            | Self::MissingFiles { .. }
            | Self::NotAFolder { .. }
            | Self::SeveralPrefixes { .. }
            | Self::Idx { .. } => "path",
            Self::NoPrefix { .. } => "prefix",
            Self::Csv(error) => error.key(),
            Self::OfFile { key, source } => match source.key() {
                "path" => key,
                other => other,
            },
            Self::Text(error) => error.key(),
            Self::TextClasses(error) => error.key(),
            Self::Split(error) => error.key(),
            Self::OwnTest(_) => "split.test",
            Self::Transform { key, .. } => key,
            Self::NoBatch { .. } => "drop_last",
            Self::Target { .. } => "target",
            Self::OtherKind(_)
            | Self::Size { .. }
            | Self::MixedTargets { .. }
            | Self::Worker(_)
            | Self::Custom(_) => "",
            Self::Several(errors) => errors.first().map_or("", Self::key),
        }
    }

    /// The same fault, where `path` is to blame, at the key that names the file.
    #[must_use]
    pub(super) fn at_path_key(self, key: &'static str) -> Self {
        let source = Box::new(self);
        Self::OfFile { key, source }
    }

    /// Every fault at its key, hints apart, for the config's diagnostics.
    #[must_use]
    pub fn faults(&self) -> Vec<KeyFault> {
        match self {
            Self::Several(errors) => errors.iter().flat_map(Self::faults).collect(),
            Self::Transform { fault, key, .. } => vec![KeyFault {
                key: key.clone(),
                ..fault.clone()
            }],
            single => {
                let Fault { message, hint } = Fault::of(single);
                vec![KeyFault {
                    hint,
                    ..KeyFault::error(single.key(), message)
                }]
            }
        }
    }

    /// One error of several; `None` of none.
    pub(super) fn several(mut errors: Vec<Self>) -> Option<Self> {
        match errors.len() {
            0 | 1 => errors.pop(),
            _ => Some(Self::Several(errors)),
        }
    }
}

/// Why a file cannot be read, with what could have been meant where there is no such file.
fn unreadable(path: &Path, source: &std::io::Error) -> String {
    let reason = io_reason(source);
    if source.kind() != std::io::ErrorKind::NotFound {
        return reason;
    }
    match nearest_file(path) {
        Some(name) => format!("{reason}; hint: {}", did_you_mean(name)),
        None => format!(
            "{reason}; hint: a relative path starts at the folder of the config that names it"
        ),
    }
}

/// Names in backticks, separated by commas.
fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Values to choose from, as TOML has them.
fn any_of(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
    quoted.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_carry_key_message_and_hint() {
        let error = DataError::Several(vec![
            DataError::OwnTest("mnist"),
            DataError::MissingFiles {
                folder: "data".into(),
                names: vec![
                    "train-images-idx3-ubyte".into(),
                    "t10k-labels-idx1-ubyte".into(),
                ],
            },
        ]);
        assert_eq!(error.key(), "split.test");
        let faults = error.faults();
        assert_eq!(
            faults[0],
            KeyFault::error("split.test", "`mnist` has its own test split")
                .hint("remove `split.test`")
        );
        assert_eq!(faults[1].key, "path");
        assert_eq!(
            faults[1].message,
            "`data` does not hold `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`"
        );
    }
}
