//! What `resume` may change takes effect: the keys whose effect no test of their own shows.

use std::fs;

use serde_json::Value;

use crate::sandbox::{Outcome, Sandbox, finish, json, json_lines};

const CONFIG: &str = r#"
    device = "cpu"

    [model]
    type = "mlp"
    hidden = [4]

    [dataset]
    type = "digits"
    limit = 256
    batch_size = 16

    [optimizer]
    type = "sgd"
    lr = 0.5

    [train]
    epochs = 2
"#;

fn run() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q"]);
    sandbox
}

fn args<'a>(epochs: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let resume = ["resume", "last", "-q", "--schedule", "config", "--epochs"];
    [&resume[..], &[epochs], more].concat()
}

fn resume(sandbox: &Sandbox, epochs: &str, more: &[&str]) -> Outcome {
    sandbox.trainer(&args(epochs, more))
}

fn summary(sandbox: &Sandbox) -> Value {
    json(sandbox.run_dir().join("summary.json"))
}

#[test]
fn another_device_is_opened_or_refused() {
    let sandbox = run();
    let log = || fs::read(sandbox.run_dir().join("metrics.jsonl")).unwrap();
    let before = log();
    let told = resume(&sandbox, "3", &["--device", "metal"]);
    let attempts = json(sandbox.run_dir().join("run.json"))["attempts"].clone();
    if told.code == 0 {
        assert_eq!(attempts[1]["device"], "metal");
        return;
    }
    told.exits(2).says("metal");
    assert_eq!(attempts.as_array().unwrap().len(), 1);
    assert_eq!(log(), before);
}

/// The names of the threads of a run that goes on with this key, as long as it trains.
#[cfg(target_os = "linux")]
fn threads(sandbox: &Sandbox, epochs: &str, set: &str) -> std::collections::BTreeSet<String> {
    let mut process = sandbox.start(&args(epochs, &["--set", set]));
    let tasks = format!("/proc/{}/task", process.child.id());
    let mut names = std::collections::BTreeSet::new();
    while process.child.try_wait().unwrap().is_none() {
        let entries = fs::read_dir(&tasks).into_iter().flatten().flatten();
        let name = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("comm")).ok();
        names.extend(entries.filter_map(name).map(|name| name.trim().to_string()));
    }
    process.finish().exits(0);
    names
}

