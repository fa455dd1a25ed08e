//! Many runs: one line each.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    Align, Cell, Field, Palette, Record, Table, absent::absent, differing::differing, duration,
    exact, number::moment, short,
};
use crate::{
    event::Metrics,
    run::Value,
    suggest::{did_you_mean, nearest_key},
};

/// Columns of the table for people; `differs` is there where runs of one name differ.
const COLUMNS: [&str; 8] = [
    "id", "name", "status", "epochs", "best", "lr", "time", "differs",
];
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
        Some(near) => did_you_mean(near),
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
    let known: BTreeSet<String> = records.iter().flat_map(Record::keys).collect();
    if records.is_empty() {
        return Ok(());
    }
    known_key(&known, key)
}

/// Refuses a key that is not `known`.
///
/// # Errors
/// With the key that was probably meant.
pub fn known_key(known: &BTreeSet<String>, key: &str) -> Result<(), UnknownKey> {
    if known.contains(key) {
        return Ok(());
    }
    let near = nearest_key(key, known.iter().map(String::as_str)).map(String::from);
    Err(UnknownKey {
        key: key.into(),
        near,
    })
}

/// The runs for people: a table of `columns`, or of the usual ones. Where that is wider than `fold`
/// characters, usual columns are left out and `differs` is cut short; then each cell gets its own
/// line.
#[must_use]
pub fn text(
    records: &[Record],
    columns: Option<&[String]>,
    fold: Option<usize>,
    palette: Palette,
) -> String {
    let differing = differing(records);
    let fits = |table: &Table| fold.is_none_or(|width| table.width() <= width);
    let whole = match columns {
        Some(keys) => {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            table(records, &keys, &differing)
        }
        None => table(records, &usual(&differing, &[]), &differing),
    };
    let mut narrow = (0..=LEAST.len()).map(|n| narrowed(records, &differing, &LEAST[..n], fold));
    match columns {
        _ if fits(&whole) => whole.render(palette),
        None => match narrow.find(|table| fits(table)) {
            Some(table) => table.render(palette),
            None => whole.stacked(palette),
        },
        Some(_) => whole.stacked(palette),
    }
}

/// Usual columns that a narrow terminal does without, the first ones first; an id begins with the
/// name.
const LEAST: [&str; 3] = ["name", "time", "epochs"];
/// Characters of `differs` at least.
const SHORTEST: usize = 10;

/// The usual table without some columns, and with as much of `differs` as fits.
fn narrowed(
    records: &[Record],
    differing: &[String],
    without: &[&str],
    fold: Option<usize>,
) -> Table {
    let with = [without, &["differs"]].concat();
    let rest = table(records, &usual(differing, &with), differing).width();
    let room = fold
        .unwrap_or(usize::MAX)
        .saturating_sub(rest + 2)
        .max(SHORTEST);
    let cut = |text: &String| match text.chars().count() > room {
        true => text.chars().take(room - 1).chain(['…']).collect(),
        false => text.clone(),
    };
    let short: Vec<String> = differing.iter().map(cut).collect();
    table(records, &usual(differing, without), &short)
}

/// The usual columns without some; `differs` only where it says something.
fn usual(differing: &[String], without: &[&str]) -> Vec<&'static str> {
    let says = |key: &str| key != "differs" || differing.iter().any(|text| !text.is_empty());
    let mut columns = COLUMNS.to_vec();
    columns.retain(|key| !without.contains(key) && says(key));
    columns
}

/// Returns the differing keys of each run, where a column shows them.
fn differing_in(records: &[Record], columns: &[&str]) -> Vec<String> {
    match columns.contains(&"differs") {
        true => differing(records),
        false => vec![String::new(); records.len()],
    }
}

fn table(records: &[Record], columns: &[&str], differing: &[String]) -> Table {
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
    for (record, differing) in records.iter().zip(differing) {
        table.row(columns.iter().map(|key| match *key {
            "differs" => Cell::from(differing.as_str()),
            key => cell(record, key),
        }));
    }
    table
}

