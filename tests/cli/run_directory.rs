//! What a run leaves behind.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;

use crate::{
    exits::TINY,
    sandbox::{Sandbox, finish, json, json_lines},
};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn private(path: &Path) {
    let wanted = if path.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(mode(path), wanted, "{}: {:o}", path.display(), mode(path));
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            private(&entry.unwrap().path());
        }
    }
}

#[test]
fn every_promised_file_is_there_and_private() {
    let sandbox = Sandbox::new();
    sandbox.write("base.toml", TINY);
    let text = "extends = \"base.toml\" # mine\nname = \"child\"\n";
    sandbox.write("child.toml", text);
    sandbox.ok(&[
        "run",
        "child.toml",
        "-q",
        "--set",
        "train.log_every=\"5 steps\"",
    ]);
    let run = sandbox.run_dir();
    private(&run);
    for name in [
        "plan.toml",
        "run.json",
        "metrics.jsonl",
        "trace.jsonl",
        "summary.json",
    ] {
        assert!(fs::metadata(run.join(name)).unwrap().len() > 0, "{name}");
    }
    assert_eq!(fs::read_to_string(run.join("config.toml")).unwrap(), text);
    assert_eq!(
        fs::read_to_string(run.join("config/base.toml")).unwrap(),
        TINY
    );
    let overrides = fs::read_to_string(run.join("config/overrides.txt")).unwrap();
    assert_eq!(overrides, "train.log_every=\"5 steps\"\n");
    let newest = run.join("checkpoints/step-0000000060");
    for name in [
        "manifest.json",
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
    ] {
        assert!(newest.join(name).exists(), "{name}");
    }
    let info = json(run.join("run.json"));
    for key in [
        "format",
        "run",
        "name",
        "created",
        "plan_hash",
        "data_fingerprint",
        "attempts",
    ] {
        assert!(!info[key].is_null(), "{key} is not in {info}");
    }
    let attempt = &info["attempts"][0];
    for key in [
        "start", "end", "host", "argv", "binary", "isa", "threads", "device",
    ] {
        assert!(!attempt[key].is_null(), "{key} is not in {attempt}");
    }
    // The plan is the same experiment.
    let plan = run.join("plan.toml");
    let checked = sandbox
        .ok(&["check", plan.to_str().unwrap(), "--format", "json"])
        .json();
    assert_eq!(checked["plan_hash"], info["plan_hash"]);
}

fn names(event: &Value) -> Vec<&str> {
    let spans = event["spans"].as_array().unwrap();
    spans
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect()
}

fn events<'a>(trace: &'a [Value], message: &str) -> Vec<&'a Value> {
    trace
        .iter()
        .filter(|event| event["fields"]["message"] == message)
        .collect()
}

#[test]
fn the_trace_tells_every_epoch() {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    sandbox.ok(&["run", "tiny.toml", "-q"]);
    let trace = json_lines(sandbox.run_dir().join("trace.jsonl"));
    let epochs = events(&trace, "epoch");
    assert_eq!(epochs.len(), 3);
    for (index, event) in epochs.iter().enumerate() {
        assert_eq!(event["level"], "INFO");
        assert_eq!(event["fields"]["epoch"], index + 1);
        assert_eq!(event["fields"]["step"], 20 * (index + 1));
        for key in [
            "lr",
            "lr_last",
            "train/loss",
            "val/loss",
            "val/accuracy",
            "samples_per_s",
            "elapsed",
        ] {
            assert!(event["fields"][key].is_f64(), "{key} is not in {event}");
        }
        assert_eq!(names(event), ["run", "epoch"]);
        assert_eq!(event["span"]["epoch"], index + 1);
        let lr = event["fields"]["lr"].as_f64().unwrap();
        assert!(
            (lr - 0.1 * (1.0 - index as f64 / 3.0)).abs() < 1e-12,
            "{lr}"
        );
    }
    let evals = events(&trace, "eval");
    assert!(evals.len() >= 3, "{}", evals.len());
    assert_eq!(names(evals[0]), ["run", "epoch", "eval"]);
    assert_eq!(evals[0]["span"]["split"], "val");
    assert_eq!(events(&trace, "step").len(), 0);
    let id = sandbox
        .run_dir()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_string();
    assert!(trace.iter().all(|event| event["spans"][0]["id"] == id));
    // The tool reads its own trace.
    let shown = sandbox.ok(&["logs", "last", "--epoch", "2..3", "--grep", "lr_last"]);
    assert_eq!(shown.stdout.lines().count(), 2, "{}", shown.stdout);
}

