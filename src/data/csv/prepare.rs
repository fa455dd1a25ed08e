//! From a table of text to rows of numbers: columns, split, missing values, scale, in this order.

use std::sync::Arc;

use super::{
    Csv, Form,
    column::{Column, ColumnKind, Findings, Known},
    error::{CsvError, column_key, header_hint, shown},
    oddities::{self, used},
    rows::{Features, Places, RowTargets, Rows},
    sheet::are_values,
    table::Table,
    target::{TargetColumn, TaskKind},
};
use crate::{
    data::{
        ClassCounts, Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, Labels, Moments,
        Share, Split,
    },
    field::Field,
    suggest::{did_you_mean, nearest},
    task::Task,
    units::counted,
};

/// Reads the table and makes it ready, in the form that loss and model ask for.
pub(super) fn load(
    spec: &Csv,
    keys: &DatasetKeys,
    seed: u64,
    form: Form,
) -> Result<Data, DataError> {
    own_files(spec, keys)?;
    let mut table = Table::read(spec)?;
    let mut findings = Findings {
        notes: std::mem::take(&mut table.notes),
        ..Findings::default()
    };
    let (features, target) = choose(spec, &table, &mut findings)?;
    // A row without any label is a row like the others.
    let needed: &[usize] = match spec.task {
        TaskKind::MultiLabel => &[],
        _ => &[target],
    };
    let rows = spec
        .missing
        .rows(&table, &features, needed, &mut findings.notes)?;
    let first = table.rows_of("path").unwrap_or_default();
    let known = Known {
        all: &rows,
        first: used(&rows, &first).len(),
    };
    let used_columns = [features.as_slice(), &[target]].concat();
    let read = read_columns(spec, (&table, known), &features, target, &mut findings)?;
    let (mut columns, target) = read;
    let split = divide(spec, keys, seed, &target, (&table, known))?;
    let constant = target.constant(&spec.target, &split.train);
    findings.notes.extend(constant);
    for column in &mut columns {
        spec.missing
            .fill(&table, column, &split.train, &mut findings.notes)?;
        column.forget_untrained(&split.train, form.categories, &mut findings);
    }
    oddities::of_splits(&table, &rows, &used_columns, &split, &mut findings);
    let (targets, task, target_scale) =
        scale_target(spec.standardize && !form.unscaled, target, &split.train);
    for column in &mut columns {
        scale(spec.standardize, column, &split.train, &mut findings.notes);
    }
    let data = assemble(
        &columns,
        targets,
        Places::of(&table, &rows),
        task,
        split,
        (findings, table.fingerprint, form.categories),
    );
    Ok(Data {
        target_scale,
        ..data
    })
}

