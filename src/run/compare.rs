//! Whether two runs did the same, bit for bit: what `trainer reproduce` asks.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, RunView, Value};
use crate::event::key;

/// What came of comparing two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Rows that were found equal before the first difference.
    pub rows: usize,
    /// The first difference, by step; none where the runs did the same.
    pub difference: Option<Difference>,
}

/// Where two runs differ first.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The step.
    pub step: u64,
    /// The kind of the row, or `summary`.
    pub kind: String,
    /// The key that differs; `row` where one of the runs has no such row.
    pub key: String,
    /// The first run's value; none where it has none.
    pub first: Option<Value>,
    /// The second run's value; none where it has none.
    pub second: Option<Value>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown =
            |value: &Option<Value>| value.as_ref().map_or("nothing".into(), Value::to_string);
        let Self {
            step,
            kind,
            key,
            first,
            second,
        } = self;
        write!(
            f,
            "step {step}, {kind} `{key}`: `{}` and `{}`",
            shown(first),
            shown(second)
        )
    }
}

/// Keys that tell of time and not of what was computed.
pub(crate) const TIMES: [&str; 5] = [
    key::SAMPLES_PER_S,
    key::WALL_S,
    key::ELAPSED_S,
    key::STEP_TIME_MS,
    key::DATA_TIME_MS,
];

/// Kinds of rows that the plan determines. Checkpoints may come by the clock, and warnings tell of
/// what happened to this process; where both runs have a checkpoint of a step, its state is compared.
const KINDS: [&str; 3] = ["step", "epoch", "eval"];

/// Compares the logs, and the final metrics and state where both runs have a summary. Numbers are
/// equal if their bits are; times are not compared.
///
/// Of a first run that did not come to its end, what it did is compared with the beginning of the
/// second.
#[must_use]
pub fn compare(first: &RunView, second: &RunView) -> Comparison {
    if !first.status.is_complete() {
        return compare_beginning(&first.rows, &second.rows);
    }
    let mut comparison = compare_rows(&first.rows, &second.rows);
    if comparison.difference.is_none()
        && let (Some(a), Some(b)) = (&first.summary, &second.summary)
    {
        let step = a.step.min(b.step);
        let values = |summary: &super::Summary| {
            let mut values: BTreeMap<String, Value> = summary
                .metrics
                .iter()
                .map(|(key, value)| (key.clone(), Value::Number(*value)))
                .collect();
            values.insert("step".into(), Value::Number(summary.step as f64));
            values.insert(key::STATE_HASH.into(), summary.state_hash.as_str().into());
            values
        };
        comparison.difference = differing(step, "summary", &values(a), &values(b));
    }
    comparison
}

/// Compares a log that breaks off with the beginning of another. The state that it breaks off with
/// is left out: a signal may come in the middle of what is due after an update.
fn compare_beginning(first: &[Row], second: &[Row]) -> Comparison {
    let end = first.last().map_or(0, |row| row.step);
    let is_before = |row: &&Row| row.kind != "checkpoint" || row.step < end;
    let first: Vec<Row> = first.iter().filter(is_before).cloned().collect();
    let mut left = first.iter().filter(is_determined).count();
    let mut second = second.to_vec();
    second.retain(|row| {
        let counts = is_determined(&row);
        let stays = !counts || left > 0;
        left -= usize::from(counts && stays);
        stays
    });
    compare_rows(&first, &second)
}

/// Returns whether the plan determines a row.
fn is_determined(row: &&Row) -> bool {
    KINDS.contains(&row.kind.as_str())
}

/// Compares two logs; see [`compare`].
#[must_use]
pub fn compare_rows(first: &[Row], second: &[Row]) -> Comparison {
    let determined = |rows: &[Row]| {
        let found = rows.iter().filter(is_determined);
        found.cloned().collect::<Vec<_>>()
    };
    let (a, b) = (determined(first), determined(second));
    let mut rows = 0;
    let mut difference = None;
    while difference.is_none() && rows < a.len().max(b.len()) {
        difference = match (a.get(rows), b.get(rows)) {
            (Some(a), Some(b)) => row_difference(a, b),
            (a, b) => a.or(b).map(|row| missing(row, a.is_some())),
        };
        rows += usize::from(difference.is_none());
    }
    let state = state_difference(first, second);
    let earlier = |state: &Difference| {
        difference
            .as_ref()
            .is_none_or(|found| state.step < found.step)
    };
    let difference = match state.filter(earlier) {
        Some(state) => Some(state),
        None => difference,
    };
    Comparison { rows, difference }
}

