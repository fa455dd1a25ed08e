//! One feature column: what kind it is, and what its values become.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Csv,
    category::{Categories, Encoding},
    error::{CellError, CsvError, column_key, file_name, shown},
    oddities::{self, NotNumbers},
    table::Table,
};
use crate::{data::Moments, error::KeyFault};

/// What one column is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ColumnKeys {
    /// number, category or ignore (leave the column out). Default: number where every value is one, else category.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"category")]
    pub kind: Option<ColumnKind>,
    /// The encoding of this column's categories: one_hot or ordinal. Default: `encoding` of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"ordinal")]
    pub encoding: Option<Encoding>,
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

/// The rows that are used: those of the training file first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub all: &'a [usize],
    /// The number of rows of the training file; categories and kinds are decided by these.
    pub first: usize,
}

impl<'a> Known<'a> {
    pub(super) fn training_file(self) -> &'a [usize] {
        &self.all[..self.first]
    }
}

/// The index of a value that is no category of the training split; one-hot, it is all zeros.
pub(super) const NO_CATEGORY: f64 = -1.0;

/// A column as numbers.
#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    /// A number for each row, or a category's index or [`NO_CATEGORY`]; NaN where it is missing.
    pub values: Vec<f64>,
    pub categories: Option<Categories>,
    pub encoding: Encoding,
}

/// Notes and warnings about a table for the reader of a plan.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub notes: Vec<String>,
    pub warnings: Vec<KeyFault>,
}

impl Column {
    /// Column `index` of `table`: as the config wants it, or a number where every value is one.
    pub(super) fn read(
        table: &Table,
        rows: Known<'_>,
        index: usize,
        spec: &Csv,
        findings: &mut Findings,
    ) -> Result<Self, CsvError> {
        let name = table.header[index].clone();
        let keys = spec.columns.get(&name);
        let is_category = match spec.kind_of(&name) {
            Some(ColumnKind::Number) => false,
            Some(_) => true,
            None => {
                let texts = NotNumbers::of(table, rows.training_file(), index);
                findings
                    .notes
                    .extend(texts.as_ref().and_then(|t| t.note(table, index)));
                texts.is_some()
            }
        };
        let own = keys.and_then(|keys| keys.encoding);
        let mut column = Self {
            encoding: own.unwrap_or(spec.encoding),
            values: Vec::new(),
            categories: None,
            name,
        };
        if is_category {
            let categories = read_categories(table, rows.training_file(), index, spec);
            column.values = column.places(table, rows, index, &categories, findings)?;
            oddities::of_categories(&column, &categories, rows.first, findings);
            column.categories = Some(categories);
        } else if own.is_some() {
            let (key, column) = (column_key(&column.name, "encoding"), column.name);
            return Err(CsvError::EncodedNumber { column, key });
        } else {
            let key = column_key(&column.name, "type");
            column.values = read_numbers(table, rows.all, index, &key)?;
            oddities::of_numbers(table, rows.all, index, &column, findings);
        }
        Ok(column)
    }

    /// Each row's category; one that the training file does not have is an error where it would
    /// need an index.
    fn places(
        &self,
        table: &Table,
        rows: Known<'_>,
        index: usize,
        categories: &Categories,
        findings: &mut Findings,
    ) -> Result<Vec<f64>, CsvError> {
        let mut unknown = Vec::new();
        let mut values = Vec::with_capacity(rows.all.len());
        for &row in rows.all {
            let Some(text) = table.present(row, index) else {
                values.push(f64::NAN);
                continue;
            };
            let place = categories.place(text);
            if place.is_none() {
                unknown.push(row);
            }
            values.push(place.map_or(NO_CATEGORY, |place| place as f64));
        }
        if self.encoding == Encoding::Ordinal {
            let error = |row| CellError::UnknownCategory {
                value: table.value(row, index).into(),
                train: file_name(table.path()),
            };
            let key = column_key(&self.name, "encoding");
            if let Some(fault) = cells(table, &unknown, index, &key, error) {
                return Err(fault);
            }
        }
        findings
            .notes
            .extend(oddities::unknown(table, index, &unknown));
        Ok(values)
    }

