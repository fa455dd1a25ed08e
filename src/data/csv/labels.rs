//! A column of labels: any of several in each row.

use std::collections::BTreeSet;

use super::{
    Csv,
    column::{Findings, Known, cells},
    error::{CellError, CsvError, file_name, shown},
    oddities::first_of,
    table::Table,
    target::TargetColumn,
};
use crate::units::counted;

/// The text between the labels of a row where the config does not set it.
const SEPARATOR: &str = "|";

/// Reads column `index` at `rows`; the labels are those of the training file, sorted.
pub(super) fn read(
    table: &Table,
    rows: Known<'_>,
    index: usize,
    spec: &Csv,
    findings: &mut Findings,
) -> Result<TargetColumn, CsvError> {
    let separator = spec.label_separator.as_deref().unwrap_or(SEPARATOR);
    let of = |row: usize| labels(table, row, index, separator);
    let known: BTreeSet<&str> = rows
        .training_file()
        .iter()
        .flat_map(|&row| of(row))
        .collect();
    let names: Vec<&str> = known.into_iter().collect();
    if names.len() < 2 {
        return Err(CsvError::FewLabels {
            path: table.path().into(),
            column: table.header[index].clone(),
            found: names.len(),
            separator: separator.into(),
        });
    }
    let unknown = |row: usize| {
        of(row)
            .into_iter()
            .find(|label| names.binary_search(label).is_err())
    };
    let rows_with_unknown = rows
        .all
        .iter()
        .copied()
        .filter(|row| unknown(*row).is_some());
    let error = |row| CellError::UnknownLabel {
        value: unknown(row).unwrap_or_default().into(),
        train: file_name(table.path()),
        labels: first_of(
            &names
                .iter()
                .map(|name| format!("`{}`", shown(name)))
                .collect::<Vec<_>>(),
        ),
    };
    let rows_with_unknown: Vec<usize> = rows_with_unknown.collect();
    if let Some(fault) = cells(table, &rows_with_unknown, index, "target", error) {
        return Err(fault);
    }
    let mut values = vec![0.0; rows.all.len() * names.len()];
    let mut without = 0;
    for (row, values) in rows.all.iter().zip(values.chunks_exact_mut(names.len())) {
        let own = of(*row);
        without += usize::from(own.is_empty());
        for label in own {
            if let Ok(place) = names.binary_search(&label) {
                values[place] = 1.0;
            }
        }
    }
    if without > 0 {
        let rows = counted(without as u64, "row");
        let name = shown(&table.header[index]);
        findings
            .notes
            .push(format!("column `{name}`: {rows} without a label"));
    }
    let names = names.into_iter().map(String::from).collect();
    Ok(TargetColumn::Labels(values, names))
}

/// The labels of a row, without spaces around them; none where the value is missing.
fn labels<'a>(table: &'a Table, row: usize, index: usize, separator: &str) -> Vec<&'a str> {
    let text = table.present(row, index).unwrap_or_default();
    let labels = text.split(separator).map(str::trim);
    labels.filter(|label| !label.is_empty()).collect()
}
