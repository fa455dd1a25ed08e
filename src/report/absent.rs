//! Reasons why a run has no number where one is looked for.

use super::Record;
use crate::run::Value;

/// Returns the reason why the run has no value of `key`; `None` where it is not known.
#[must_use]
pub fn why_absent(record: &Record, key: &str) -> Option<String> {
    let (split, metric) = key.split_once('/')?;
    let is_running = record.view.status == "running";
    let has_rows = |kind: &str| record.view.rows.iter().any(|row| row.kind == kind);
    let is_known = record
        .metrics()
        .keys()
        .any(|known| known.starts_with("val/"));
    if let Some(why) = not_measured(record, metric) {
        return Some(why);
    }
    match split {
        "val" if has_no(record, "val") => Some("the run has no validation split".into()),
        "test" if has_no(record, "test") => Some("the run has no test split".into()),
        "train" | "val" | "test" if record.step() == 0 => Some(no_step(record)),
        "test" if is_running => Some("the test split is measured when the run is complete".into()),
        "test" if !["completed", "early_stopped"].contains(&record.view.status.as_str()) => {
            Some(format!(
                "the test split is measured at the end, and the run {}",
                ended(record)
            ))
        }
        "val" if is_running && !is_known => Some("there was no evaluation yet".into()),
        "val" if !is_known && !has_rows("eval") => Some(format!(
            "the run {} before its first evaluation",
            ended(record)
        )),
        _ => None,
    }
}

/// Returns the reason why a run has no best value.
#[must_use]
pub fn why_no_best(record: &Record) -> Option<String> {
    match text(record, "checkpoint.best.metric") {
        Some(metric) => why_absent(record, &metric),
        None if has_no(record, "val") => Some("the run has no validation split".into()),
        None => None,
    }
}

/// A metric that the plan's `metrics` does not name.
fn not_measured(record: &Record, metric: &str) -> Option<String> {
    let named = record.values("metrics");
    let names: Vec<String> = named.iter().map(ToString::to_string).collect();
    let is_measured =
        metric == "loss" || names.is_empty() || names.iter().any(|name| name == metric);
    let list = names.join(", ");
    (!is_measured).then(|| format!("the plan's `metrics` are {list}"))
}

/// Returns whether the plan says that the run has no such split.
fn has_no(record: &Record, split: &str) -> bool {
    let share = text(record, &format!("dataset.split.{split}"));
    share.is_some_and(|share| {
        share.trim_start_matches('0').trim_start() == "%" || share.starts_with("0 ")
    })
}

fn text(record: &Record, key: &str) -> Option<String> {
    match record.values(key).into_iter().next() {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn no_step(record: &Record) -> String {
    match record.view.status.as_str() {
        "running" => "no step is done yet".into(),
        _ => format!("the run {} before its first logged step", ended(record)),
    }
}

/// The end of a run as a verb.
fn ended(record: &Record) -> &str {
    match record.view.status.as_str() {
        "stopped" => "was stopped",
        "early_stopped" => "stopped early",
        "completed" => "ended",
        status => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// A run with other facts: its status, the kinds of its rows, and keys of its plan.
    fn record(status: &str, kinds: &[&str], plan: &str) -> Record {
        let folder = tempfile::tempdir().unwrap();
        let mut view = sample::running(folder.path(), 1).view;
        view.plan += plan;
        view.rows.retain(|row| kinds.contains(&row.kind.as_str()));
        view.status = status.into();
        Record::new(view)
    }

    #[test]
    fn each_reason_is_the_true_one() {
        let no_val = "[dataset]\ntype = \"csv\"\nsplit = { val = \"0%\", test = \"0%\" }\n";
        let val = "[dataset]\ntype = \"csv\"\nsplit = { val = \"10%\", test = \"10%\" }\n";
        let table: [(&str, &[&str], &str, &str, &str); 11] = [
            (
                "running",
                &["step"],
                no_val,
                "val/loss",
                "the run has no validation split",
            ),
            (
                "diverged",
                &["step"],
                no_val,
                "val/accuracy",
                "the run has no validation split",
            ),
            (
                "completed",
                &["step"],
                no_val,
                "test/loss",
                "the run has no test split",
            ),
            (
                "running",
                &["step"],
                val,
                "val/loss",
                "there was no evaluation yet",
            ),
            ("running", &[], val, "train/loss", "no step is done yet"),
            ("running", &[], val, "val/loss", "no step is done yet"),
            (
                "crashed",
                &[],
                val,
                "val/loss",
                "the run crashed before its first logged step",
            ),
            (
                "diverged",
                &["step"],
                val,
                "val/loss",
                "the run diverged before its first evaluation",
            ),
            (
                "stopped",
                &["step"],
                val,
                "val/loss",
                "the run was stopped before its first evaluation",
            ),
            (
                "running",
                &["step"],
                val,
                "test/loss",
                "the test split is measured when the run is complete",
            ),
            ("running", &["step"], val, "colour", ""),
        ];
        for (status, kinds, plan, key, expected) in table {
            let told = why_absent(&record(status, kinds, plan), key).unwrap_or_default();
            assert_eq!(told, expected, "{status} {key}");
        }
        let named = "[dataset]\ntype = \"csv\"\n[checkpoint.best]\nmetric = \"val/loss\"\n";
        let best = why_no_best(&record("running", &["step"], named));
        assert_eq!(best.as_deref(), Some("there was no evaluation yet"));
        let share = "[dataset]\nsplit = { val = \"0 samples\" }\n";
        let best = why_no_best(&record("running", &["step"], share));
        assert_eq!(best.as_deref(), Some("the run has no validation split"));
    }
}
