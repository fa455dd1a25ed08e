//! Tables: a CSV file, one column of which is to be predicted.
//!
//! Every other column is a feature, in the file's order. A column of numbers is a number; any other
//! is a category. A category becomes one feature for each of its values, or the index of its value
//! among the column's values in sorted order. Whatever is learned from the data (means, medians,
//! standard deviations) is learned from the training split alone.

mod category;
mod column;
mod documents;
mod error;
mod labels;
mod missing;
mod number;
mod oddities;
mod prepare;
mod rows;
mod scan;
mod separator;
mod sheet;
mod table;
mod target;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use category::{CategoriesBy, Encoding};
pub use column::{ColumnKeys, ColumnKind};
pub use error::{CellError, CsvError, RowFault};
pub use missing::Missing;
pub use number::Decimal;
pub use separator::Separator;
pub use target::TaskKind;

pub(in crate::data) use documents::{Document, Documents, documents};

use super::{Data, DataError, DatasetKeys, DatasetSpec, Facts, Share, SplitKeys};
use crate::{error::KeyFault, units::FilePath};

/// A CSV file: one column is the target, the others are features. It may be gzipped. 10% validation
/// and 10% test by default, or files of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// The file, or that of the training split where the others have their own; `.csv.gz` is read too.
    #[schemars(example = &"data/table.csv")]
    pub path: FilePath,
    /// The file of the validation split, instead of a share of `path`. It has the same columns, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"data/val.csv")]
    pub val_path: Option<FilePath>,
    /// The file of the test split, instead of a share of `path`. It has the same columns, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"data/test.csv")]
    pub test_path: Option<FilePath>,
    /// The character between values: ",", ";", "\t" (a tab), "|" or "auto". Default auto: a comma where it makes two columns or more, else the first of the others that does.
    #[serde(default)]
    pub separator: Separator,
    /// The decimal sign of numbers: "." or ",". Default ".".
    #[serde(default)]
    #[schemars(example = &",")]
    pub decimal: Decimal,
    /// True where the first line names the columns. Default true.
    #[serde(default = "yes")]
    #[schemars(example = false)]
    pub header: bool,
    /// Names of the columns of a file without a header line. Default: column1, column2, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2), example = serde_json::json!(["length", "width", "label"]))]
    pub names: Option<Vec<String>>,
    /// Name of the column to predict.
    #[schemars(example = &"label")]
    pub target: String,
    /// The task: auto, classification, multi_label (any of several labels for each row) or regression. Default auto: regression where the target is a number, unless all its values are whole with at most 20 different ones, each seen twice or more on average.
    #[serde(default)]
    pub task: TaskKind,
    /// The character or text between the labels of a row, for `task = "multi_label"`; a row without any has none of them. Default "|".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &"|")]
    pub label_separator: Option<String>,
    /// Keys of single columns, by name, such as `{ zip = { type = "category" } }`. Default: number where every value is one, else category.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnKeys>,
    /// The encoding of categories: one_hot (a feature for each category, 1 for the row's own and 0 for the others; all 0 for one that the training split does not have) or ordinal (one feature, the index in sorted order). Default one_hot.
    #[serde(default)]
    pub encoding: Encoding,
    /// The identity of categories and classes: text (`02116` and `2116` are two) or number (`1`, `1.0` and `1e0` are one, in columns where every value is a number). Default text.
    #[serde(default)]
    pub categories_by: CategoriesBy,
    /// The treatment of missing values (nothing at all, NA, NaN, null or ?): error, mean, median (of the training split; the most frequent one for categories) or drop, which leaves out the row. A missing target is always an error unless dropped. Default error.
    #[serde(default)]
    pub missing: Missing,
    /// Brings numbers, ordinal categories and the target of a regression to mean 0 and standard deviation 1 on the training split; predictions and metrics stay in the target's own unit. The target stays as it is under the loss `bce`, which takes values in 0–1. Default true.
    #[serde(default = "yes")]
    pub standardize: bool,
}

fn yes() -> bool {
    true
}

impl Csv {
    /// The kind of a column, where the config says it.
    fn kind_of(&self, name: &str) -> Option<ColumnKind> {
        self.columns.get(name).and_then(|keys| keys.kind)
    }

