//! The numbers of runs as columns: one a key, one row a recorded step or epoch.

use std::collections::{BTreeMap, BTreeSet};

use super::{Record, absent::why_absent};
use crate::{
    run::{RunView, Value},
    suggest::{did_you_mean, nearest_key},
};

/// What one row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A recorded step: the logged updates and the evaluations, joined by step.
    Step,
    /// An epoch.
    Epoch,
}

/// Columns of one run or several.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The columns after `run`, `step` and `epoch`.
    pub keys: Vec<String>,
    /// The rows, run by run, in order of steps.
    pub points: Vec<Point>,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The run's id.
    pub run: String,
    /// Updates done.
    pub step: u64,
    /// By epoch its number (from 1), by step epochs done as a fraction.
    pub epoch: f64,
    /// One value a key, where it was recorded.
    pub values: Vec<Option<Value>>,
}

/// A key that was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// It is recorded, but not there.
    #[error("`{key}` is not recorded by {}; hint: use --by {}", name(*by), name(other(*by)))]
    OtherRows {
        /// The key.
        key: String,
        /// What was asked for.
        by: By,
    },
    /// The run could not have it.
    #[error("no value `{key}` was recorded: {why}")]
    Absent {
        /// The key.
        key: String,
        /// The reason.
        why: String,
    },
    /// It is recorded nowhere.
    #[error("no value `{key}` was recorded; hint: {}", suggestion(near, known))]
    Unknown {
        /// The key.
        key: String,
        /// The most similar one.
        near: Option<String>,
        /// All that were recorded.
        known: Vec<String>,
    },
}

impl SeriesError {
    /// The same error with the reason why the runs have no such value, where that is known.
    #[must_use]
    pub fn explained(self, runs: &[RunView]) -> Self {
        let Self::Unknown { key, near, .. } = &self else {
            return self;
        };
        let split = |key: &str| key.split('/').next().map(String::from);
        if near.as_ref().is_some_and(|near| split(near) == split(key)) {
            return self;
        }
        let why = runs
            .first()
            .and_then(|run| why_absent(&Record::new(run.clone()), key));
        match why {
            Some(why) => Self::Absent {
                key: key.clone(),
                why,
            },
            None => self,
        }
    }
}

fn name(by: By) -> &'static str {
    match by {
        By::Step => "step",
        By::Epoch => "epoch",
    }
}

fn other(by: By) -> By {
    match by {
        By::Step => By::Epoch,
        By::Epoch => By::Step,
    }
}

fn suggestion(near: &Option<String>, known: &[String]) -> String {
    match near {
        Some(near) => did_you_mean(near),
        None if known.is_empty() => "the log holds no numbers".into(),
        None => format!("there are {}", known.join(", ")),
    }
}

impl Series {
    /// The values of `runs` for `keys`, or for every numeric key where there are none. Without `by`
    /// the rows are epochs if all keys are recorded by epoch, and steps otherwise.
    ///
    /// # Errors
    /// Where a key was not recorded.
    pub fn new(runs: &[RunView], keys: &[String], by: Option<By>) -> Result<Self, SeriesError> {
        let known = |by| known(runs, by);
        let has_all = |by| {
            keys.iter()
                .all(|key| is_place(key) || known(by).contains_key(key))
        };
        let by = by.unwrap_or(
            match known(By::Epoch).is_empty() || (!has_all(By::Epoch) && has_all(By::Step)) {
                true => By::Step,
                false => By::Epoch,
            },
        );
        let here = known(by);
        let mut wanted: Vec<String> = keys.iter().filter(|key| !is_place(key)).cloned().collect();
        if keys.is_empty() {
            wanted = here
                .iter()
                .filter(|(_, numeric)| **numeric)
                .map(|(key, _)| key.clone())
                .collect();
        }
        for key in &wanted {
            if !here.contains_key(key) {
                return Err(unknown(key, by, &here, &known(other(by))));
            }
        }
        let points = runs
            .iter()
            .flat_map(|run| points(run, &wanted, by))
            .collect();
        Ok(Self {
            keys: wanted,
            points,
        })
    }
}

/// Columns that are always there.
fn is_place(key: &str) -> bool {
    matches!(key, "run" | "step" | "epoch")
}

