//! Early stopping: a status of its own, told everywhere, and what a resume makes of it.

use std::fs;

use crate::sandbox::{Sandbox, json};

const CONFIG: &str = r#"
    name = "patient"
    device = "cpu"

    [model]
    type = "mlp"
    hidden = [4]

    [dataset]
    type = "digits"
    limit = 200

    [optimizer]
    type = "sgd"
    lr = 0.01

    [train]
    epochs = 40
    early_stop = { metric = "val/loss", patience = "2 evals", min_delta = 0.5 }
"#;

#[test]
fn an_early_stop_is_a_good_end_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    let ran = sandbox.ok(&["run", "c.toml"]);
    assert!(
        ran.stdout
            .contains("next: trainer show last, trainer reproduce last"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("resume"), "{}", ran.stdout);
    let said = "val/loss did not improve by more than 0.5 in 2 evaluations; best ";
    assert!(ran.stderr.contains("stopped early after"), "{}", ran.stderr);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let run = sandbox.run_dir();
    let (summary, info) = (json(run.join("summary.json")), json(run.join("run.json")));
    assert_eq!(summary["status"], "early_stopped");
    assert_eq!(info["attempts"][0]["status"], "early_stopped");
    assert!(summary.get("signal").is_none());
    // The best checkpoint follows the watched metric.
    assert_eq!(summary["best"]["metric"], "val/loss");
    assert_eq!(summary["test"]["state"], "last");
    let shown = sandbox.ok(&["show", "last"]).stdout;
    assert!(shown.contains(&format!("early_stopped: {said}")), "{shown}");
    let listed = sandbox
        .ok(&["ls", "--where", "status = early_stopped"])
        .stdout;
    assert!(listed.contains("early_stopped"), "{listed}");
    sandbox.ok(&["verify", "last"]);
    sandbox.ok(&["reproduce", "last", "-q"]);
}

#[test]
fn a_resume_says_that_it_is_done_and_goes_on_with_more_patience() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let before = json(sandbox.run_dir().join("summary.json"));
    let refused = sandbox.trainer(&["resume", "last"]).exits(2);
    let hint = "--set 'train.early_stop.patience=\"4 evals\"'";
    assert!(
        refused.stderr.contains("stopped early at step"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    assert_eq!(json(sandbox.run_dir().join("summary.json")), before);
    // What the hint says.
    sandbox.ok(&[
        "resume",
        "last",
        "-q",
        "--set",
        "train.early_stop.patience=\"4 evals\"",
    ]);
    let after = json(sandbox.run_dir().join("summary.json"));
    assert_eq!(after["status"], "early_stopped");
    assert!(after["step"].as_u64() > before["step"].as_u64());
    // Two evaluations more than before, as if it had been so patient from the start.
    let other = Sandbox::new();
    other.write("c.toml", CONFIG.replace("2 evals", "4 evals"));
    other.ok(&["run", "c.toml", "-q"]);
    assert_eq!(
        json(other.run_dir().join("summary.json"))["state_hash"],
        after["state_hash"]
    );
}

#[test]
fn the_test_split_of_the_best_state_is_labelled() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "c.toml",
        CONFIG.replace("min_delta = 0.5 }", "min_delta = 0.5 }\n test = \"best\""),
    );
    let ran = sandbox.ok(&[
        "run",
        "c.toml",
        "--set",
        "checkpoint.best={metric=\"val/loss\",mode=\"max\"}",
    ]);
    let summary = json(sandbox.run_dir().join("summary.json"));
    let step = summary["best"]["step"].as_u64().unwrap();
    assert!(step < summary["step"].as_u64().unwrap());
    assert_eq!(summary["test"]["state"], "best");
    assert_eq!(summary["test"]["step"], step);
    let label = format!("(best, step {step})");
    assert!(ran.stdout.contains(&label), "{}", ran.stdout);
    let shown = sandbox.ok(&["show", "last"]).stdout;
    assert!(shown.contains(&label), "{shown}");
    // The same numbers as of that checkpoint, measured anew.
    let found = sandbox
        .ok(&["eval", "last", "--checkpoint", "best", "--format", "json"])
        .json();
    assert_eq!(found["step"], step);
    assert_eq!(
        found["metrics"]["test/loss"],
        summary["metrics"]["test/loss"]
    );
    let run = sandbox.run_dir();
    sandbox.ok(&["reproduce", "last", "-q"]);
    // A resume that ends the run again has the best state from its checkpoint.
    let patience = "train.early_stop.patience=\"3 evals\"";
    sandbox.ok(&["resume", run.to_str().unwrap(), "-q", "--set", patience]);
    let resumed = json(run.join("summary.json"));
    assert!(resumed["step"].as_u64() > summary["step"].as_u64());
    assert_eq!(resumed["test"], summary["test"]);
    assert_eq!(
        resumed["metrics"]["test/loss"],
        summary["metrics"]["test/loss"]
    );
}

/// Older versions wrote `stopped` for both ends; without a signal it was an early stop.
#[test]
fn an_early_stop_of_an_older_version_is_read_as_one() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let path = sandbox.run_dir().join("summary.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("early_stopped", "stopped")).unwrap();
    let listed = sandbox.ok(&["ls", "--format", "json"]).json();
    assert_eq!(listed[0]["status"], "early_stopped");
    sandbox
        .trainer(&["resume", "last"])
        .exits(2)
        .says("stopped early at step");
}
