//! The same plan gives the same bits, whatever surrounds it.

use std::fs;

use crate::sandbox::{Sandbox, finish, json_lines};

const MLP: &str = r#"
    name = "mlp"
    seed = 3

    [model]
    type = "mlp"
    hidden = [96, 32]
    dropout = 0.3
    norm = "batch"

    [dataset]
    type = "digits"
    batch_size = 48

    [optimizer]
    type = "sgd"
    lr = 0.05
    momentum = 0.9

    [[schedule]]
    type = "poly"

    [train]
    epochs = 3
    grad_accumulation = 3
    clip_norm = 1.0
    log_every = "1 steps"
"#;

const CNN: &str = r#"
    name = "cnn"
    seed = 3

    [model]
    type = "cnn"
    channels = [8, 16]
    kernel = 3
    hidden = [32]
    dropout = 0.2

    [dataset]
    type = "digits"

    [[dataset.transform]]
    type = "random_crop"
    padding = 1

    [optimizer]
    type = "adamw"
    lr = 0.002
    weight_decay = 0.05

    [[schedule]]
    type = "cosine"

    [train]
    epochs = 2
    ema = { decay = 0.95 }
"#;

/// The final state of a run with these arguments more.
fn state(sandbox: &Sandbox, config: &str, more: &[&str]) -> String {
    let args = [&["run", config, "--format", "json", "-q"], more].concat();
    sandbox.ok(&args).json()["state_hash"]
        .as_str()
        .unwrap()
        .to_string()
}

#[test]
fn threads_and_processes_change_nothing() {
    let sandbox = Sandbox::new();
    for (name, text) in [("mlp.toml", MLP), ("cnn.toml", CNN)] {
        sandbox.write(name, text);
        let states = ["1", "2", "4", "4"].map(|threads| {
            state(
                &sandbox,
                name,
                &["--set", &format!("train.threads={threads}")],
            )
        });
        assert!(states.iter().all(|s| *s == states[0]), "{name}: {states:?}");
        let other = state(&sandbox, name, &["--seed", "4"]);
        assert_ne!(other, states[0], "{name}: the seed changes nothing");
    }
}

#[test]
fn where_it_runs_changes_nothing() {
    let (here, there) = (Sandbox::new(), Sandbox::new());
    let config = here.write("mlp.toml", MLP);
    let first = state(&here, "mlp.toml", &[]);
    let args = [
        "run",
        config.to_str().unwrap(),
        "--format",
        "json",
        "--runs",
        "deep/er",
    ];
    let mut command = there.command(&args);
    command
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("TZ", "Asia/Kathmandu");
    let second = finish(&mut command).exits(0).json();
    assert_eq!(second["state_hash"], first);
    assert!(there.path("deep/er").is_dir());
}

#[test]
fn a_moved_run_is_the_same_run() {
    let (here, there) = (Sandbox::new(), Sandbox::new());
    here.write("mlp.toml", MLP);
    here.ok(&["run", "mlp.toml", "-q"]);
    let moved = there.path("moved");
    fs::rename(here.run_dir(), &moved).unwrap();
    drop(here);
    let moved = moved.to_str().unwrap();
    there.ok(&["verify", moved]);
    there.ok(&["reproduce", moved, "-q"]);
}

#[test]
fn a_run_is_reproduced() {
    let sandbox = Sandbox::new();
    sandbox.write("cnn.toml", CNN);
    sandbox.ok(&["run", "cnn.toml", "-q"]);
    let done = sandbox.ok(&["reproduce", "last"]);
    assert!(done.stdout.starts_with("reproduced: "), "{}", done.stdout);
    assert_eq!(sandbox.run_dirs().len(), 2);
    let listed = sandbox.ok(&["ls", "--format", "json"]).json();
    assert_eq!(listed[0]["plan_hash"], listed[1]["plan_hash"]);
}

#[test]
fn a_changed_number_is_found_where_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("mlp.toml", MLP);
    sandbox.ok(&["run", "mlp.toml", "-q"]);
    let log = sandbox.run_dir().join("metrics.jsonl");
    let rows = json_lines(&log);
    let row = rows
        .iter()
        .find(|row| row["kind"] == "step" && row["step"] == 13)
        .unwrap();
    let loss = row["train/loss"].as_f64().unwrap();
    let text = fs::read_to_string(&log).unwrap();
    // The next number there is.
    let changed = text.replacen(&loss.to_string(), &loss.next_up().to_string(), 1);
    assert_ne!(changed, text);
    fs::write(&log, changed).unwrap();
    sandbox
        .trainer(&["reproduce", "last", "-q"])
        .exits(6)
        .says("differ first at step 13, step `train/loss`");
}

#[test]
fn a_changed_plan_is_not_repeated() {
    let sandbox = Sandbox::new();
    sandbox.write("mlp.toml", MLP);
    sandbox.ok(&["run", "mlp.toml", "-q"]);
    let path = sandbox.run_dir().join("plan.toml");
    let plan = fs::read_to_string(&path).unwrap();
    let changed = plan.replace("lr = 0.05\n", "lr = 0.0500001\n");
    assert_ne!(changed, plan);
    fs::write(&path, changed).unwrap();
    sandbox
        .trainer(&["reproduce", "last", "-q"])
        .exits(2)
        .says("plan.toml` was changed: it is not the plan that run");
}
