//! The rows of a table as documents: a column of text and one of classes.

use std::path::Path;

use super::{
    Csv, Missing,
    column::cells,
    error::{CellError, CsvError, header_hint, shown},
    prepare::column_hint,
    sheet::are_values,
    table::Table,
};
use crate::{data::DataError, units::FilePath};

/// The documents of a table.
pub(in crate::data) struct Documents {
    pub rows: Vec<Document>,
    pub fingerprint: String,
    pub notes: Vec<String>,
}

/// One of them.
pub(in crate::data) struct Document {
    /// Its text, as it is written.
    pub text: String,
    /// The name of its class.
    pub class: String,
    /// Its line, from 1.
    pub line: u64,
}

/// Reads the documents of the file at `path`: the columns `text` and `target`.
///
/// # Errors
/// The file is no table, has not these columns, or a row has no class.
pub(in crate::data) fn documents(
    path: &Path,
    text: &str,
    target: &str,
) -> Result<Documents, DataError> {
    let spec = Csv::plain(path, target);
    let mut table = Table::read(&spec)?;
    let mut errors = Vec::new();
    let mut place = |key: &str, name: &str| {
        let place = table.header.iter().position(|column| column == name);
        if place.is_none() {
            let hint = column_hint(name, &table.header);
            errors.push(DataError::from(CsvError::UnknownColumn {
                path: table.path().into(),
                key: key.into(),
                name: shown(name),
                hint: header_hint(are_values(&table.header, table.decimal), &hint),
            }));
        }
        place.unwrap_or_default()
    };
    let (text, target) = (place("text", text), place("target", target));
    if let Some(error) = DataError::several(errors) {
        return Err(error);
    }
    let all = 0..table.rows();
    let absent: Vec<usize> = all
        .clone()
        .filter(|&row| table.present(row, target).is_none())
        .collect();
    let error = |_| CellError::NoClass;
    if let Some(fault) = cells(&table, &absent, target, "target", error) {
        return Err(fault.into());
    }
    let row = |row| Document {
        text: table.value(row, text).into(),
        class: table.value(row, target).into(),
        line: table.place(row).1,
    };
    Ok(Documents {
        rows: all.map(row).collect(),
        notes: std::mem::take(&mut table.notes),
        fingerprint: table.fingerprint,
    })
}

impl Csv {
    /// A table with default keys.
    fn plain(path: &Path, target: &str) -> Self {
        Self {
            path: FilePath(path.into()),
            val_path: None,
            test_path: None,
            separator: Default::default(),
            decimal: Default::default(),
            header: true,
            names: None,
            target: target.into(),
            task: Default::default(),
            label_separator: None,
            columns: Default::default(),
            encoding: Default::default(),
            categories_by: Default::default(),
            missing: Missing::Error,
            standardize: false,
        }
    }
}