    /// The number of categories where each has a feature of its own.
    pub(super) fn one_hot(&self) -> Option<usize> {
        let categories = self.categories.as_ref()?;
        (self.encoding == Encoding::OneHot).then(|| categories.len())
    }

    /// Takes one-hot categories without a row in the training split for no category: nothing can be
    /// learned of them. `embedded` says whether a category is an id instead of one-hot.
    pub(super) fn forget_untrained(
        &mut self,
        train: &[u32],
        embedded: bool,
        findings: &mut Findings,
    ) {
        let (Some(count), Some(categories)) = (self.one_hot(), &self.categories) else {
            return;
        };
        let mut trained = vec![false; count];
        for &row in train {
            if let Some(seen) = trained.get_mut(self.values[row as usize] as usize) {
                *seen |= self.values[row as usize] >= 0.0;
            }
        }
        let names: Vec<String> = (0..count)
            .filter(|&place| !trained[place])
            .map(|place| format!("`{}`", shown(&categories.names[place])))
            .collect();
        if names.is_empty() {
            return;
        }
        for value in self.values.iter_mut().filter(|value| **value >= 0.0) {
            if !trained[*value as usize] {
                *value = NO_CATEGORY;
            }
        }
        let becomes = match embedded {
            true => "unknown",
            false => "all zeros",
        };
        findings.notes.push(format!(
            "column `{}`: not in the training split, and {becomes} elsewhere: {}",
            shown(&self.name),
            oddities::first_of(&names)
        ));
    }

    /// Brings numbers to mean 0 and standard deviation 1 on the training rows; one-hot features stay
    /// 0 and 1.
    pub(super) fn standardize(&mut self, moments: &Moments) {
        if self.one_hot().is_some() {
            return;
        }
        let divisor = moments.divisor();
        let values = self.values.iter_mut();
        values.for_each(|v| *v = (*v - moments.mean) / divisor);
    }
}

/// Numbers, NaN where missing; a fault at `key` where a value is none.
pub(super) fn read_numbers(
    table: &Table,
    rows: &[usize],
    index: usize,
    key: &str,
) -> Result<Vec<f64>, CsvError> {
    let mut wrong = Vec::new();
    let mut parse = |&row: &usize| {
        let Some(text) = table.present(row, index) else {
            return f64::NAN;
        };
        let number = table.decimal.number(text);
        let fits = number.filter(|n| n.abs() <= f64::from(f32::MAX));
        fits.unwrap_or_else(|| {
            wrong.push(row);
            f64::NAN
        })
    };
    let values = rows.iter().map(&mut parse).collect();
    let error = |row: usize| {
        let text = table.value(row, index);
        match table.decimal.number(text) {
            Some(_) => CellError::TooLarge(text.into()),
            None => CellError::NotANumber(text.into(), table.decimal.remedy(text)),
        }
    };
    match cells(table, &wrong, index, key, error) {
        Some(fault) => Err(fault),
        None => Ok(values),
    }
}

/// The categories of a column at `rows`.
pub(super) fn read_categories(
    table: &Table,
    rows: &[usize],
    index: usize,
    spec: &Csv,
) -> Categories {
    let texts = rows.iter().filter_map(|&row| table.present(row, index));
    Categories::of(texts, spec.categories_by, table.decimal)
}

/// The fault of the first of these cells, which tells how many others there are.
pub(super) fn cells(
    table: &Table,
    rows: &[usize],
    index: usize,
    key: &str,
    error: impl Fn(usize) -> CellError,
) -> Option<CsvError> {
    let (&row, others) = rows.split_first()?;
    let (path, line) = table.place(row);
    Some(CsvError::Cell {
        path: path.into(),
        line,
        file: table.key_of(row),
        column: table.header[index].clone(),
        error: error(row),
        more: others.len(),
        key: key.into(),
    })
}
