//! From a table of text to rows of numbers: columns, split, missing values, scale, in this order.

use std::sync::Arc;

use super::{
    Csv,
    column::{Column, ColumnKind},
    error::{CsvError, column_key, shown},
    rows::{RowTargets, Rows},
    table::Table,
    target::TargetColumn,
};
use crate::data::{
    Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, Labels, Moments, Split, Task,
};

/// Reads the table and makes it ready.
pub(super) fn load(spec: &Csv, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
    let table = Table::read(&spec.path.0)?;
    let mut notes = Vec::new();
    let (features, target) = choose(spec, &table)?;
    let rows = spec.missing.rows(&table, &features, target, &mut notes)?;
    let wanted = |index: usize| spec.columns.get(&table.header[index]).map(|keys| keys.kind);
    let target = TargetColumn::read(&table, &rows, target, spec.task, wanted(target), &mut notes)?;
    let mut columns = features
        .iter()
        .map(|&index| Column::read(&table, &rows, index, wanted(index), &mut notes))
        .collect::<Result<Vec<_>, _>>()?;
    let split = divide(spec, keys, seed, &target, rows.len())?;
    for column in &mut columns {
        spec.missing
            .fill(&table, column, &split.train, &mut notes)?;
    }
    let (targets, task, target_scale) = scale_target(spec.standardize, target, &split.train);
    if spec.standardize {
        columns
            .iter_mut()
            .for_each(|column| standardize(column, &split.train, &mut notes));
    }
    let facts = Facts {
        shape: vec![columns.len()],
        task,
        train: 0,
        val: 0,
        test: 0,
        notes,
        warnings: Vec::new(),
    };
    let whole: Arc<dyn Dataset> = Arc::new(Rows {
        features: interleave(&columns, rows.len()),
        width: columns.len(),
        targets,
    });
    let data = Data::new(facts, &whole, split, table.fingerprint);
    Ok(Data {
        target_scale,
        ..data
    })
}

/// The features' and the target's places in the table.
fn choose(spec: &Csv, table: &Table) -> Result<(Vec<usize>, usize), DataError> {
    let place = |name: &str| table.header.iter().position(|column| column == name);
    let unknown = |key: String, name: &str| {
        DataError::from(CsvError::UnknownColumn {
            path: table.path.clone(),
            key,
            name: shown(name),
            hint: did_you_mean(name, &table.header),
        })
    };
    let mut errors = Vec::new();
    let target = place(&spec.target);
    if target.is_none() {
        errors.push(unknown("target".into(), &spec.target));
    }
    for name in spec.columns.keys().filter(|name| place(name).is_none()) {
        errors.push(unknown(column_key(name, ""), name));
    }
    let ignored = |name: &String| {
        spec.columns
            .get(name)
            .is_some_and(|keys| keys.kind == ColumnKind::Ignore)
    };
    let features: Vec<usize> = (0..table.header.len())
        .filter(|&index| Some(index) != target && !ignored(&table.header[index]))
        .collect();
    if let Some(&index) = features
        .iter()
        .find(|&&index| table.header[index].is_empty())
    {
        let (path, column) = (table.path.clone(), index + 1);
        errors.push(CsvError::Unnamed { path, column }.into());
    }
    if let (Some(_), true) = (target, features.is_empty()) {
        let (path, target) = (table.path.clone(), spec.target.clone());
        errors.push(CsvError::NoFeatures { path, target }.into());
    }
    match (DataError::several(errors), target) {
        (None, Some(target)) => Ok((features, target)),
        (Some(error), _) => Err(error),
        (None, None) => Err(unknown("target".into(), &spec.target)),
    }
}

/// The nearest of `names`, or all of them where none is near.
fn did_you_mean(name: &str, names: &[String]) -> String {
    let lower = name.to_lowercase();
    let near = names
        .iter()
        .map(|other| {
            (
                strsim::damerau_levenshtein(&lower, &other.to_lowercase()),
                other,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, other)| {
            *distance <= 1 + other.chars().count().min(lower.chars().count()) / 3
        });
    match near {
        Some((_, other)) => format!("did you mean `{}`?", shown(other)),
        None => {
            let list: Vec<String> = names
                .iter()
                .take(20)
                .map(|n| format!("`{}`", shown(n)))
                .collect();
            let more = if names.len() > 20 { ", …" } else { "" };
            format!("its columns are {}{more}", list.join(", "))
        }
    }
}

fn divide(
    spec: &Csv,
    keys: &DatasetKeys,
    seed: u64,
    target: &TargetColumn,
    rows: usize,
) -> Result<Split, DataError> {
    let labels = match target {
        TargetColumn::Classes(classes, names) => Some(Labels { classes, names }),
        TargetColumn::Values(_) => None,
    };
    let split = keys.split.or(&spec.defaults());
    Ok(Split::new(rows, &split, keys.limit, seed, labels)?)
}

/// Targets as the model is trained on them, the task, and the scale of a regression.
fn scale_target(
    standardize: bool,
    target: TargetColumn,
    train: &[u32],
) -> (RowTargets, Task, Option<Vec<(f64, f64)>>) {
    match target {
        TargetColumn::Classes(classes, names) => {
            (RowTargets::Classes(classes), Task::classes(names), None)
        }
        TargetColumn::Values(values) => {
            let scale = if standardize {
                let moments = Moments::of(train.iter().map(|&row| values[row as usize]));
                (moments.mean, moments.divisor())
            } else {
                (0.0, 1.0)
            };
            let scaled = values
                .iter()
                .map(|v| ((v - scale.0) / scale.1) as f32)
                .collect();
            let task = Task::Regression { targets: 1 };
            (
                RowTargets::Values(scaled),
                task,
                standardize.then(|| vec![scale]),
            )
        }
    }
}

/// Brings a column to mean 0 and standard deviation 1 on the training rows.
fn standardize(column: &mut Column, train: &[u32], notes: &mut Vec<String>) {
    let values = &column.values;
    let moments = Moments::of(train.iter().map(|&row| values[row as usize]));
    if moments.std == 0.0 {
        let name = shown(&column.name);
        notes.push(format!(
            "column `{name}` has one value in the training split and becomes 0"
        ));
    }
    let divisor = moments.divisor();
    column
        .values
        .iter_mut()
        .for_each(|v| *v = (*v - moments.mean) / divisor);
}

/// Columns side by side, row after row.
fn interleave(columns: &[Column], rows: usize) -> Vec<f32> {
    let mut features = Vec::with_capacity(rows * columns.len());
    for row in 0..rows {
        features.extend(columns.iter().map(|column| column.values[row] as f32));
    }
    features
}
