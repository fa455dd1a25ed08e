//! Documents and their classes, as they lie on disk.

use std::{collections::BTreeSet, path::Path};

use super::{TextClasses, TextClassesError, folder};
use crate::data::{DataError, csv};

/// All documents, in the order of the files or rows.
pub(super) struct Documents {
    /// Their bytes: UTF-8 where tokens are not bytes.
    pub texts: Vec<Vec<u8>>,
    pub classes: Vec<u32>,
    /// Names of the classes, sorted.
    pub names: Vec<String>,
    /// The file, or the file and line, of each.
    pub places: Vec<String>,
    pub fingerprint: String,
    pub notes: Vec<String>,
}

impl Documents {
    /// Reads the folder or the CSV file.
    pub(super) fn read(spec: &TextClasses) -> Result<Self, DataError> {
        let path = &spec.path.0;
        let documents = match path.is_dir() {
            true => {
                for (key, value) in [("text", &spec.text), ("target", &spec.target)] {
                    if value.is_some() {
                        return Err(TextClassesError::FolderKey { key }.into());
                    }
                }
                folder::read(path, spec.tokens.needs_text())?
            }
            false => Self::of_table(path, spec)?,
        };
        match &documents.names[..] {
            [only] => Err(TextClassesError::OneClass {
                path: path.clone(),
                name: only.escape_debug().to_string(),
            }
            .into()),
            _ => Ok(documents),
        }
    }

    fn of_table(path: &Path, spec: &TextClasses) -> Result<Self, DataError> {
        let text = spec.text.as_deref().unwrap_or("text");
        let target = spec.target.as_deref().unwrap_or("label");
        let csv::Documents {
            rows,
            fingerprint,
            notes,
        } = csv::documents(path, text, target)?;
        let names: BTreeSet<&str> = rows.iter().map(|row| row.class.as_str()).collect();
        let names: Vec<String> = names.into_iter().map(String::from).collect();
        let class = |row: &csv::Document| {
            let place = names.binary_search(&row.class);
            place.unwrap_or_default() as u32
        };
        let line = |row: &csv::Document| format!("`{}:{}`", path.display(), row.line);
        Ok(Self {
            classes: rows.iter().map(class).collect(),
            places: rows.iter().map(line).collect(),
            texts: rows.into_iter().map(|row| row.text.into_bytes()).collect(),
            names,
            fingerprint,
            notes,
        })
    }
}
