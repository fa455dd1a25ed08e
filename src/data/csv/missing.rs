//! Values that are not there: refused, filled in from the training split, or dropped with their row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    column::{Column, cells},
    error::{CellError, CsvError, shown},
    oddities::{first_of, used},
    table::Table,
};
use crate::data::Moments;
use crate::units::counted;

/// What to do about missing values: error, mean, median or drop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the key that holds it says what each name means"
)]
pub enum Missing {
    #[default]
    Error,
    Mean,
    Median,
    Drop,
}

impl Missing {
    /// The rows to use, looking at `features` and `targets` (columns of the table).
    pub(super) fn rows(
        self,
        table: &Table,
        features: &[usize],
        targets: &[usize],
        notes: &mut Vec<String>,
    ) -> Result<Vec<usize>, CsvError> {
        let all = 0..table.rows();
        let absent = |row: usize, column: usize| table.present(row, column).is_none();
        let first = |columns: &[usize]| {
            let at = |row| columns.iter().find(|&&c| absent(row, c)).map(|&c| (row, c));
            all.clone().find_map(at)
        };
        let count = |column| all.clone().filter(|&row| absent(row, column)).count();
        if self == Self::Drop {
            return whole_rows(table, &[features, targets].concat(), notes);
        }
        let empty = |row: usize| features.iter().all(|&column| absent(row, column));
        if let Some((row, column)) = first(targets) {
            let error = match empty(row) {
                true => CellError::EmptyRow,
                false => CellError::MissingTarget(count(column)),
            };
            let fault = cells(table, &[row], column, "missing", |_| error.clone());
            return fault.map_or(Ok(all.collect()), Err);
        }
        if let (Self::Error, Some((row, column))) = (self, first(features)) {
            let others = features.iter().filter(|&&other| other != column);
            let others = others.filter(|&&other| count(other) > 0);
            let others: Vec<String> = others
                .map(|&other| format!("{} in `{}`", count(other), shown(&table.header[other])))
                .collect();
            let others = match others.is_empty() {
                true => String::new(),
                false => format!(", {}", first_of(&others)),
            };
            let error = |_| CellError::Missing(count(column), others.clone());
            let fault = cells(table, &[row], column, "missing", error);
            return fault.map_or(Ok(all.collect()), Err);
        }
        Ok(all.collect())
    }

    /// Fills a column's missing values with what the training rows say.
    pub(super) fn fill(
        self,
        table: &Table,
        column: &mut Column,
        train: &[u32],
        notes: &mut Vec<String>,
    ) -> Result<(), CsvError> {
        let missing = column.values.iter().filter(|v| v.is_nan()).count();
        if missing == 0 {
            return Ok(());
        }
        let known: Vec<f64> = train
            .iter()
            .map(|&row| column.values[row as usize])
            .filter(|v| !v.is_nan())
            .collect();
        if known.is_empty() {
            let (path, column) = (table.path().into(), column.name.clone());
            return Err(CsvError::NothingToFillWith { path, column });
        }
        let (what, value) = match (self, &column.categories) {
            (_, Some(categories)) => (
                "most frequent value",
                most_frequent(&known, categories.len()),
            ),
            (Self::Median, None) => ("median", median(known)),
            (_, None) => ("mean", Moments::of(known.into_iter()).mean),
        };
        column
            .values
            .iter_mut()
            .filter(|v| v.is_nan())
            .for_each(|v| *v = value);
        let value = match &column.categories {
            Some(categories) => shown(&categories.names[value as usize]),
            None => value.to_string(),
        };
        let name = shown(&column.name);
        notes.push(format!(
            "column `{name}`: {missing} missing filled with the {what} `{value}`"
        ));
        Ok(())
    }
}

/// The rows without missing values in `columns`; each file has some.
fn whole_rows(
    table: &Table,
    columns: &[usize],
    notes: &mut Vec<String>,
) -> Result<Vec<usize>, CsvError> {
    let present = |row: usize, column: usize| table.present(row, column).is_some();
    let whole = |&row: &usize| columns.iter().all(|&column| present(row, column));
    let rows: Vec<usize> = (0..table.rows()).filter(whole).collect();
    for (path, _, file) in table.files() {
        if used(&rows, &file).is_empty() {
            return Err(CsvError::NoRows {
                path: path.into(),
                dropped: true,
            });
        }
    }
    if rows.len() < table.rows() {
        let dropped = table.rows() - rows.len();
        notes.push(format!(
            "dropped {dropped} of {} because of missing values",
            counted(table.rows() as u64, "row")
        ));
    }
    Ok(rows)
}

/// The middle value, or the mean of the two in the middle. Not of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    low + (high - low) / 2.0
}

/// The index that is there most often; the lowest of those that tie.
fn most_frequent(indices: &[f64], categories: usize) -> f64 {
    let mut counts = vec![0; categories];
    indices.iter().for_each(|&i| counts[i as usize] += 1);
    let most = counts.iter().copied().max().unwrap_or(0);
    counts.iter().position(|&count| count == most).unwrap_or(0) as f64
}