fn cell(record: &Record, key: &str) -> Cell {
    match key {
        "status" => Cell::from(record.view.status.name()).ink((&record.view.status).into()),
        "epochs" => match record.number("train.epochs") {
            Some(whole) => format!("{}/{}", short(record.epoch()), short(whole)).into(),
            None => short(record.epoch()).into(),
        },
        "best" => match record.best() {
            Some(best) => format!("{} {}", best.metric, short(best.value)).into(),
            None => "".into(),
        },
        "created" => moment(&record.view.info.created).into(),
        "time" => duration(record.seconds()).into(),
        _ => joined(record, key, short).into(),
    }
}

fn joined(record: &Record, key: &str, number: fn(f64) -> String) -> String {
    let texts: Vec<String> = record
        .values(key)
        .into_iter()
        .map(|value| match value {
            Field::Number(value) => number(value),
            other => other.to_string(),
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
    let differing = differing_in(records, &columns);
    let lines = records.iter().zip(differing).map(|(record, differing)| {
        let cell = |key: &&str| match *key {
            "differs" => differing.clone(),
            key => joined(record, key, exact),
        };
        columns.iter().map(cell).collect()
    });
    std::iter::once(header).chain(lines).collect()
}

/// The runs as an array of objects: `columns`, or everything that is known without the log.
#[must_use]
pub fn objects(records: &[Record], columns: Option<&[String]>) -> serde_json::Value {
    let keys: Vec<&str> = columns.into_iter().flatten().map(String::as_str).collect();
    let differing = differing_in(records, &keys);
    let one = |(record, differing): (&Record, String)| match columns {
        Some(keys) => keys
            .iter()
            .map(|key| match key.as_str() {
                "differs" => (key.clone(), json!(differing)),
                _ => (key.clone(), value(record, key)),
            })
            .collect(),
        None => object(record),
    };
    records.iter().zip(differing).map(one).collect()
}

/// One run as an object.
#[must_use]
pub fn object(record: &Record) -> serde_json::Value {
    let info = &record.view.info;
    json!({
        "id": info.run,
        "name": info.name,
        "status": record.view.status,
        "path": std::path::absolute(&record.view.path).unwrap_or_else(|_| record.view.path.clone()),
        "created": info.created,
        "step": record.step(),
        "epoch": Value::Number(record.epoch()),
        "plan_hash": info.plan_hash,
        "tags": info.tags,
        "metrics": numbers(&record.metrics()),
        "best": record.best(),
        "absent": absent(record),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Filter, Palette, sample};

    fn three(folder: &std::path::Path) -> Vec<Record> {
        let mut running = sample::running(folder, 3);
        // How long it has been running is another thing each time.
        running.view.info.attempts.clear();
        vec![
            running,
            sample::completed(folder, 2),
            sample::completed(folder, 1),
        ]
    }

    fn ids(records: &[Record]) -> Vec<&str> {
        records
            .iter()
            .map(|record| &record.view.info.run[23..24])
            .collect()
    }

    fn columns(keys: &str) -> Vec<String> {
        keys.split(',').map(String::from).collect()
    }

    #[test]
    fn a_line_for_each_run() {
        let folder = tempfile::tempdir().unwrap();
        let records = three(folder.path());
        let shown = |keys: Option<&[String]>| text(&records, keys, None, Palette::PLAIN);
        insta::assert_snapshot!(shown(None), @"
        id                             name    status     epochs  best                 lr    time
        digits-20261122-094003-3f3a9c  digits  running    5.5/10                     0.03     0ms
        digits-20261122-094002-2f3a9c  digits  completed  10/10   val/accuracy 0.92  0.02  1m 03s
        digits-20261122-094001-1f3a9c  digits  completed  10/10   val/accuracy 0.91  0.01  1m 03s
        ");
        let keys =
            columns("name,tag,epoch,lr,val/accuracy,model.hidden,schedule.1.power,train.steps");
        insta::assert_snapshot!(shown(Some(&keys)), @"
        name    tag         epoch    lr  val/accuracy  model.hidden  schedule.1.power  train.steps
        digits  odd paper     5.5  0.03        0.9618  128 64                     0.9
        digits  even paper     10  0.02          0.91  128 64                     0.9
        digits  odd paper      10  0.01           0.9  128 64                     0.9
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_no_line_that_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let records = three(folder.path());
        for width in [60, 80, 120] {
            let shown = text(&records, None, Some(width), Palette::PLAIN);
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width), "{width}:\n{shown}");
            assert!(shown.contains("digits-20261122-094003-3f3a9c"), "{shown}");
            assert_eq!(shown.starts_with("id "), width >= 80, "{shown}");
        }
    }

    #[test]
    fn what_tells_runs_of_one_name_apart_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let mut records = three(folder.path());
        assert!(!text(&records, None, None, Palette::PLAIN).contains("differs"));
        let mut view = records[0].view.clone();
        view.plan = view
            .plan
            .replace("seed = 42", "seed = 7")
            .replace("power = 0.9", "power = 2");
        records[0] = Record::new(view);
        let keys = columns("lr,differs");
        insta::assert_snapshot!(text(&records, Some(&keys), None, Palette::PLAIN), @"
          lr  differs
        0.03  power 2, seed 7
        0.02  power 0.9, seed 42
        0.01  power 0.9, seed 42
        ");
        assert_eq!(rows(&records, Some(&keys))[1][1], "power 2, seed 7");
        records[1].view.info.name = "other".into();
        records[2].view.info.name = "another".into();
        assert_eq!(differing(&records), ["", "", ""]);
    }

    #[test]
    fn machines_get_numbers_in_full() {
        let folder = tempfile::tempdir().unwrap();
        let records = three(folder.path());
        let rows = rows(&records, Some(&columns("id,best,train/loss")));
        assert_eq!(rows[0], ["id", "best", "train/loss"]);
        assert_eq!(
            rows[1],
            ["digits-20261122-094003-3f3a9c", "", "0.08483128502285198"]
        );
        let objects = objects(
            &records[1..2],
            Some(&columns("step,model.hidden,train.steps")),
        );
        assert_eq!(
            objects.to_string(),
            r#"[{"step":200,"model.hidden":[128,64],"train.steps":null}]"#
        );
    }

    #[test]
    fn the_object_has_what_scripts_rely_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = sample::completed(folder.path(), 1);
        record.view.path = "/runs/digits-1".into();
        insta::assert_snapshot!(serde_json::to_string_pretty(&object(&record)).unwrap(), @r#"
        {
          "id": "digits-20261122-094001-1f3a9c",
          "name": "digits",
          "status": "completed",
          "path": "/runs/digits-1",
          "created": "2026-11-22T09:40:01Z",
          "step": 200,
          "epoch": 10.0,
          "plan_hash": "1b1946ac92492d23",
          "tags": [
            "odd",
            "paper"
          ],
          "metrics": {
            "train/loss": 0.0057,
            "val/accuracy": 0.9
          },
          "best": {
            "metric": "val/accuracy",
            "value": 0.91,
            "step": 180,
            "checkpoint": "checkpoints/step-0000000180"
          },
          "absent": {
            "data": "the run was made by an earlier version, which did not record it"
          }
        }
        "#);
    }

    #[test]
    fn filters_see_plan_metrics_and_tags() {
        let folder = tempfile::tempdir().unwrap();
        let records = three(folder.path());
        let held = |text: &str| {
            let filter = Filter::parse(text).unwrap();
            let held: Vec<Record> = records
                .iter()
                .filter(|r| filter.holds(&|key| r.values(key)))
                .cloned()
                .collect();
            ids(&held).join("")
        };
        assert_eq!(held("optimizer.lr > 0.01 and status = completed"), "2");
        assert_eq!(held("tag = odd"), "31");
        assert_eq!(held("val/accuracy >= 0.9 and val/accuracy < 0.905"), "1");
        assert_eq!(
            held("name = digits and schedule.0.type = warmup and model.hidden = 64"),
            "321"
        );
        assert_eq!(held("created > 2026-11-22T09:40:02"), "32");
    }

    #[test]
    fn a_key_that_no_run_has_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let records = three(folder.path());
        assert_eq!(require_key(&records, "lr"), Ok(()));
        assert_eq!(require_key(&[], "anything"), Ok(()));
        insta::assert_snapshot!(require_key(&records, "optimzer.lr").unwrap_err(), @"no run has the key `optimzer.lr`; hint: did you mean `optimizer.lr`?");
        insta::assert_snapshot!(require_key(&records, "colour").unwrap_err(), @"no run has the key `colour`; hint: keys are those of a plan (`optimizer.lr`), metrics (`val/accuracy`), and id, name, status, tag, created, step, epoch, time, best");
    }
}
