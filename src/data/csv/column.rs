//! One column as numbers: what kind it is, and what its values become.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    error::{CellError, CsvError, column_key, ignore_hint, shown},
    table::Table,
};

/// What one column is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ColumnKeys {
    /// number, category (its values become their indices in sorted order) or ignore (leave the column out).
    #[serde(rename = "type")]
    pub kind: ColumnKind,
}

/// number, category or ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the keys that hold it say what each name means"
)]
pub enum ColumnKind {
    Number,
    Category,
    Ignore,
}

/// A column as numbers.
#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    /// A number for each row, or a category's index; NaN where it is missing.
    pub values: Vec<f64>,
    /// The names of a category's values by index.
    pub categories: Option<Vec<String>>,
}

impl Column {
    /// Column `index` of `table` at `rows`: as `wanted`, or a number where every value is one.
    pub(super) fn read(
        table: &Table,
        rows: &[usize],
        index: usize,
        wanted: Option<ColumnKind>,
        notes: &mut Vec<String>,
    ) -> Result<Self, CsvError> {
        let name = table.header[index].clone();
        let numbers = || {
            let key = column_key(&name, "type");
            read_numbers(table, rows, index, &key)
        };
        let categories = match wanted {
            Some(ColumnKind::Number) => None,
            Some(_) => Some(read_categories(table, rows, index)),
            None => match first_text(table, rows, index) {
                None => None,
                Some(text) => {
                    let categories = read_categories(table, rows, index);
                    notes.extend(text.note(table, index));
                    notes.extend(identifier_note(&name, &categories.0, rows.len()));
                    Some(categories)
                }
            },
        };
        let (values, categories) = match categories {
            Some((names, values)) => (values, Some(names)),
            None => (numbers()?, None),
        };
        Ok(Self {
            name,
            values,
            categories,
        })
    }
}

/// Why a column is no number.
pub(super) struct FirstText {
    row: usize,
    numbers: usize,
    texts: usize,
}

/// The first value that is not a number, if there is any.
pub(super) fn first_text(table: &Table, rows: &[usize], index: usize) -> Option<FirstText> {
    let mut found: Option<FirstText> = None;
    let mut numbers = 0;
    for &row in rows {
        match table.present(row, index).map(number) {
            Some(None) => {
                found
                    .get_or_insert(FirstText {
                        row,
                        numbers: 0,
                        texts: 0,
                    })
                    .texts += 1
            }
            Some(Some(_)) => numbers += 1,
            None => {}
        }
    }
    found.map(|text| FirstText { numbers, ..text })
}

impl FirstText {
    /// A column of mostly numbers that is a category all the same is worth a word.
    pub(super) fn note(&self, table: &Table, index: usize) -> Option<String> {
        (self.numbers >= self.texts).then(|| {
            format!(
                "column `{}` is read as a category because of `{}` in line {}",
                shown(&table.header[index]),
                shown(table.value(self.row, index)),
                table.line(self.row)
            )
        })
    }
}

/// A category with almost as many values as rows is worth a word.
fn identifier_note(name: &str, categories: &[String], rows: usize) -> Option<String> {
    (categories.len() > 20 && categories.len() * 2 > rows).then(|| {
        format!(
            "column `{}` has {} different values in {rows} rows; hint: {}",
            shown(name),
            categories.len(),
            ignore_hint(name)
        )
    })
}

/// A finite number, or `None`. Negative zero is zero.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|n: &f64| n.is_finite())
        .map(|n| n + 0.0)
}

/// Numbers, NaN where missing; a fault at `key` where a value is none.
pub(super) fn read_numbers(
    table: &Table,
    rows: &[usize],
    index: usize,
    key: &str,
) -> Result<Vec<f64>, CsvError> {
    let parse = |&row: &usize| {
        let Some(text) = table.present(row, index) else {
            return Ok(f64::NAN);
        };
        let error = match number(text) {
            Some(n) if n.abs() <= f64::from(f32::MAX) => return Ok(n),
            Some(_) => CellError::TooLarge(text.into()),
            None => CellError::NotANumber(text.into()),
        };
        Err(cell(table, row, index, key, error))
    };
    rows.iter().map(parse).collect()
}

/// The column's values in sorted order, and the index of each row's among them (NaN where missing).
/// Numbers sort as numbers and are the same however they are written; all else sorts by its bytes.
pub(super) fn read_categories(
    table: &Table,
    rows: &[usize],
    index: usize,
) -> (Vec<String>, Vec<f64>) {
    let present = || rows.iter().filter_map(|&row| table.present(row, index));
    let canonical: fn(&str) -> String = if present().all(|text| number(text).is_some()) {
        |text| number(text).unwrap_or_default().to_string()
    } else {
        str::to_string
    };
    let distinct: BTreeSet<String> = present().map(canonical).collect();
    let mut names: Vec<String> = distinct.into_iter().collect();
    names.sort_by(|a, b| match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    let places: BTreeMap<&str, f64> = names
        .iter()
        .enumerate()
        .map(|(place, name)| (name.as_str(), place as f64))
        .collect();
    let place = |text: &str| places.get(canonical(text).as_str()).copied();
    let values = rows
        .iter()
        .map(|&row| {
            table
                .present(row, index)
                .and_then(place)
                .unwrap_or(f64::NAN)
        })
        .collect();
    (names, values)
}

/// A fault of one value.
pub(super) fn cell(
    table: &Table,
    row: usize,
    index: usize,
    key: &str,
    error: CellError,
) -> CsvError {
    CsvError::Cell {
        path: table.path.clone(),
        line: table.line(row),
        column: table.header[index].clone(),
        error,
        key: key.into(),
    }
}