/// The features and the target as numbers; the faults of all columns at once.
fn read_columns(
    spec: &Csv,
    (table, known): (&Table, Known<'_>),
    features: &[usize],
    target: usize,
    findings: &mut Findings,
) -> Result<(Vec<Column>, TargetColumn), DataError> {
    let mut errors: Vec<DataError> = Vec::new();
    let mut note = |error: CsvError| errors.push(error.into());
    let target = TargetColumn::read(table, known, target, spec, findings).map_err(&mut note);
    let mut columns = Vec::new();
    for &index in features {
        let column = Column::read(table, known, index, spec, findings).map_err(&mut note);
        columns.extend(column.ok());
    }
    match (DataError::several(errors), target) {
        (None, Ok(target)) => Ok((columns, target)),
        (Some(error), _) => Err(error),
        (None, Err(())) => Err(DataError::Custom("a column cannot be read".into())),
    }
}

/// The samples of every split.
fn assemble(
    columns: &[Column],
    targets: RowTargets,
    places: Places,
    task: Task,
    split: Split,
    (findings, fingerprint, embedded): (Findings, String, bool),
) -> Data {
    let features = |column: &Column| match column.one_hot() {
        Some(count) if embedded => Features::Category(count),
        Some(count) => Features::OneHot(count),
        None => Features::Number,
    };
    let features: Vec<Features> = columns.iter().map(features).collect();
    let facts = Facts {
        fields: fields(&features),
        task,
        train: 0,
        val: 0,
        test: 0,
        counts: ClassCounts::default(),
        notes: some(findings.notes),
        warnings: findings.warnings,
    };
    let whole: Arc<dyn Dataset> = Arc::new(Rows {
        cells: interleave(columns),
        columns: features,
        targets,
        places,
    });
    Data::new(facts, &whole, split, fingerprint)
}

/// The numbers of a row, and its categories where they are a field of their own. Each category has
/// an id, and so has every value that is none of them.
fn fields(features: &[Features]) -> Vec<Field> {
    let width = features.iter().map(|features| features.width()).sum();
    let size = |features: &Features| match features {
        Features::Category(count) => Some(count + 1),
        Features::Number | Features::OneHot(_) => None,
    };
    let sizes: Vec<usize> = features.iter().filter_map(size).collect();
    let numbers = (width > 0).then(|| Field::numbers("numbers", &[width]));
    let categories = (!sizes.is_empty()).then(|| Field::categories("categories", sizes));
    numbers.into_iter().chain(categories).collect()
}

/// Notes that are told of one table; the others are counted.
const MOST_NOTES: usize = 40;

fn some(mut notes: Vec<String>) -> Vec<String> {
    let more = notes.len().saturating_sub(MOST_NOTES);
    if more > 0 {
        notes.truncate(MOST_NOTES);
        notes.push(format!("and {}", counted(more as u64, "more note")));
    }
    notes
}

/// A fault where a split has its own file and also a share of the training file.
fn own_files(spec: &Csv, keys: &DatasetKeys) -> Result<(), CsvError> {
    let none = |share: Option<Share>| share.is_none_or(|share| share.of(usize::MAX) == 0);
    let own = [
        (&spec.val_path, keys.split.val, "val", "split.val"),
        (&spec.test_path, keys.split.test, "test", "split.test"),
    ];
    for (path, share, split, key) in own {
        if path.is_some() && !none(share) {
            return Err(CsvError::OwnFile { split, key });
        }
    }
    Ok(())
}

/// The features' and the target's places in the table.
fn choose(
    spec: &Csv,
    table: &Table,
    findings: &mut Findings,
) -> Result<(Vec<usize>, usize), DataError> {
    let place = |name: &str| table.header.iter().position(|column| column == name);
    let unknown = |key: String, name: &str| {
        DataError::from(CsvError::UnknownColumn {
            path: table.path().into(),
            key,
            name: shown(name),
            hint: header_hint(
                spec.header && are_values(&table.header, table.decimal),
                &column_hint(name, &table.header),
            ),
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
    let ignored = |name: &String| spec.kind_of(name) == Some(ColumnKind::Ignore);
    let mut features: Vec<usize> = (0..table.header.len())
        .filter(|&index| Some(index) != target && !ignored(&table.header[index]))
        .collect();
    features.retain(|&index| !is_nothing(table, index, findings));
    if let Some(&index) = features
        .iter()
        .find(|&&index| table.header[index].is_empty())
    {
        let (path, column) = (table.path().into(), index + 1);
        errors.push(CsvError::Unnamed { path, column }.into());
    }
    if let (Some(_), true) = (target, features.is_empty()) {
        let (path, target) = (table.path().into(), spec.target.clone());
        errors.push(CsvError::NoFeatures { path, target }.into());
    }
    match (DataError::several(errors), target) {
        (None, Some(target)) => Ok((features, target)),
        (Some(error), _) => Err(error),
        (None, None) => Err(unknown("target".into(), &spec.target)),
    }
}

/// Whether a column has neither a name nor values, as separators at the ends of lines make it.
fn is_nothing(table: &Table, index: usize, findings: &mut Findings) -> bool {
    let nothing = table.header[index].is_empty()
        && (0..table.rows()).all(|row| table.value(row, index).is_empty());
    if nothing {
        findings.notes.push(format!(
            "column {} has neither a name nor values and is left out",
            index + 1
        ));
    }
    nothing
}

/// The nearest of `names`, or all of them where none is near.
pub(super) fn column_hint(name: &str, names: &[String]) -> String {
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => did_you_mean(shown(near)),
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

/// The split of the training file's rows; then come those of files of their own.
fn divide(
    spec: &Csv,
    keys: &DatasetKeys,
    seed: u64,
    target: &TargetColumn,
    (table, rows): (&Table, Known<'_>),
) -> Result<Split, DataError> {
    let labels = match target {
        TargetColumn::Classes(classes, names) => Some(Labels {
            classes: &classes[..rows.first],
            names,
        }),
        TargetColumn::Labels(..) | TargetColumn::Values(_) => None,
    };
    let split = keys.split.or(&spec.defaults());
    let mut split = Split::new(rows.first, &split, keys.limit, seed, labels)?;
    let own = |key| table.rows_of(key).map(|file| used(rows.all, &file));
    split.val.extend(own("val_path").into_iter().flatten());
    split.test.extend(own("test_path").into_iter().flatten());
    Ok(split)
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
        TargetColumn::Labels(values, names) => {
            let targets = RowTargets::Values(values, names.len());
            (targets, Task::MultiLabel { names }, None)
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
                RowTargets::Values(scaled, 1),
                task,
                standardize.then(|| vec![scale]),
            )
        }
    }
}

/// Brings a column to mean 0 and standard deviation 1 on the training rows, where it is asked for;
/// a note where it is constant there.
fn scale(standardize: bool, column: &mut Column, train: &[u32], notes: &mut Vec<String>) {
    let values = &column.values;
    let moments = Moments::of(train.iter().map(|&row| values[row as usize]));
    if moments.std == 0.0 {
        let becomes = match standardize && column.one_hot().is_none() {
            true => " and becomes 0",
            false => ", so nothing is learned from it",
        };
        notes.push(format!(
            "column `{}` has one value in the training split{becomes}",
            shown(&column.name)
        ));
    }
    if standardize {
        column.standardize(&moments);
    }
}

/// Columns side by side, row after row.
fn interleave(columns: &[Column]) -> Vec<f32> {
    let rows = columns.first().map_or(0, |column| column.values.len());
    let mut cells = Vec::with_capacity(rows * columns.len());
    for row in 0..rows {
        cells.extend(columns.iter().map(|column| column.values[row] as f32));
    }
    cells
}
