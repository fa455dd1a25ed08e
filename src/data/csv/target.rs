//! The column to predict: classes or numbers.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Csv,
    category::{Categories, CategoriesBy},
    column::{ColumnKind, Findings, Known, cells, read_categories, read_numbers},
    error::{CellError, CsvError, column_key, file_name, shown},
    labels,
    oddities::{NotNumbers, first_of},
    table::Table,
};
use crate::units::counted;

/// auto, classification, multi_label or regression.
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
    MultiLabel,
    Regression,
}

/// More different whole numbers than these are a quantity, not classes.
const MOST_CLASSES: usize = 20;

/// The column to predict, row by row; no value is missing.
#[derive(Debug)]
pub(super) enum TargetColumn {
    /// Class indices, and the classes' names.
    Classes(Vec<u32>, Vec<String>),
    /// 1 for each label that a row has and 0 for the others, row after row, and the labels' names.
    Labels(Vec<f32>, Vec<String>),
    /// Numbers.
    Values(Vec<f64>),
}

impl TargetColumn {
    /// Reads column `index` at `rows` as the task asks, or decides the task by the training file.
    pub(super) fn read(
        table: &Table,
        rows: Known<'_>,
        index: usize,
        spec: &Csv,
        findings: &mut Findings,
    ) -> Result<Self, CsvError> {
        let name = &table.header[index];
        if spec.task == TaskKind::MultiLabel {
            return labels::read(table, rows, index, spec, findings);
        }
        let (wanted, known) = (spec.kind_of(name), rows.training_file());
        let category = wanted == Some(ColumnKind::Category);
        let classes = match spec.task {
            TaskKind::Regression if category => {
                let column = name.clone();
                return Err(CsvError::CategoryRegression { column });
            }
            TaskKind::Regression => false,
            TaskKind::Classification => {
                if !category {
                    no_fractions(table, known, index)?;
                }
                true
            }
            TaskKind::Auto if category => true,
            TaskKind::Auto | TaskKind::MultiLabel => {
                let texts = NotNumbers::of(table, known, index);
                findings
                    .notes
                    .extend(texts.as_ref().and_then(|text| text.note(table, index)));
                texts.is_some() || is_few_whole_numbers(table, known, index, spec)
            }
        };
        if wanted == Some(ColumnKind::Number) {
            read_numbers(table, rows.all, index, &column_key(name, "type"))?;
        }
        let target = if classes {
            let categories = read_categories(table, known, index, spec);
            let alike = categories.alike();
            let alike = alike.map(|alike| format!("classes of column `{}`: {alike}", shown(name)));
            findings.notes.extend(alike);
            let classes = read_classes(table, rows.all, index, &categories)?;
            Self::Classes(classes, categories.names)
        } else {
            Self::Values(read_numbers(table, rows.all, index, "target")?)
        };
        target.varies(table, known, index)?;
        if spec.task == TaskKind::Auto {
            findings.notes.push(target.decision(name));
        }
        Ok(target)
    }

    fn varies(&self, table: &Table, rows: &[usize], index: usize) -> Result<(), CsvError> {
        let constant = match self {
            Self::Classes(_, names) => names.len() < 2,
            Self::Labels(_, names) => names.is_empty(),
            Self::Values(values) => values[..rows.len()].iter().all(|v| *v == values[0]),
        };
        if !constant {
            return Ok(());
        }
        Err(CsvError::ConstantTarget {
            path: table.path().into(),
            column: table.header[index].clone(),
            value: table.value(rows[0], index).into(),
        })
    }

    /// The note of a regression whose target is the same in every training row.
    pub(super) fn constant(&self, name: &str, train: &[u32]) -> Option<String> {
        let Self::Values(values) = self else {
            return None;
        };
        let mut trained = train.iter().map(|&row| values[row as usize]);
        let first = trained.next()?;
        let is_constant = !train[1..].is_empty() && trained.all(|value| value == first);
        is_constant.then(|| {
            format!(
                "target `{}` is `{first}` in every row of the training split; there is nothing to \
                 learn",
                shown(name)
            )
        })
    }

    /// What `auto` has decided, in words.
    fn decision(&self, name: &str) -> String {
        match self {
            Self::Classes(_, names) => {
                format!(
                    "task: classification, {} in column `{}`",
                    counted(names.len() as u64, "class"),
                    shown(name)
                )
            }
            Self::Labels(_, names) => {
                let labels = counted(names.len() as u64, "label");
                format!("task: multi_label, {labels} in column `{}`", shown(name))
            }
            Self::Values(_) => format!("task: regression of column `{}`", shown(name)),
        }
    }
}

/// The class of each row; a fault where the training file does not have it.
fn read_classes(
    table: &Table,
    rows: &[usize],
    index: usize,
    classes: &Categories,
) -> Result<Vec<u32>, CsvError> {
    let place = |row: usize| classes.place(table.value(row, index));
    let is_unknown = |row: &usize| place(*row).is_none();
    let unknown: Vec<usize> = rows.iter().copied().filter(is_unknown).collect();
    let error = |row| {
        let names = classes.names.iter();
        let names = names.map(|name| format!("`{}`", shown(name)));
        CellError::UnknownClass {
            value: table.value(row, index).into(),
            train: file_name(table.path()),
            classes: first_of(&names.collect::<Vec<_>>()),
        }
    };
    match cells(table, &unknown, index, "target", error) {
        Some(fault) => Err(fault),
        None => Ok(rows
            .iter()
            .filter_map(|&row| Some(place(row)? as u32))
            .collect()),
    }
}

/// Whether a column of numbers looks like classes: whole numbers, at most 20 different ones, each
/// there twice or more on average.
fn is_few_whole_numbers(table: &Table, rows: &[usize], index: usize, spec: &Csv) -> bool {
    let mut distinct = BTreeSet::new();
    for &row in rows {
        let Some(number) = table.number(row, index) else {
            continue;
        };
        let text = match spec.categories_by {
            CategoriesBy::Text => table.value(row, index),
            CategoriesBy::Number => "",
        };
        distinct.insert((number.to_bits(), text));
        if number.fract() != 0.0 || distinct.len() > MOST_CLASSES {
            return false;
        }
    }
    distinct.len() * 2 <= rows.len()
}

/// A fault where the column is numbers and one of them is no whole number.
fn no_fractions(table: &Table, rows: &[usize], index: usize) -> Result<(), CsvError> {
    if NotNumbers::of(table, rows, index).is_some() {
        return Ok(());
    }
    let is_fraction = |row: &usize| table.number(*row, index).is_some_and(|n| n.fract() != 0.0);
    let fractions: Vec<usize> = rows.iter().copied().filter(is_fraction).collect();
    let error = |row| CellError::Fraction(table.value(row, index).into());
    match cells(table, &fractions, index, "task", error) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}
