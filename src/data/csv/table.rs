//! A table as it is written: the rows of all its files, one after the other.

use std::{
    collections::BTreeSet,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    Csv,
    column::ColumnKind,
    error::{CsvError, file_name, shown},
    number::Decimal,
    prepare::column_hint,
    sheet::{Form, Sheet, Texts},
};
use crate::data::DataError;

/// A table of text, rectangular, its column names distinct. The columns are those of the first
/// file, which holds the training split.
#[derive(Debug)]
pub(super) struct Table {
    pub header: Vec<String>,
    /// BLAKE3 of the content, in hexadecimal; of several files, of the list of theirs.
    pub fingerprint: String,
    pub decimal: Decimal,
    /// Decisions that a reader should know.
    pub notes: Vec<String>,
    files: Vec<File>,
    columns: Vec<Texts>,
    lines: Vec<u64>,
}

/// A file and its place among the rows.
#[derive(Debug)]
struct File {
    path: PathBuf,
    key: &'static str,
    rows: Range<usize>,
}

impl Table {
    /// Reads the file of the training split, and those of the other splits where there are any.
    pub(super) fn read(spec: &Csv) -> Result<Self, DataError> {
        let form = Form::of(spec);
        let first = Sheet::read(&spec.path.0, form)?;
        let mut digests = vec![first.fingerprint.clone()];
        let mut table = Self::begin(first, spec.decimal);
        let own = [("val_path", &spec.val_path), ("test_path", &spec.test_path)];
        let mut errors = Vec::new();
        for (key, path) in own {
            let Some(path) = path else { continue };
            let added = Sheet::read(&path.0, form).and_then(|sheet| {
                digests.push(format!("{key} {}", sheet.fingerprint));
                table.append(sheet, key, spec).map_err(DataError::from)
            });
            errors.extend(added.err().map(|error| error.at_path_key(key)));
        }
        if digests.len() > 1 {
            let list = digests.join("\n");
            table.fingerprint = blake3::hash(list.as_bytes()).to_hex().to_string();
        }
        match DataError::several(errors) {
            Some(error) => Err(error),
            None => Ok(table),
        }
    }

    fn begin(sheet: Sheet, decimal: Decimal) -> Self {
        let file = File {
            path: sheet.path,
            key: "path",
            rows: 0..sheet.lines.len(),
        };
        Self {
            header: sheet.header,
            fingerprint: sheet.fingerprint,
            decimal,
            notes: sheet.notes,
            files: vec![file],
            columns: sheet.columns,
            lines: sheet.lines,
        }
    }

    /// Adds the rows of another file, its columns in any order.
    fn append(&mut self, sheet: Sheet, key: &'static str, spec: &Csv) -> Result<(), CsvError> {
        let places = match spec.header {
            true => self.places(&sheet, key, spec)?,
            false if sheet.header.len() == self.header.len() => {
                (0..self.header.len()).map(Some).collect()
            }
            false => {
                return Err(CsvError::OtherColumns {
                    path: sheet.path,
                    key,
                    columns: sheet.header.len(),
                    train: self.path().into(),
                    expected: self.header.len(),
                });
            }
        };
        for (column, place) in self.columns.iter_mut().zip(places) {
            for row in 0..sheet.lines.len() {
                column.push(place.map_or("", |place| sheet.columns[place].get(row)));
            }
        }
        let start = self.lines.len();
        self.lines.extend(&sheet.lines);
        self.notes.extend(sheet.notes);
        self.files.push(File {
            path: sheet.path,
            key,
            rows: start..self.lines.len(),
        });
        Ok(())
    }

    /// The place in `sheet` of each of the table's columns; `None` where it is left out anyway.
    fn places(
        &mut self,
        sheet: &Sheet,
        key: &'static str,
        spec: &Csv,
    ) -> Result<Vec<Option<usize>>, CsvError> {
        let known: BTreeSet<&String> = self.header.iter().collect();
        let extra = sheet.header.iter().filter(|name| !known.contains(name));
        let extra: Vec<String> = extra.map(|name| format!("`{}`", shown(name))).collect();
        if !extra.is_empty() {
            let (file, train) = (file_name(&sheet.path), file_name(self.path()));
            self.notes.push(format!(
                "columns of `{file}` that `{train}` does not have are left out: {}",
                extra.join(", ")
            ));
        }
        let place = |name: &String| {
            let place = sheet.header.iter().position(|other| other == name);
            let ignored = spec.kind_of(name) == Some(ColumnKind::Ignore) || name.is_empty();
            if place.is_none() && !ignored {
                return Err(CsvError::MissingColumn {
                    path: sheet.path.clone(),
                    key,
                    name: name.clone(),
                    train: self.path().into(),
                    hint: column_hint(name, &sheet.header),
                });
            }
            Ok(place)
        };
        self.header.iter().map(place).collect()
    }

    /// The file of the training split.
    pub(super) fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |file| &file.path)
    }

    /// The number of rows of all files.
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The rows of the file that this key names, where there is one.
    pub(super) fn rows_of(&self, key: &str) -> Option<Range<usize>> {
        let file = self.files.iter().find(|file| file.key == key);
        file.map(|file| file.rows.clone())
    }

    /// Each file with its key and its rows.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &'static str, Range<usize>)> {
        let files = self.files.iter();
        files.map(|file| (file.path.as_path(), file.key, file.rows.clone()))
    }

    /// The file of a row (from 0), and the line in it, from 1.
    pub(super) fn place(&self, row: usize) -> (&Path, u64) {
        let file = self.files.iter().find(|file| file.rows.contains(&row));
        (file.map_or(self.path(), |file| &file.path), self.lines[row])
    }

    /// The key that names the file of a row.
    pub(super) fn key_of(&self, row: usize) -> &'static str {
        let file = self.files.iter().find(|file| file.rows.contains(&row));
        file.map_or("path", |file| file.key)
    }

    /// A row's place for a note: `line 7`, and the file where it is not the first one.
    pub(super) fn place_text(&self, row: usize) -> String {
        match self.place(row) {
            (path, line) if path == self.path() => format!("line {line}"),
            (path, line) => format!("line {line} of `{}`", file_name(path)),
        }
    }

    /// A value; empty or one of the words for it where it is missing.
    pub(super) fn value(&self, row: usize, column: usize) -> &str {
        self.columns[column].get(row)
    }

    /// A value, unless it is missing.
    pub(super) fn present(&self, row: usize, column: usize) -> Option<&str> {
        let value = self.value(row, column);
        let missing = matches!(value, "" | "?" | "NA")
            || value.eq_ignore_ascii_case("nan")
            || value.eq_ignore_ascii_case("null");
        (!missing).then_some(value)
    }

    /// A value as a finite number, where it is one.
    pub(super) fn number(&self, row: usize, column: usize) -> Option<f64> {
        self.present(row, column)
            .and_then(|text| self.decimal.number(text))
    }
}