#[test]
fn rust_log_asks_for_more_and_for_less() {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    let run = |level: &str| {
        let mut command = sandbox.command(&["run", "tiny.toml"]);
        let said = finish(command.env("RUST_LOG", level)).exits(0);
        let runs = sandbox.run_dirs();
        let newest = runs
            .iter()
            .max_by_key(|run| fs::metadata(run).unwrap().modified().unwrap());
        (said.stderr, json_lines(newest.unwrap().join("trace.jsonl")))
    };
    let (shown, trace) = run("debug");
    let steps = events(&trace, "step");
    assert_eq!(steps.len(), 60);
    assert_eq!(steps[0]["level"], "DEBUG");
    assert_eq!(steps[0]["fields"]["step"], 1);
    assert!(
        shown.contains("DEBUG") && shown.contains("step=60"),
        "{shown}"
    );
    let (shown, trace) = run("warn");
    assert_eq!((shown.as_str(), trace.len()), ("", 0));
}

#[test]
fn the_log_holds_what_is_promised() {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    sandbox.ok(&["run", "tiny.toml", "-q"]);
    let rows = json_lines(sandbox.run_dir().join("metrics.jsonl"));
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["seq"], index);
        for key in ["attempt", "kind", "step", "epoch", "time"] {
            assert!(!row[key].is_null(), "{key} is not in {row}");
        }
    }
    let promised = [
        (
            "step",
            6,
            &[
                "lr",
                "train/loss",
                "grad_norm",
                "step_time_ms",
                "data_time_ms",
            ][..],
        ),
        (
            "epoch",
            3,
            &[
                "lr",
                "lr_last",
                "train/loss",
                "val/loss",
                "val/accuracy",
                "samples_per_s",
                "wall_s",
                "elapsed_s",
                "order_hash",
                "state_hash",
            ],
        ),
        ("eval", 4, &["split"]),
        ("checkpoint", 3, &["path", "reason", "state_hash", "bytes"]),
    ];
    for (kind, count, keys) in promised {
        let of_kind: Vec<_> = rows.iter().filter(|row| row["kind"] == kind).collect();
        assert_eq!(of_kind.len(), count, "{kind}");
        for (row, key) in of_kind
            .iter()
            .flat_map(|row| keys.iter().map(move |key| (row, key)))
        {
            assert!(!row[*key].is_null(), "{key} is not in {row}");
        }
    }
}

const SECRETS: &str = r#"
    [model]
    type = "mlp"
    hidden = [4]

    [dataset]
    type = "csv"
    path = "table.csv"
    target = "y"
    columns = { token = { type = "ignore" } }

    [optimizer]
    type = "sgd"
    lr = 0.1

    [train]
    epochs = 2
"#;

/// A column may be called what it likes: its name makes no secret of how it is read.
#[test]
fn a_column_with_a_secret_name_is_still_read() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", SECRETS);
    let rows = (0..40).map(|i| format!("{i},{},{}\n", i % 5, ["a", "b"][i % 2]));
    sandbox.write(
        "table.csv",
        format!("token,v,y\n{}", rows.collect::<String>()),
    );
    sandbox.ok(&["run", "c.toml", "-q"]);
    sandbox.ok(&["reproduce", "last", "-q"]);
}
