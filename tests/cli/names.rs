//! RUN: an id, the beginning of one, a name, a path, `last`; and names that none of them could be.

use std::{fs, os::unix::fs::symlink};

use crate::sandbox::{Sandbox, json};

const CONFIG: &str = r#"
    device = "cpu"
    [model]
    type = "mlp"
    hidden = [4]
    [dataset]
    type = "digits"
    limit = 60
    [optimizer]
    type = "sgd"
    lr = 0.1
    [train]
    epochs = 1
"#;

#[test]
fn every_name_that_is_taken_is_found() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    let long = "x".repeat(300);
    let names = [
        "val/loss=0.1",
        "../up",
        "/root/run",
        "a\\b",
        "größe 1",
        ".hidden",
        "runs",
        "c.toml",
        "a-20261122-090405",
        &long,
    ];
    for name in names {
        sandbox.ok(&["run", "c.toml", "-q", "--name", name]);
    }
    for name in names {
        let shown = sandbox.ok(&["show", name, "--format", "json"]).json();
        assert_eq!(shown["name"], name);
    }
    sandbox
        .trainer(&["show", "val/loss=0.2"])
        .exits(2)
        .says("did you mean `val/loss=0.1`");
    for name in ["last", "@", "-x", "a\nb", " a", "a-20261122-090405-00ff00"] {
        let name = format!("--name={name}");
        sandbox
            .trainer(&["run", "c.toml", "-q", &name])
            .exits(2)
            .says("a run cannot be named")
            .says("hint: ");
    }
    sandbox.write("last.toml", CONFIG);
    sandbox
        .trainer(&["run", "last.toml", "-q"])
        .exits(2)
        .says("a run cannot be named `last`");
}

#[test]
fn every_form_of_a_run_is_found() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let run = sandbox.run_dir();
    let id = run.file_name().unwrap().to_str().unwrap();
    symlink(&run, sandbox.path("link")).unwrap();
    let short = id.rsplit('-').next().unwrap();
    let forms = [
        "last".to_string(),
        "c".into(),
        id.into(),
        id[..id.len() - 3].into(),
        short.into(),
        format!("runs/{id}"),
        format!("runs/{id}/"),
        format!("./runs/{id}"),
        run.display().to_string(),
        "link".into(),
        "./link/".into(),
    ];
    for form in &forms {
        let shown = sandbox.ok(&["show", form, "--format", "json"]).json();
        assert_eq!(shown["id"], id, "{form}");
        sandbox.ok(&["verify", form]);
        let split = ["eval", form, "--split", "val"];
        sandbox.ok(&split);
        sandbox
            .trainer(&["resume", form])
            .exits(2)
            .says("is complete");
    }
    for wrong in ["", "none", "runs", "runs/none", "./", "..", "c.toml"] {
        let told = sandbox.trainer(&["show", wrong]);
        assert!([2, 4].contains(&told.code), "{wrong}: {told:?}");
    }
}

#[test]
fn a_place_where_no_run_can_be_made_is_told_before_training() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.write("file", "");
    for args in [&["run", "c.toml"][..], &["run", "c.toml", "--dry-run"]] {
        let args = [args, &["-q", "--runs", "file"]].concat();
        sandbox
            .trainer(&args)
            .exits(4)
            .says("cannot create a run in `file`")
            .says("--runs DIR");
    }
    sandbox.ok(&["run", "c.toml", "--dry-run", "-q"]);
    assert!(!sandbox.runs().exists());
}

#[test]
fn what_may_change_on_the_way_takes_effect() {
    let sandbox = Sandbox::new();
    let config = CONFIG.replace("epochs = 1", "epochs = 4\n    threads = 2");
    sandbox.write("c.toml", config);
    sandbox.ok(&["run", "c.toml", "-q", "--epochs", "1"]);
    let run = sandbox.run_dir();
    let (path, info) = (run.to_str().unwrap(), || json(run.join("run.json")));
    assert_eq!(info()["attempts"][0]["threads"], 2);
    let more = ["resume", path, "-q", "--schedule", "config", "--epochs"];
    let with = |epochs: &str, set: &[&str]| {
        sandbox.ok(&[&more[..], &[epochs], set].concat());
    };
    with("2", &["--set", "train.threads=1", "--tag", "b"]);
    assert_eq!(info()["attempts"][1]["threads"], 1);
    assert_eq!(info()["tags"], serde_json::json!(["b"]));
    with("3", &["--name", "other/name", "--set", "notes=why"]);
    assert_eq!(info()["name"], "other/name");
    assert_eq!(info()["notes"], "why");
    sandbox.ok(&["show", "other/name"]);
    let rows = |kind: &str| {
        let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let kind = format!("\"kind\":\"{kind}\"");
        text.lines().filter(|line| line.contains(&kind)).count()
    };
    let (steps, saved) = (rows("step"), rows("checkpoint"));
    let often = ["train.log_every=\"1 step\"", "checkpoint.every=\"1 step\""];
    with("5", &["--set", often[0], "--set", often[1]]);
    let total = json(run.join("summary.json"))["step"].as_u64().unwrap();
    let new = (total / 5 * 2) as usize;
    assert!(rows("step") >= steps + new, "{} {steps}", rows("step"));
    assert!(rows("checkpoint") >= saved + new - 1);
    let keep = ["checkpoint.keep=5", "dataset.prefetch=0"];
    with(
        "6",
        &["--set", keep[0], "--set", keep[1], "--device", "auto"],
    );
    let kept = fs::read_dir(run.join("checkpoints")).unwrap().count();
    assert!(kept >= 4, "{kept}");
    let plan = fs::read_to_string(run.join("plan.toml")).unwrap();
    for line in [
        "device = \"auto\"",
        "prefetch = 0",
        "keep = 5",
        "threads = 1",
    ] {
        assert!(plan.contains(line), "{line} is not in\n{plan}");
    }
    // What is not allowed to change is refused, whatever flag asks for it.
    sandbox
        .trainer(&[&more[..], &["7", "--seed", "9"]].concat())
        .exits(2)
        .says("seed: 0 → 9");
}