fn unknown(
    key: &str,
    by: By,
    here: &BTreeMap<String, bool>,
    there: &BTreeMap<String, bool>,
) -> SeriesError {
    if there.contains_key(key) {
        return SeriesError::OtherRows {
            key: key.into(),
            by,
        };
    }
    let known: BTreeSet<&str> = here
        .keys()
        .chain(there.keys())
        .map(String::as_str)
        .collect();
    SeriesError::Unknown {
        key: key.into(),
        near: nearest_key(key, known.iter().copied()).map(String::from),
        known: known.into_iter().map(String::from).collect(),
    }
}

fn belongs(kind: &str, by: By) -> bool {
    match by {
        By::Step => matches!(kind, "step" | "eval"),
        By::Epoch => kind == "epoch",
    }
}

/// The recorded keys, and whether they hold numbers.
fn known(runs: &[RunView], by: By) -> BTreeMap<String, bool> {
    let mut known = BTreeMap::new();
    for row in runs
        .iter()
        .flat_map(|run| &run.rows)
        .filter(|row| belongs(&row.kind, by))
    {
        for (key, value) in &row.values {
            let numeric = matches!(value, Value::Number(_));
            if known.get(key) != Some(&true) {
                known.insert(key.clone(), numeric);
            }
        }
    }
    known
}

/// The rows of one run that hold one of the keys at least; rows of one step become one.
fn points(run: &RunView, keys: &[String], by: By) -> Vec<Point> {
    let mut points: BTreeMap<u64, Point> = BTreeMap::new();
    for row in run.rows.iter().filter(|row| belongs(&row.kind, by)) {
        let values: Vec<Option<Value>> = keys
            .iter()
            .map(|key| row.values.get(key).cloned())
            .collect();
        if !keys.is_empty() && values.iter().all(Option::is_none) {
            continue;
        }
        let point = points.entry(row.step).or_insert_with(|| Point {
            run: run.info.run.clone(),
            step: row.step,
            epoch: row.epoch,
            values: vec![None; keys.len()],
        });
        for (place, value) in point.values.iter_mut().zip(values) {
            *place = value.or(place.take());
        }
    }
    points.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn series(keys: &[&str], by: Option<By>) -> Result<Series, SeriesError> {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let runs = [
            sample::running(folder.path(), 1).view,
            sample::completed(folder.path(), 2).view,
        ];
        Series::new(&runs, &keys, by)
    }

    fn places(series: &Series) -> Vec<(u64, f64)> {
        series
            .points
            .iter()
            .map(|point| (point.step, point.epoch))
            .take(3)
            .collect()
    }

    #[test]
    fn epochs_are_the_usual_rows() {
        let series = series(&["lr", "val/loss"], None).unwrap();
        assert_eq!(places(&series), [(20, 1.0), (40, 2.0), (60, 3.0)]);
        assert_eq!(series.points.len(), 5 + 10);
        assert!(
            series
                .points
                .iter()
                .all(|point| point.values.iter().all(Option::is_some))
        );
        assert_ne!(series.points[0].run, series.points[14].run);
    }

    #[test]
    fn steps_join_updates_and_evaluations() {
        let series = series(&["grad_norm", "val/loss"], Some(By::Step)).unwrap();
        assert_eq!(places(&series), [(10, 0.5), (20, 1.0), (30, 1.5)]);
        assert_eq!(series.points[0].values[1], None);
        assert!(series.points[1].values.iter().all(Option::is_some));
        assert_eq!(series.points.len(), 11 + 20);
    }

    #[test]
    fn a_key_of_steps_makes_rows_of_steps() {
        assert_eq!(places(&series(&["grad_norm"], None).unwrap())[0].0, 10);
        assert_eq!(series(&["step", "lr"], None).unwrap().keys, ["lr"]);
    }

    #[test]
    fn without_keys_every_number_is_there_and_no_hash() {
        assert_eq!(
            series(&[], None).unwrap().keys,
            ["lr", "train/loss", "val/accuracy", "val/loss"]
        );
        assert_eq!(
            series(&["state_hash"], None).unwrap().points[0].values,
            [Some("abc".into())]
        );
    }

    #[test]
    fn unknown_keys_get_a_suggestion() {
        insta::assert_snapshot!(series(&["val/los"], None).unwrap_err(), @"no value `val/los` was recorded; hint: did you mean `val/loss`?");
        insta::assert_snapshot!(series(&["colour"], None).unwrap_err(), @"no value `colour` was recorded; hint: there are grad_norm, lr, state_hash, train/loss, val/accuracy, val/loss");
        insta::assert_snapshot!(series(&["grad_norm"], Some(By::Epoch)).unwrap_err(), @"`grad_norm` is not recorded by epoch; hint: use --by step");
    }
}
