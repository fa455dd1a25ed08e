//! Reasons why a run has no number where one is looked for.

use super::{Field, Record};
use crate::{
    event::{Status, key},
    run::{RunInfo, RunStatus},
};

/// Returns the reason why the run has no value of `key`; `None` where it is not known.
#[must_use]
pub fn why_absent(record: &Record, key: &str) -> Option<String> {
    match key {
        "best" | "best_metric" | "best_step" => return why_no_best(record),
        "data" => return record.view.info.data.is_none().then(not_recorded),
        key::SAMPLES_PER_S if record.view.summary.is_none() => {
            return Some(format!(
                "it is measured at the end, and the run {}",
                ended(record)
            ));
        }
        _ => {}
    }
    let (split, metric) = key.split_once('/')?;
    if let Some(why) = not_measured(record, metric) {
        return Some(why);
    }
    match split {
        "val" if has_no(record, "val") => Some("the run has no validation split".into()),
        "test" if has_no(record, "test") => Some("the run has no test split".into()),
        "train" | "val" | "test" if record.step() == 0 => Some(no_step(record)),
        "test" => not_tested(record),
        "val" => not_evaluated(record),
        _ => None,
    }
    .or_else(|| (is_split(split) && is_old(record)).then(not_recorded))
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

/// Returns what a run could have and does not, each with the reason.
#[must_use]
pub fn absent(record: &Record) -> serde_json::Map<String, serde_json::Value> {
    let known = record.metrics();
    let measured = measured(record);
    let metrics = [key::TRAIN_LOSS, key::VAL_LOSS, key::TEST_LOSS].map(String::from);
    let of = |split: &'static str| measured.iter().map(move |name| format!("{split}/{name}"));
    let metrics = metrics.into_iter().chain(of("val")).chain(of("test"));
    let mut keys: Vec<String> = metrics.filter(|key| !known.contains_key(key)).collect();
    keys.extend(record.best().is_none().then(|| "best".into()));
    keys.push("data".into());
    keys.push(key::SAMPLES_PER_S.into());
    let why = |key: String| Some((key.clone(), why_absent(record, &key)?.into()));
    keys.into_iter().filter_map(why).collect()
}

/// The reason for what an earlier version did not write down.
fn not_recorded() -> String {
    "the run was made by an earlier version, which did not record it".into()
}

/// Returns whether the run has an earlier format.
fn is_old(record: &Record) -> bool {
    record.view.info.format < RunInfo::FORMAT
}

fn is_split(name: &str) -> bool {
    ["train", "val", "test"].contains(&name)
}

/// The reason why a run with a test split has no number of it.
fn not_tested(record: &Record) -> Option<String> {
    match &record.view.status {
        status if status.is_complete() => None,
        RunStatus::Running => Some("the test split is measured when the run is complete".into()),
        _ => Some(format!(
            "the test split is measured at the end, and the run {}",
            ended(record)
        )),
    }
}

/// The reason why a run with a validation split has no number of it.
fn not_evaluated(record: &Record) -> Option<String> {
    let view = &record.view;
    let mut metrics = record.metrics().into_keys();
    // The end of a log says nothing about its beginning.
    let is_whole = view.summary.is_some() || view.rows.first().is_none_or(|row| row.seq == 0);
    let is_evaluated = metrics.any(|known| known.starts_with("val/"))
        || view.rows.iter().any(|row| row.kind == "eval");
    match view.status {
        _ if is_evaluated || !is_whole => None,
        RunStatus::Running => Some("there was no evaluation yet".into()),
        _ => Some(format!(
            "the run {} before its first evaluation",
            ended(record)
        )),
    }
}

/// Returns the metrics that the plan names, by their names or types; none where it names none.
fn measured(record: &Record) -> Vec<String> {
    let named = record.values("metrics");
    let types = record.plan_keys().filter(|key| {
        let inner = key.strip_prefix("metrics.");
        inner.is_some_and(|inner| inner.ends_with(".type"))
    });
    let types = types.flat_map(|key| record.values(key));
    named
        .iter()
        .map(ToString::to_string)
        .chain(types.map(|kind| kind.to_string()))
        .collect()
}

/// A metric that the plan's `metrics` does not name.
fn not_measured(record: &Record, metric: &str) -> Option<String> {
    let names = measured(record);
    // `f1_macro` and `f1/<class>` are numbers of `f1`.
    let is_of = |name: &String| {
        let rest = metric.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '/']))
    };
    let is_measured = metric == "loss" || names.is_empty() || names.iter().any(is_of);
    let list = names.join(", ");
    (!is_measured).then(|| format!("the plan's `metrics` are {list}"))
}

