//! Oddities of a table that a reader should know: columns that look like something else, values
//! that look alike, rows in two splits.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

use super::{
    category::{Categories, Encoding},
    column::{Column, Findings},
    error::{column_key, file_name, ignore_hint, shown},
    table::Table,
};
use crate::{data::Split, error::KeyFault};

/// More categories than these deserve a warning.
const MANY_CATEGORIES: usize = 100;

/// The values for which a column is not a number.
pub(super) struct NotNumbers {
    /// The first row of each text.
    rows: Vec<usize>,
    numbers: usize,
    texts: usize,
}

impl NotNumbers {
    /// The texts among the values of a column; `None` where all are numbers.
    pub(super) fn of(table: &Table, rows: &[usize], index: usize) -> Option<Self> {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut numbers, mut texts) = (0, 0);
        for &row in rows {
            match table.present(row, index) {
                Some(text) if table.decimal.number(text).is_none() => {
                    first.entry(text).or_insert(row);
                    texts += 1;
                }
                Some(_) => numbers += 1,
                None => {}
            }
        }
        let mut rows: Vec<usize> = first.into_values().collect();
        rows.sort_unstable();
        (texts > 0).then_some(Self {
            rows,
            numbers,
            texts,
        })
    }

    /// A note, where most values are numbers and the column is a category all the same.
    pub(super) fn note(&self, table: &Table, index: usize) -> Option<String> {
        if self.numbers < self.texts {
            return self.other_decimal(table, index);
        }
        let places: Vec<String> = self
            .rows
            .iter()
            .map(|&row| {
                let text = shown(table.value(row, index));
                format!("`{text}` in {}", table.place_text(row))
            })
            .collect();
        let mut values = self.rows.iter().map(|&row| table.value(row, index));
        let remedy = values.find_map(|text| table.decimal.remedy(text));
        let hint = remedy.map_or(String::new(), |remedy| format!("; hint: {remedy}"));
        Some(format!(
            "column `{}` is read as a category because of {}{hint}",
            shown(&table.header[index]),
            first_of(&places)
        ))
    }
}

impl NotNumbers {
    /// A note, where every text is a number with the other decimal sign.
    fn other_decimal(&self, table: &Table, index: usize) -> Option<String> {
        let mut texts = self.rows.iter().map(|&row| table.value(row, index));
        let first = texts.next()?;
        let hint = table.decimal.other(first)?;
        texts
            .all(|text| table.decimal.other(text).is_some())
            .then(|| {
                format!(
                    "column `{}` is read as a category: its numbers, such as `{}`, have another \
                 decimal sign; hint: {hint}",
                    shown(&table.header[index]),
                    shown(first)
                )
            })
    }
}

/// Up to three of a list, and the number of the others.
pub(super) fn first_of(list: &[String]) -> String {
    let shown = list.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    match list.len() {
        0..=3 => shown,
        count => format!("{shown} and {} more", count - 3),
    }
}

/// Warns of a category that looks like an identifier, or has very many values.
pub(super) fn of_categories(
    column: &Column,
    categories: &Categories,
    rows: usize,
    findings: &mut Findings,
) {
    let (name, count) = (shown(&column.name), categories.len());
    if let Some(alike) = categories.alike() {
        findings.notes.push(format!("column `{name}`: {alike}"));
    }
    let like_identifier = count > 20 && count * 2 > rows;
    if !like_identifier && count <= MANY_CATEGORIES {
        return;
    }
    let features = match column.encoding {
        Encoding::OneHot => format!(", which become {count} features"),
        Encoding::Ordinal => String::new(),
    };
    let message = match like_identifier {
        true => format!(
            "column `{name}` has {count} different values in {rows} rows{features}; it looks like an identifier"
        ),
        false => format!("column `{name}` has {count} categories{features}"),
    };
    let warning = KeyFault::warning(column_key(&column.name, "type"), message);
    findings
        .warnings
        .push(warning.hint(ignore_hint(&column.name)));
}

