//! A table ready to be learned from: rows of numbers and their targets.

use std::{borrow::Cow, path::PathBuf};

use super::table::Table;
use crate::{
    data::{DataError, Dataset, Values},
    task::Target,
};

/// Rows of numbers, each with a target.
pub(super) struct Rows {
    /// Row after row, a number for each column: its value, or the index of its category.
    pub cells: Vec<f32>,
    pub columns: Vec<Features>,
    pub targets: RowTargets,
    pub places: Places,
}

/// The file and the line of each row.
pub(super) struct Places {
    files: Vec<PathBuf>,
    /// By row: the file, and the line in it, from 1.
    lines: Vec<(u32, u64)>,
}

impl Places {
    /// Those of `rows` in a table.
    pub(super) fn of(table: &Table, rows: &[usize]) -> Self {
        let files: Vec<PathBuf> = table.files().map(|(path, ..)| path.into()).collect();
        let line = |&row: &usize| {
            let (path, line) = table.place(row);
            let file = files.iter().position(|file| file == path).unwrap_or(0);
            (file as u32, line)
        };
        let lines = rows.iter().map(line).collect();
        Self { files, lines }
    }

    fn text(&self, row: usize) -> String {
        let (file, line) = self.lines[row];
        format!("`{}:{line}`", self.files[file as usize].display())
    }
}

/// The features that a column becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Features {
    /// The number itself.
    Number,
    /// Zeros, with a one at the index where it is not negative.
    OneHot(usize),
    /// No number, but an id in another field: the index, or this number where it is negative.
    Category(usize),
}

impl Features {
    /// Returns how many there are.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Number => 1,
            Self::OneHot(count) => count,
            Self::Category(_) => 0,
        }
    }
}

impl Features {
    /// Appends the numbers that a cell becomes.
    fn write(self, value: f32, out: &mut Vec<f32>) {
        match self {
            Self::Number => out.push(value),
            Self::OneHot(count) => {
                let start = out.len();
                out.resize(start + count, 0.0);
                if value >= 0.0 {
                    out[start + value as usize] = 1.0;
                }
            }
            Self::Category(_) => {}
        }
    }

    /// The id that a cell becomes, where it becomes one.
    fn id(self, value: f32) -> Option<u32> {
        match self {
            Self::Category(_) if value >= 0.0 => Some(value as u32),
            Self::Category(count) => Some(count as u32),
            Self::Number | Self::OneHot(_) => None,
        }
    }
}

/// A target for each row.
pub(super) enum RowTargets {
    Classes(Vec<u32>),
    /// The same count of numbers for each row.
    Values(Vec<f32>, usize),
}

impl Dataset for Rows {
    fn len(&self) -> usize {
        self.cells.len() / self.columns.len()
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        let width = self.columns.len();
        let row = &self.cells[index * width..][..width];
        let row = self.columns.iter().zip(row);
        match out {
            Values::Ids(ids) => row.for_each(|(column, value)| ids.extend(column.id(*value))),
            _ => {
                let numbers = out.numbers()?;
                row.for_each(|(column, value)| column.write(*value, numbers));
            }
        }
        Ok(())
    }

    fn place(&self, index: usize) -> String {
        self.places.text(index)
    }

    fn target(&self, index: usize) -> Target<'_> {
        match &self.targets {
            RowTargets::Classes(classes) => Target::Class(classes[index]),
            RowTargets::Values(values, count) => {
                Target::Values(Cow::Borrowed(&values[index * count..][..*count]))
            }
        }
    }
}