#[cfg(target_os = "linux")]
#[test]
fn batches_are_made_ahead_on_a_thread_where_this_is_asked_for() {
    let sandbox = run();
    assert!(!threads(&sandbox, "20", "dataset.prefetch=0").contains("data"));
    let names = threads(&sandbox, "60", "dataset.prefetch=3");
    assert!(names.contains("data"), "{names:?}");
    assert!(!threads(&sandbox, "80", "dataset.prefetch=0").contains("data"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_resumed_run_computes_on_the_threads_that_it_is_given() {
    let sandbox = run();
    for (attempt, epochs, count) in [(1, "20", 3), (2, "40", 1)] {
        let names = threads(&sandbox, epochs, &format!("train.threads={count}"));
        let info = json(sandbox.run_dir().join("run.json"));
        assert_eq!(info["attempts"][attempt]["threads"], count);
        let workers = names.iter().filter(|name| name.starts_with("kernel-"));
        assert_eq!(workers.count(), count - 1, "{names:?}");
    }
}

#[test]
fn an_early_stop_that_is_added_stops() {
    let sandbox = run();
    let set = r#"train.early_stop={ metric = "val/loss", patience = "2 evals", min_delta = 99 }"#;
    resume(&sandbox, "30", &["--set", set]).exits(0);
    let ended = summary(&sandbox);
    assert_eq!(ended["status"], "early_stopped");
    assert!(ended["step"].as_u64().unwrap() < 100, "{ended}");
}

#[test]
fn the_test_split_is_measured_on_the_state_asked_for() {
    let sandbox = run();
    let best = |sandbox: &Sandbox| summary(sandbox)["best"]["step"].clone();
    resume(&sandbox, "8", &["--set", "train.test=best"]).exits(0);
    let ended = summary(&sandbox);
    assert_eq!(ended["test"]["state"], "best", "{ended}");
    assert_eq!(ended["test"]["step"], best(&sandbox));
    resume(&sandbox, "9", &["--set", "train.test=last"]).exits(0);
    let ended = summary(&sandbox);
    assert_eq!(ended["test"]["step"], ended["step"], "{ended}");
}

#[test]
fn another_metric_chooses_the_best_state() {
    let sandbox = run();
    assert_eq!(summary(&sandbox)["best"]["metric"], "val/accuracy");
    let set = "checkpoint.best={ metric = \"val/loss\", mode = \"min\" }";
    resume(&sandbox, "6", &["--set", set]).exits(0);
    assert_eq!(summary(&sandbox)["best"]["metric"], "val/loss");
}

#[test]
fn an_early_stop_that_watches_another_metric_begins_anew() {
    let sandbox = Sandbox::new();
    let stop = "early_stop = { metric = \"val/accuracy\", mode = \"max\", patience = \"9 evals\" }";
    sandbox.write("c.toml", format!("{CONFIG}{stop}"));
    sandbox.ok(&["run", "c.toml", "-q"]);
    // No loss is below the accuracies before it.
    let set = r#"train.early_stop={ metric = "val/loss", mode = "min", patience = "3 evals" }"#;
    resume(&sandbox, "6", &["--set", set]).exits(0);
    assert_eq!(summary(&sandbox)["epoch"], 6.0);
}

/// What the checkpoint remembers belongs to the plan that it was made with, not to the newest one.
#[test]
fn an_edit_counts_although_its_first_attempt_was_killed_before_a_checkpoint() {
    let list = |sandbox: &Sandbox| format!("list={}", sandbox.path("operations").display());
    let edited = |fault: &dyn Fn(&Sandbox) -> String| {
        let sandbox = run();
        let best = "checkpoint.best={ metric = \"val/loss\", mode = \"min\" }";
        let stop = "train.early_stop={ metric = \"val/loss\", patience = \"9 evals\" }";
        let args = args("4", &["--set", best, "--set", stop]);
        let mut command = sandbox.command(&args);
        let outcome = finish(command.env("TRAINER_FAULT", fault(&sandbox)));
        (sandbox, outcome)
    };
    let (whole, outcome) = edited(&list);
    outcome.exits(0);
    let operations = fs::read_to_string(whole.path("operations")).unwrap();
    let first = operations
        .lines()
        .find(|line| line.contains("step-") && line.contains("mkdir"));
    let number = first.and_then(|line| line.split_whitespace().next());
    let kill = format!("kill@{}", number.unwrap_or_else(|| panic!("{operations}")));
    let (sandbox, outcome) = edited(&|_| kill.clone());
    assert_ne!(outcome.code, 0);
    assert_eq!(
        json(sandbox.run_dir().join("run.json"))["attempts"][1]["status"],
        Value::Null
    );
    sandbox.ok(&["resume", "last", "-q"]);
    for key in ["best", "state_hash", "metrics"] {
        assert_eq!(summary(&sandbox)[key], summary(&whole)[key], "{key}");
    }
}

#[test]
fn a_schedule_that_follows_another_metric_keeps_its_factor_and_begins_anew() {
    let sandbox = Sandbox::new();
    let plateau = "[[schedule]]\ntype = \"plateau\"\nmetric = \"val/accuracy\"\nmode = \"max\"\npatience = \"0 evals\"\nfactor = 0.5\nthreshold = 9.0\n";
    sandbox.write(
        "c.toml",
        format!("{CONFIG}log_every = \"1 step\"\n{plateau}"),
    );
    sandbox.ok(&["run", "c.toml", "-q"]);
    let metric = "schedule.0.metric=val/loss";
    let set = ["--set", metric, "--set", "schedule.0.mode=min"];
    resume(&sandbox, "4", &set).exits(0);
    let rows = json_lines(sandbox.run_dir().join("metrics.jsonl"));
    let steps = rows.iter().filter(|row| row["kind"] == "step");
    let lr = |row: &Value| (row["epoch"].as_f64().unwrap(), row["lr"].as_f64().unwrap());
    let lrs: Vec<(f64, f64)> = steps.map(lr).collect();
    let in_epoch = |n: f64| {
        let mut of = lrs
            .iter()
            .filter(|(epoch, _)| *epoch > n - 1.0 && *epoch < n);
        of.next().unwrap().1
    };
    // The second accuracy is no improvement by so much; the first loss is one, the second is none.
    assert_eq!([1.0, 2.0, 3.0, 4.0].map(in_epoch), [0.5, 0.5, 0.25, 0.25]);
    resume(&sandbox, "5", &[]).exits(0);
    let rows = json_lines(sandbox.run_dir().join("metrics.jsonl"));
    let last = rows.iter().rfind(|row| row["kind"] == "step").unwrap();
    assert_eq!(last["lr"], 0.125);
}