/// Whole numbers below this are exact as 64-bit floats: 2⁵³.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Tells of a column of numbers that may be names: they count the rows, have leading zeros, or more
/// digits than a number keeps.
pub(super) fn of_numbers(
    table: &Table,
    rows: &[usize],
    index: usize,
    column: &Column,
    findings: &mut Findings,
) {
    let (name, key) = (shown(&column.name), column_key(&column.name, "type"));
    let counts = column
        .values
        .windows(2)
        .all(|pair| pair[1] == pair[0] + 1.0);
    let lower = column.name.to_lowercase();
    let like_identifier = lower.ends_with("id") || lower.contains("index");
    if column.values.len() > 20 && counts && like_identifier {
        let message = format!("column `{name}` counts the rows; it looks like an identifier");
        let warning = KeyFault::warning(&key, message);
        findings
            .warnings
            .push(warning.hint(ignore_hint(&column.name)));
    }
    if let Some(at) = column.values.iter().position(|value| value.abs() >= EXACT) {
        let row = rows[at];
        let message = format!(
            "column `{name}` is a number, and `{}` in {} has more digits than a number keeps",
            shown(table.value(row, index)),
            table.place_text(row)
        );
        let hint = format!("{key} = \"category\" or \"ignore\" where it is a name");
        findings
            .warnings
            .push(KeyFault::warning(&key, message).hint(hint));
    }
    let is_padded = |text: &str| {
        text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let padded = rows.iter().find(|&&row| is_padded(table.value(row, index)));
    if let Some(&row) = padded {
        findings.notes.push(format!(
            "column `{name}` is a number, and `{}` in {} has leading zeros; hint: {key} = \"category\" where it is a name",
            shown(table.value(row, index)),
            table.place_text(row)
        ));
    }
}

/// A note of values in the files of other splits that are no category of the training file.
pub(super) fn unknown(table: &Table, index: usize, rows: &[usize]) -> Option<String> {
    let places: Vec<String> = rows
        .iter()
        .map(|&row| {
            let text = shown(table.value(row, index));
            format!("`{text}` in {}", table.place_text(row))
        })
        .collect();
    (!places.is_empty()).then(|| {
        format!(
            "column `{}`: not in `{}`, and all zeros elsewhere: {}",
            shown(&table.header[index]),
            file_name(table.path()),
            first_of(&places)
        )
    })
}

/// Tells of evaluation rows that are also in the training split, features and target alike.
pub(super) fn of_splits(
    table: &Table,
    rows: &[usize],
    columns: &[usize],
    split: &Split,
    findings: &mut Findings,
) {
    let digest = |&row: &u32| {
        let mut hasher = DefaultHasher::new();
        for &column in columns {
            table.value(rows[row as usize], column).hash(&mut hasher);
        }
        hasher.finish()
    };
    let train: HashSet<u64> = split.train.iter().map(digest).collect();
    let parts = [
        (&split.val, "validation", "val_path"),
        (&split.test, "test", "test_path"),
    ];
    for (part, name, key) in parts {
        let copies = part
            .iter()
            .filter(|&row| train.contains(&digest(row)))
            .count();
        // A few equal rows are usual in a table of few different values.
        if part.len() < 10 || copies * 10 < part.len() {
            continue;
        }
        let message = format!(
            "the training split also has {copies} of the {} {name} rows, so the {name} metrics say little about new data",
            part.len()
        );
        match table.rows_of(key) {
            Some(_) => findings.warnings.push(KeyFault::warning(key, message)),
            None => findings.notes.push(message),
        }
    }
}

/// The rows used of one file, as places among all that are used.
pub(super) fn used(rows: &[usize], file: &Range<usize>) -> Range<u32> {
    let place = |row: usize| rows.partition_point(|&used| used < row) as u32;
    place(file.start)..place(file.end)
}