/// Returns whether the run has no such split, as its data or its plan says.
fn has_no(record: &Record, split: &str) -> bool {
    if let Some(data) = &record.view.info.data {
        return match split {
            "val" => data.val == 0,
            _ => data.test == 0,
        };
    }
    let share = text(record, &format!("dataset.split.{split}"));
    share.is_some_and(|share| {
        share.trim_start_matches('0').trim_start() == "%" || share.starts_with("0 ")
    })
}

fn text(record: &Record, key: &str) -> Option<String> {
    match record.values(key).into_iter().next() {
        Some(Field::Text(text)) => Some(text),
        _ => None,
    }
}

fn no_step(record: &Record) -> String {
    match record.view.status {
        RunStatus::Running => "no step is done yet".into(),
        _ => format!("the run {} before its first logged step", ended(record)),
    }
}

/// The end of a run as a verb.
fn ended(record: &Record) -> &str {
    match &record.view.status {
        RunStatus::Ended(Status::Stopped { .. }) => "was stopped",
        RunStatus::Ended(Status::EarlyStopped { .. }) => "stopped early",
        RunStatus::Ended(Status::Completed) => "ended",
        RunStatus::Running => "is under way",
        status => status.name(),
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
        view.status = match status {
            "running" => RunStatus::Running,
            "crashed" => RunStatus::Crashed,
            ended => RunStatus::Ended(
                serde_json::from_value(serde_json::json!({"status": ended, "why": ""})).unwrap(),
            ),
        };
        Record::new(view)
    }

    const NO_VAL: &str = "[dataset]\ntype = \"csv\"\nsplit = { val = \"0%\", test = \"0%\" }\n";
    const VAL: &str = "[dataset]\ntype = \"csv\"\nsplit = { val = \"10%\", test = \"10%\" }\n";

    #[test]
    fn each_reason_is_the_true_one() {
        let row = ["step"].as_slice();
        let not_tested = "the test split is measured at the end, and the run";
        let table: [(&str, &[&str], &str, &str, &str); 18] = [
            (
                "running",
                row,
                NO_VAL,
                "val/loss",
                "the run has no validation split",
            ),
            (
                "diverged",
                row,
                NO_VAL,
                "val/accuracy",
                "the run has no validation split",
            ),
            (
                "completed",
                row,
                NO_VAL,
                "test/loss",
                "the run has no test split",
            ),
            (
                "completed",
                row,
                NO_VAL,
                "best",
                "the run has no validation split",
            ),
            (
                "running",
                row,
                VAL,
                "val/loss",
                "there was no evaluation yet",
            ),
            ("running", &[], VAL, "train/loss", "no step is done yet"),
            ("running", &[], VAL, "val/loss", "no step is done yet"),
            (
                "crashed",
                &[],
                VAL,
                "val/loss",
                "the run crashed before its first logged step",
            ),
            (
                "failed",
                &[],
                VAL,
                "test/loss",
                "the run failed before its first logged step",
            ),
            (
                "diverged",
                row,
                VAL,
                "val/loss",
                "the run diverged before its first evaluation",
            ),
            (
                "stopped",
                row,
                VAL,
                "val/loss",
                "the run was stopped before its first evaluation",
            ),
            (
                "completed",
                row,
                VAL,
                "val/loss",
                "the run ended before its first evaluation",
            ),
            (
                "running",
                row,
                VAL,
                "test/loss",
                "the test split is measured when the run is complete",
            ),
            (
                "crashed",
                row,
                VAL,
                "test/loss",
                &format!("{not_tested} crashed"),
            ),
            (
                "stopped",
                row,
                VAL,
                "test/loss",
                &format!("{not_tested} was stopped"),
            ),
            (
                "crashed",
                row,
                VAL,
                "samples_per_s",
                "it is measured at the end, and the run crashed",
            ),
            ("completed", &["step", "eval"], VAL, "val/loss", ""),
            ("running", row, VAL, "colour", ""),
        ];
        for (status, kinds, plan, key, expected) in table {
            let told = why_absent(&record(status, kinds, plan), key).unwrap_or_default();
            assert_eq!(told, expected, "{status} {key}");
        }
    }

    #[test]
    fn the_best_is_absent_for_the_reason_of_its_metric() {
        let named = "[dataset]\ntype = \"csv\"\n[checkpoint.best]\nmetric = \"val/loss\"\n";
        let best = why_no_best(&record("running", &["step"], named));
        assert_eq!(best.as_deref(), Some("there was no evaluation yet"));
        let share = "[dataset]\nsplit = { val = \"0 samples\" }\n";
        let best = why_no_best(&record("running", &["step"], share));
        assert_eq!(best.as_deref(), Some("the run has no validation split"));
    }

    #[test]
    fn a_share_that_came_to_nothing_is_no_split() {
        let mut record = record("completed", &["step"], VAL);
        record.view.info.data = Some(crate::run::DataInfo {
            train: 9,
            ..Default::default()
        });
        let told = ["val/loss", "test/loss"].map(|key| why_absent(&record, key));
        let expected = [
            "the run has no validation split",
            "the run has no test split",
        ];
        assert_eq!(told, expected.map(|why| Some(why.to_string())));
    }

    #[test]
    fn an_old_format_is_a_reason_where_no_other_is_known() {
        let mut record = record("completed", &["step", "eval"], VAL);
        assert_eq!(why_absent(&record, "test/loss"), None);
        assert_eq!(why_absent(&record, "data"), Some(not_recorded()));
        record.view.info.format = 1;
        assert_eq!(why_absent(&record, "test/loss"), Some(not_recorded()));
        assert_eq!(why_absent(&record, "colour"), None);
    }

    #[test]
    fn the_end_of_a_log_says_nothing_about_its_beginning() {
        let mut record = record("crashed", &["step"], VAL);
        record.view.rows.iter_mut().for_each(|row| row.seq += 7);
        assert_eq!(why_absent(&record, "val/loss"), None);
    }

    #[test]
    fn metrics_in_tables_are_measured() {
        let plan = "metrics = [\"accuracy\", { type = \"f1\", average = \"none\" }]\n";
        let folder = tempfile::tempdir().unwrap();
        let mut view = sample::running(folder.path(), 1).view;
        view.plan = plan.into();
        let record = Record::new(view);
        assert_eq!(not_measured(&record, "f1/cat"), None);
        assert_eq!(not_measured(&record, "accuracy"), None);
        let told = not_measured(&record, "auc");
        assert_eq!(
            told.as_deref(),
            Some("the plan's `metrics` are accuracy, f1")
        );
    }

    #[test]
    fn programs_get_the_reasons_of_what_is_absent() {
        let told = absent(&record("diverged", &["step"], NO_VAL));
        assert_eq!(told["val/loss"], "the run has no validation split");
        assert_eq!(told["best"], "the run has no validation split");
        assert!(!told.contains_key("train/loss"), "{told:?}");
    }
}
