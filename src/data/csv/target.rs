//! The column to predict: classes or numbers.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    column::{ColumnKind, cell, first_text, number, read_categories, read_numbers},
    error::{CellError, CsvError, column_key, shown},
    table::Table,
};

/// auto, classification or regression.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the key that holds it says what each name means"
)]
pub enum TaskKind {
    #[default]
    Auto,
    Classification,
    Regression,
}

/// More different whole numbers than these are a quantity, not classes.
const MOST_CLASSES: usize = 20;

/// The column to predict, row by row; no value is missing.
#[derive(Debug)]
pub(super) enum TargetColumn {
    /// Class indices, and the classes' names.
    Classes(Vec<u32>, Vec<String>),
    /// Numbers.
    Values(Vec<f64>),
}

impl TargetColumn {
    /// Reads column `index` at `rows` as the task asks, or decides the task.
    pub(super) fn read(
        table: &Table,
        rows: &[usize],
        index: usize,
        task: TaskKind,
        wanted: Option<ColumnKind>,
        notes: &mut Vec<String>,
    ) -> Result<Self, CsvError> {
        let category = wanted == Some(ColumnKind::Category);
        let column = || table.header[index].clone();
        let classes = match task {
            TaskKind::Regression if category => {
                return Err(CsvError::CategoryRegression { column: column() });
            }
            TaskKind::Regression => false,
            TaskKind::Classification => {
                if !category {
                    no_fractions(table, rows, index)?;
                }
                true
            }
            TaskKind::Auto => {
                let text = first_text(table, rows, index);
                if !category {
                    notes.extend(text.as_ref().and_then(|text| text.note(table, index)));
                }
                category || text.is_some() || is_few_whole_numbers(table, rows, index)
            }
        };
        if wanted == Some(ColumnKind::Number) {
            read_numbers(table, rows, index, &column_key(&column(), "type"))?;
        }
        let target = if classes {
            let (names, values) = read_categories(table, rows, index);
            Self::Classes(values.into_iter().map(|v| v as u32).collect(), names)
        } else {
            Self::Values(read_numbers(table, rows, index, "target")?)
        };
        target.varies(table, rows, index)?;
        if task == TaskKind::Auto {
            notes.push(target.decision(&table.header[index]));
        }
        Ok(target)
    }

    fn varies(&self, table: &Table, rows: &[usize], index: usize) -> Result<(), CsvError> {
        let constant = match self {
            Self::Classes(_, names) => names.len() < 2,
            Self::Values(values) => values.iter().all(|v| *v == values[0]),
        };
        if !constant {
            return Ok(());
        }
        Err(CsvError::ConstantTarget {
            path: table.path.clone(),
            column: table.header[index].clone(),
            value: table.value(rows[0], index).into(),
        })
    }

    /// What `auto` has decided, in words.
    fn decision(&self, name: &str) -> String {
        match self {
            Self::Classes(_, names) => {
                format!(
                    "task: classification, {} classes in column `{}`",
                    names.len(),
                    shown(name)
                )
            }
            Self::Values(_) => format!("task: regression of column `{}`", shown(name)),
        }
    }
}

/// Whether a column of numbers looks like classes: whole numbers, at most 20 different ones, each
/// there twice or more on average.
fn is_few_whole_numbers(table: &Table, rows: &[usize], index: usize) -> bool {
    let mut distinct = BTreeSet::new();
    for value in rows
        .iter()
        .filter_map(|&row| number(table.value(row, index)))
    {
        distinct.insert(value.to_bits());
        if value.fract() != 0.0 || distinct.len() > MOST_CLASSES {
            return false;
        }
    }
    distinct.len() * 2 <= rows.len()
}

/// A fault where the column is numbers and one of them is no whole number.
fn no_fractions(table: &Table, rows: &[usize], index: usize) -> Result<(), CsvError> {
    if first_text(table, rows, index).is_some() {
        return Ok(());
    }
    let fraction =
        |row: &&usize| number(table.value(**row, index)).is_some_and(|n| n.fract() != 0.0);
    match rows.iter().find(fraction) {
        None => Ok(()),
        Some(&row) => {
            let error = CellError::Fraction(table.value(row, index).into());
            Err(cell(table, row, index, "task", error))
        }
    }
}
