//! A run of format 1, which counts epochs from 0 and has no digests of its log: `tests/runs/format-1`
//! was made by version 0.1.0 before format 2.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    damage::copy,
    sandbox::{Sandbox, json, json_lines, repository},
};

fn old() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let run = sandbox.path("runs/old-20261128-161642-3d9217");
    copy(&repository().join("tests/runs/format-1"), &run);
    (sandbox, run)
}

/// The same run as a process left it that was killed in its last epoch.
fn interrupted() -> (Sandbox, PathBuf) {
    let (sandbox, run) = old();
    fs::remove_file(run.join("summary.json")).unwrap();
    fs::remove_dir_all(run.join("checkpoints/step-0000000012")).unwrap();
    let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let kept = log.lines().take(7).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(run.join("metrics.jsonl"), kept).unwrap();
    (sandbox, run)
}

/// Whether this processor gives the bits of the one that the run was made on.
fn same_processor() -> bool {
    let run = json(repository().join("tests/runs/format-1/run.json"));
    let same = run["attempts"][0]["isa"] == trainer::run::isa_class();
    if !same {
        println!("skipped: bits are not compared on another class of processor");
    }
    same
}

fn first_column_of_epochs(sandbox: &Sandbox) -> String {
    let args = ["metrics", "old", "--by", "epoch", "--keys", "train/loss"];
    let shown = sandbox.ok(&args).stdout;
    let epoch = |line: &str| line.split(',').nth(1).unwrap().to_string();
    shown
        .lines()
        .skip(1)
        .map(epoch)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn it_is_shown_with_epochs_from_1() {
    let (sandbox, _) = old();
    assert_eq!(first_column_of_epochs(&sandbox), "1 2 3");
    let last = ["logs", "old", "--epoch", "3", "--grep", "lr_last"];
    let shown = sandbox.ok(&last).stdout;
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(shown.contains("epoch=3 step=12"), "{shown}");
    let shown = sandbox.ok(&["show", "old"]).stdout;
    assert!(shown.contains("3 of 3 epochs, 12 steps"), "{shown}");
    let listed = sandbox.ok(&["ls", "--format", "json"]).json();
    assert_eq!(listed[0]["epoch"], 3.0);
}

#[test]
fn verification_says_what_it_cannot_see() {
    let (sandbox, run) = old();
    let shown = sandbox.ok(&["verify", "old"]).stdout;
    assert!(shown.contains("the run is of format 1"), "{shown}");
    let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    fs::write(run.join("metrics.jsonl"), log.replace("2.309", "1.309")).unwrap();
    sandbox.ok(&["verify", "old"]);
    // The plan has always had its hash, and checkpoints their digests.
    let plan = fs::read_to_string(run.join("plan.toml")).unwrap();
    fs::write(run.join("plan.toml"), plan.replace("lr = 0.1", "lr = 0.2")).unwrap();
    let shown = sandbox.trainer(&["verify", "old"]).exits(4).stdout;
    assert!(shown.contains("plan.toml was changed"), "{shown}");
}

/// Rows without times and without losses of evaluations, which format 1 summed by batches in f32.
fn without_losses(rows: &[Value]) -> Vec<Value> {
    let mut rows = timeless(rows);
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        row.retain(|key, _| key != "val/loss" && key != "test/loss");
    }
    rows
}

fn timeless(rows: &[Value]) -> Vec<Value> {
    let times = [
        "attempt",
        "time",
        "step_time_ms",
        "data_time_ms",
        "elapsed_s",
        "wall_s",
        "samples_per_s",
    ];
    let mut rows = rows.to_vec();
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        times.iter().for_each(|key| drop(row.remove(*key)));
    }
    rows
}

#[test]
fn it_goes_on_in_its_own_format() {
    let (sandbox, run) = interrupted();
    sandbox
        .trainer(&["resume", "old", "-q"])
        .exits(2)
        .says("--allow binary");
    sandbox.ok(&["resume", "old", "-q", "--allow", "binary,isa"]);
    assert_eq!(json(run.join("run.json"))["format"], 1);
    let rows = json_lines(run.join("metrics.jsonl"));
    let of_epochs = rows.iter().filter(|row| row["kind"] == "epoch");
    let epochs: Vec<&Value> = of_epochs.map(|row| &row["epoch"]).collect();
    assert_eq!(epochs, [0, 1, 2]);
    assert_eq!(first_column_of_epochs(&sandbox), "1 2 3");
    let last = ["logs", "old", "--epoch", "3", "--grep", "lr_last"];
    let shown = sandbox.ok(&last).stdout;
    assert!(
        shown.lines().all(|line| line.contains("epoch=3 step=12")),
        "{shown}"
    );
    if same_processor() {
        let whole = json_lines(repository().join("tests/runs/format-1/metrics.jsonl"));
        assert_eq!(without_losses(&rows), without_losses(&whole));
    }
    // What the new process wrote has digests.
    let shown = sandbox.ok(&["verify", "old"]).stdout;
    assert!(!shown.contains("format 1"), "{shown}");
    let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    fs::write(run.join("metrics.jsonl"), log.replace("2.309", "1.309")).unwrap();
    let shown = sandbox.trainer(&["verify", "old"]).exits(4).stdout;
    assert!(shown.contains("metrics.jsonl was changed"), "{shown}");
}

#[test]
fn it_is_reproduced_in_the_newest_format() {
    if !same_processor() {
        return;
    }
    let (sandbox, _) = old();
    let again = sandbox
        .ok(&["reproduce", "old", "-q", "--format", "json"])
        .json();
    assert_eq!(
        (&again["same"], &again["difference"]),
        (&true.into(), &Value::Null)
    );
    let path = PathBuf::from(again["path"].as_str().unwrap());
    assert_eq!(json(path.join("run.json"))["format"], 2);
    let rows = json_lines(path.join("metrics.jsonl"));
    let of_epochs = rows.iter().filter(|row| row["kind"] == "epoch");
    assert!(of_epochs.map(|row| &row["epoch"]).eq([1, 2, 3].iter()));
}
