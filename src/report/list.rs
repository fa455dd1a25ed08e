//! Many runs: one line each.

use std::cmp::Ordering;

use serde_json::json;

use super::{Align, Cell, Ink, Record, Table, duration, exact, near::near, short};
use crate::{event::Metrics, run::Value};

/// Columns of the table for people.
const COLUMNS: [&str; 7] = ["id", "name", "status", "epochs", "best", "lr", "time"];
/// Columns of the file for machines.
const FIELDS: [&str; 12] = [
    "id",
    "name",
    "status",
    "created",
    "step",
    "epoch",
    "best_metric",
    "best",
    "lr",
    "time",
    "plan_hash",
    "path",
];

/// A key that no run has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no run has the key `{key}`; hint: {}", suggestion(near))]
pub struct UnknownKey {
    key: String,
    near: Option<String>,
}

fn suggestion(near: &Option<String>) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "keys are those of a plan (`optimizer.lr`), metrics (`val/accuracy`), and id, name, status, tag, \
                 created, step, epoch, time, best"
            .into(),
    }
}

/// Refuses a key that none of the runs has, so that a typing error is not taken for an answer.
///
/// # Errors
/// Where there are runs and none has the key.
pub fn require_key(records: &[Record], key: &str) -> Result<(), UnknownKey> {
    let known: std::collections::BTreeSet<String> = records.iter().flat_map(Record::keys).collect();
    if records.is_empty() || known.contains(key) {
        return Ok(());
    }
    let near = near(key, known.iter().map(String::as_str)).map(String::from);
    Err(UnknownKey {
        key: key.into(),
        near,
    })
}

/// Sorts by a key, smallest first, or with a leading `-` largest first. Numbers come before texts;
/// NaN and runs without the key come last either way; equals keep their order.
pub fn sort(records: &mut [Record], key: &str) {
    let (key, descending) = sort_key(key);
    records.sort_by_cached_key(|record| SortKey {
        value: record.values(key).into_iter().next(),
        descending,
    });
}

/// The key of `--sort` and whether it wants the largest first.
#[must_use]
pub fn sort_key(key: &str) -> (&str, bool) {
    key.strip_prefix('-')
        .map_or((key, false), |key| (key, true))
}

struct SortKey {
    value: Option<Value>,
    descending: bool,
}

impl SortKey {
    fn class(&self) -> u8 {
        match &self.value {
            Some(Value::Number(number)) if !number.is_nan() => 0,
            Some(Value::Text(_)) => 1,
            Some(Value::Number(_)) => 2,
            None => 3,
        }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_value = match (&self.value, &other.value) {
            (Some(Value::Number(a)), Some(Value::Number(b))) => {
                a.partial_cmp(b).unwrap_or(Ordering::Equal)
            }
            (Some(Value::Text(a)), Some(Value::Text(b))) => a.cmp(b),
            _ => Ordering::Equal,
        };
        let by_value = if self.descending {
            by_value.reverse()
        } else {
            by_value
        };
        self.class().cmp(&other.class()).then(by_value)
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SortKey {}

/// The runs as a table for people: `columns`, or the usual ones.
#[must_use]
pub fn table(records: &[Record], columns: Option<&[String]>) -> Table {
    let columns: Vec<&str> = columns.map_or(COLUMNS.to_vec(), |keys| {
        keys.iter().map(String::as_str).collect()
    });
    let numeric = |key: &str| {
        key != "best" && key != "epochs" && records.iter().any(|r| r.number(key).is_some())
    };
    let align = |key: &str| {
        if numeric(key) {
            Align::Right
        } else {
            Align::Left
        }
    };
    let mut table = Table::new(columns.iter().map(|key| (*key, align(key))));
    for record in records {
        table.row(columns.iter().map(|key| cell(record, key)));
    }
    table
}

fn cell(record: &Record, key: &str) -> Cell {
    match key {
        "status" => {
            Cell::from(record.view.status.as_str()).ink(Ink::of_status(&record.view.status))
        }
        "epochs" => match record.number("train.epochs") {
            Some(whole) => format!("{}/{}", short(record.epoch()), short(whole)).into(),
            None => short(record.epoch()).into(),
        },
        "best" => match record.best() {
            Some(best) => format!("{} {}", best.metric, short(best.value)).into(),
            None => "".into(),
        },
        "time" => duration(record.seconds()).into(),
        _ => joined(record, key, short).into(),
    }
}

fn joined(record: &Record, key: &str, number: fn(f64) -> String) -> String {
    let texts: Vec<String> = record
        .values(key)
        .into_iter()
        .map(|value| match value {
            Value::Number(value) => number(value),
            Value::Text(text) => text,
        })
        .collect();
    texts.join(" ")
}

/// The runs as rows of texts, a header first: numbers in full.
#[must_use]
pub fn rows(records: &[Record], columns: Option<&[String]>) -> Vec<Vec<String>> {
    let columns: Vec<&str> = columns.map_or(FIELDS.to_vec(), |keys| {
        keys.iter().map(String::as_str).collect()
    });
    let header = columns.iter().map(ToString::to_string).collect();
    let lines = records.iter().map(|record| {
        columns
            .iter()
            .map(|key| joined(record, key, exact))
            .collect()
    });
    std::iter::once(header).chain(lines).collect()
}

/// The runs as an array of objects: `columns`, or everything that is known without the log.
#[must_use]
pub fn objects(records: &[Record], columns: Option<&[String]>) -> serde_json::Value {
    records
        .iter()
        .map(|record| match columns {
            Some(keys) => keys
                .iter()
                .map(|key| (key.clone(), value(record, key)))
                .collect(),
            None => object(record),
        })
        .collect()
}

/// One run as an object.
#[must_use]
pub fn object(record: &Record) -> serde_json::Value {
    let info = &record.view.info;
    json!({
        "id": info.run,
        "name": info.name,
        "status": record.view.status,
        "path": record.view.path,
        "created": info.created,
        "step": record.step(),
        "epoch": Value::Number(record.epoch()),
        "plan_hash": info.plan_hash,
        "tags": info.tags,
        "metrics": numbers(&record.metrics()),
        "best": record.best(),
    })
}

/// Numbers by name; those that are not finite become strings.
pub(super) fn numbers(values: &Metrics) -> serde_json::Map<String, serde_json::Value> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), json!(Value::Number(*value))))
        .collect()
}

/// Null where the run has no such key, an array where there are several values.
fn value(record: &Record, key: &str) -> serde_json::Value {
    match record.values(key).as_slice() {
        [] => serde_json::Value::Null,
        [only] => json!(only),
        many => json!(many),
    }
}