/// How two rows at the same place differ.
fn row_difference(a: &Row, b: &Row) -> Option<Difference> {
    if (a.step, &a.kind) != (b.step, &b.kind) {
        let (row, in_first) = if a.step <= b.step {
            (a, true)
        } else {
            (b, false)
        };
        return Some(missing(row, in_first));
    }
    let values = |row: &Row| {
        let mut values = row.values.clone();
        values.insert("epoch".into(), Value::Number(row.epoch));
        values
    };
    differing(a.step, &a.kind, &values(a), &values(b))
}

/// A row that only one of the runs has.
fn missing(row: &Row, in_first: bool) -> Difference {
    let there = Some(Value::from(row.kind.as_str()));
    let (first, second) = if in_first {
        (there, None)
    } else {
        (None, there)
    };
    Difference {
        step: row.step,
        kind: row.kind.clone(),
        key: "row".into(),
        first,
        second,
    }
}

/// The first checkpoint that both runs have with different states.
fn state_difference(first: &[Row], second: &[Row]) -> Option<Difference> {
    let states = |rows: &[Row]| -> BTreeMap<u64, Value> {
        let checkpoints = rows.iter().filter(|row| row.kind == "checkpoint");
        checkpoints
            .filter_map(|row| Some((row.step, row.values.get(key::STATE_HASH)?.clone())))
            .collect()
    };
    let (a, b) = (states(first), states(second));
    let (step, state) = a
        .iter()
        .find(|(step, state)| b.get(step).is_some_and(|other| other != *state))?;
    Some(Difference {
        step: *step,
        kind: "checkpoint".into(),
        key: key::STATE_HASH.into(),
        first: Some(state.clone()),
        second: b.get(step).cloned(),
    })
}

/// The first key in order whose values differ.
fn differing(
    step: u64,
    kind: &str,
    a: &BTreeMap<String, Value>,
    b: &BTreeMap<String, Value>,
) -> Option<Difference> {
    let keys: BTreeSet<&String> = a
        .keys()
        .chain(b.keys())
        .filter(|key| !TIMES.contains(&key.as_str()))
        .collect();
    let key = keys
        .into_iter()
        .find(|key| !same(a.get(*key), b.get(*key)))?;
    let (kind, first, second) = (kind.into(), a.get(key).cloned(), b.get(key).cloned());
    Some(Difference {
        step,
        kind,
        key: key.clone(),
        first,
        second,
    })
}

/// Equal in bits; all NaNs are one, as the log keeps no payload.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, step: u64, values: &[(&str, Value)]) -> Row {
        Row {
            seq: step,
            attempt: 1,
            kind: kind.into(),
            step,
            epoch: step as f64,
            time: format!("t{step}"),
            values: values
                .iter()
                .map(|(key, value)| ((*key).into(), value.clone()))
                .collect(),
        }
    }

    fn log(loss: f64) -> Vec<Row> {
        vec![
            row(
                "step",
                1,
                &[("train/loss", 1.0.into()), ("step_time_ms", loss.into())],
            ),
            row("checkpoint", 1, &[("state_hash", "a".into())]),
            row(
                "step",
                2,
                &[("train/loss", loss.into()), ("lr", 0.1.into())],
            ),
        ]
    }

    #[test]
    fn times_attempts_and_warnings_do_not_count() {
        let mut other = log(f64::NAN);
        other.insert(0, row("warning", 0, &[("message", "resumed".into())]));
        other[1].time = "later".into();
        other[1].values.insert("step_time_ms".into(), 7.0.into());
        assert_eq!(
            compare_rows(&log(f64::NAN), &other),
            Comparison {
                rows: 2,
                difference: None
            }
        );
    }

    #[test]
    fn one_bit_is_a_difference_with_step_and_key() {
        let off = f64::from_bits(0.5_f64.to_bits() + 1);
        let found = compare_rows(&log(0.5), &log(off)).difference.unwrap();
        assert_eq!(
            found.to_string(),
            "step 2, step `train/loss`: `0.5` and `0.5000000000000001`"
        );
        let zero = compare_rows(&log(0.0), &log(-0.0)).difference.unwrap();
        assert_eq!((zero.step, zero.key.as_str()), (2, "train/loss"));
    }

    #[test]
    fn a_missing_row_and_an_earlier_state_are_found() {
        let short = &log(0.5)[..2];
        let found = compare_rows(&log(0.5), short).difference.unwrap();
        assert_eq!(
            found.to_string(),
            "step 2, step `row`: `step` and `nothing`"
        );
        let mut drifted = log(0.7);
        drifted[1].values.insert("state_hash".into(), "b".into());
        let found = compare_rows(&log(0.5), &drifted).difference.unwrap();
        assert_eq!(
            found.to_string(),
            "step 1, checkpoint `state_hash`: `a` and `b`"
        );
    }
}
