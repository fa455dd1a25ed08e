//! Faults of a folder of documents.

use std::path::PathBuf;

/// A fault of documents and their classes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextClassesError {
    /// A folder without sub-folders.
    #[error(
        "`{path}` has no sub-folders; hint: one for each class, with its text files, or name a CSV file",
        path = path.display()
    )]
    NoClasses {
        /// The folder.
        path: PathBuf,
    },
    /// A class without documents.
    #[error("`{path}` has no files; hint: a sub-folder is a class and holds its documents", path = path.display())]
    EmptyClass {
        /// The sub-folder.
        path: PathBuf,
    },
    /// Nothing to tell apart.
    #[error("`{path}` has only the class `{name}`; there is nothing to learn", path = path.display())]
    OneClass {
        /// The folder or file.
        path: PathBuf,
        /// The class.
        name: String,
    },
    /// A key that only a CSV file has.
    #[error("`{key}` names a column of a CSV file, and `path` is a folder; hint: remove `{key}`")]
    FolderKey {
        /// The key.
        key: &'static str,
    },
    /// A name that is not text.
    #[error("the name of `{path}` is not UTF-8 text; hint: rename it", path = path.display())]
    Name {
        /// The file or folder.
        path: PathBuf,
    },
}

impl TextClassesError {
    /// The key in `[dataset]` that is to blame.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::FolderKey { key } => key,
            _ => "path",
        }
    }
}
