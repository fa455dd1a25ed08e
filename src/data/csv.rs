//! Tables: a CSV file with a header line, one column of which is to be predicted.
//!
//! Every other column is a feature, in the file's order. A column of numbers is a number; any other
//! is a category and becomes the index of its value among the column's values in sorted order.
//! Whatever is learned from the data (means, medians, standard deviations) is learned from the
//! training split alone.

mod column;
mod error;
mod missing;
mod prepare;
mod rows;
mod table;
mod target;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use column::{ColumnKeys, ColumnKind};
pub use error::{CellError, CsvError};
pub use missing::Missing;
pub use target::TaskKind;

use super::{Data, DataError, DatasetKeys, DatasetSpec, Facts};
use crate::{error::KeyFault, units::FilePath};

/// A CSV file with a header line, plain or gzipped; one column is the target, the others are features. 10% validation and 10% test by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// The file. Values are separated by commas; `.csv.gz` is read too.
    #[schemars(example = &"data/table.csv")]
    pub path: FilePath,
    /// Name of the column to predict.
    #[schemars(example = &"label")]
    pub target: String,
    /// What to predict: auto, classification or regression. Default auto: regression where the target is a number, unless all its values are whole with at most 20 different ones, each seen twice or more on average.
    #[serde(default)]
    pub task: TaskKind,
    /// What single columns are, by name, such as `{ zip = { type = "category" } }`. Default: number where every value is one, else category.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnKeys>,
    /// What to do about missing values (nothing at all, NA, NaN, null or ?): error, mean, median (of the training split; the most frequent one for categories) or drop, which leaves out the row. A missing target is always an error unless dropped. Default error.
    #[serde(default)]
    pub missing: Missing,
    /// Whether features, and the target of a regression, are brought to mean 0 and standard deviation 1 on the training split; predictions and metrics stay in the target's own unit. Default true.
    #[serde(default = "yes")]
    pub standardize: bool,
}

fn yes() -> bool {
    true
}

impl DatasetSpec for Csv {
    fn check(&self) -> Vec<KeyFault> {
        let ignored = |keys: &ColumnKeys| keys.kind == ColumnKind::Ignore;
        if self.columns.get(&self.target).is_some_and(ignored) {
            let key = error::column_key(&self.target, "type");
            return vec![KeyFault::error(key, "the target cannot be ignored")];
        }
        Vec::new()
    }

    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        // What a table is only its last row can tell.
        Ok(self.load(keys, seed)?.facts)
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        prepare::load(self, keys, seed)
    }
}

#[cfg(test)]
mod tests;