    /// Faults of the keys of single columns.
    fn check_columns(&self) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        for (name, keys) in &self.columns {
            let is_target = *name == self.target;
            if is_target && keys.kind == Some(ColumnKind::Ignore) {
                let key = error::column_key(name, "type");
                faults.push(KeyFault::error(key, "the target cannot be ignored"));
            }
            let message = match keys.kind {
                _ if keys.encoding.is_none() => continue,
                _ if is_target => "classes of the target are not encoded",
                Some(ColumnKind::Number | ColumnKind::Ignore) => "only a category has an encoding",
                Some(ColumnKind::Category) | None => continue,
            };
            let fault = KeyFault::error(error::column_key(name, "encoding"), message);
            faults.push(fault.hint("remove `encoding`"));
        }
        faults
    }

    /// The fault of a separator of labels where there are none.
    fn check_labels(&self) -> Vec<KeyFault> {
        if self.label_separator.is_none() || self.task == TaskKind::MultiLabel {
            return Vec::new();
        }
        let message = "`label_separator` is for several labels in a row";
        let fault = KeyFault::error("label_separator", message);
        vec![fault.hint("task = \"multi_label\", or remove it")]
    }

    /// Faults of the names of a file without a header.
    fn check_names(&self) -> Vec<KeyFault> {
        let Some(names) = &self.names else {
            return Vec::new();
        };
        if self.header {
            let message = "`names` is for a file without a header line";
            return vec![
                KeyFault::error("names", message).hint("header = false, or remove `names`"),
            ];
        }
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for (i, name) in names.iter().enumerate() {
            let message = match name.trim() {
                "" => "a column has no name".into(),
                name if !seen.insert(name) => format!("`{}` is twice in it", error::shown(name)),
                _ => continue,
            };
            faults.push(KeyFault::error(format!("names[{i}]"), message));
        }
        faults
    }
}

impl DatasetSpec for Csv {
    fn check(&self) -> Vec<KeyFault> {
        [
            self.check_columns(),
            self.check_names(),
            self.check_labels(),
        ]
        .concat()
    }

    fn defaults(&self) -> SplitKeys {
        let share = |path: &Option<FilePath>| path.is_none().then_some(Share::Percent(10.0));
        SplitKeys {
            val: share(&self.val_path),
            test: share(&self.test_path),
            ..SplitKeys::percent(10.0, 10.0)
        }
    }

    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        // What a table is only its last row can tell.
        Ok(self.load(keys, seed)?.facts)
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        prepare::load(self, keys, seed, Form::default())
    }

    fn unscaled(&self) -> Option<Arc<dyn DatasetSpec>> {
        let form = Form {
            unscaled: true,
            ..Form::default()
        };
        self.standardize.then(|| self.formed(form))
    }

    fn with_categories(&self) -> Option<Arc<dyn DatasetSpec>> {
        Some(self.formed(Form {
            categories: true,
            ..Form::default()
        }))
    }
}

/// The demands of loss and model on a table beside its keys.
#[derive(Debug, Clone, Copy, Default)]
struct Form {
    /// The target stays in its own unit, whatever becomes of the features.
    unscaled: bool,
    /// Categories are ids in a field of their own, instead of one-hot.
    categories: bool,
}

/// A table in the form that loss and model ask for.
#[derive(Debug)]
struct Formed(Csv, Form);

impl Csv {
    fn formed(&self, form: Form) -> Arc<dyn DatasetSpec> {
        Arc::new(Formed(self.clone(), form))
    }
}

impl DatasetSpec for Formed {
    fn check(&self) -> Vec<KeyFault> {
        self.0.check()
    }

    fn defaults(&self) -> SplitKeys {
        self.0.defaults()
    }

    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        Ok(self.load(keys, seed)?.facts)
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        prepare::load(&self.0, keys, seed, self.1)
    }

    fn with_categories(&self) -> Option<Arc<dyn DatasetSpec>> {
        Some(self.0.formed(Form {
            categories: true,
            ..self.1
        }))
    }
}

#[cfg(test)]
mod tests;
