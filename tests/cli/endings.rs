//! Runs whose process ends at the very end, and whose disk fails: they go on, and end as one that
//! was left alone.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::sandbox::{Outcome, Process, Sandbox, finish, json, json_lines};

/// A short training and a long test, sample by sample.
const TESTED: &str = r#"
    name = "tested"
    seed = 5

    [model]
    type = "mlp"
    hidden = [4]

    [dataset]
    type = "synthetic"
    shape = [4]
    classes = 3
    samples = 100000
    split = { val = "1%", test = "98%" }
    eval_batch_size = 1

    [optimizer]
    type = "sgd"
    lr = 0.05

    [train]
    epochs = 4
"#;

/// Four checkpoints, of which two stay.
const SMALL: &str = r#"
    name = "small"
    seed = 5

    [model]
    type = "mlp"
    hidden = [8]

    [dataset]
    type = "digits"
    limit = 100
    batch_size = 50

    [optimizer]
    type = "sgd"
    lr = 0.05

    [train]
    epochs = 4

    [checkpoint]
    every = "1 epochs"
    keep = 2
"#;

/// What a run leaves, without what tells of time and of the process.
#[derive(Debug, PartialEq)]
struct Left {
    rows: Vec<Value>,
    summary: BTreeMap<&'static str, Value>,
    reasons: BTreeMap<String, Value>,
    confusion: Value,
    files: Vec<String>,
}

fn left(run: &Path) -> Left {
    let mut rows = json_lines(run.join("metrics.jsonl"));
    for row in rows.iter_mut().map(|row| row.as_object_mut().unwrap()) {
        row.retain(|key, _| {
            !["time", "attempt", "samples_per_s"].contains(&key.as_str())
                && !key.ends_with("_s")
                && !key.ends_with("_ms")
        });
    }
    let whole = json(run.join("summary.json"));
    let keys = ["status", "step", "metrics", "best", "test", "state_hash"];
    let checkpoints = names(&run.join("checkpoints"));
    let manifest = |name: &String| json(run.join("checkpoints").join(name).join("manifest.json"));
    let mut files = names(run);
    files.retain(|name| !name.starts_with("metrics.cut-"));
    Left {
        rows,
        summary: keys.map(|key| (key, whole[key].clone())).into(),
        reasons: checkpoints
            .iter()
            .map(|name| (name.clone(), manifest(name)["reasons"].clone()))
            .collect(),
        confusion: json(run.join("confusion.json")),
        files,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits until the last checkpoint is committed; the test split is then measured.
fn wait_for_the_test(sandbox: &Sandbox, process: &mut Process, last: u64) {
    let line = format!("\"kind\":\"checkpoint\",\"step\":{last},");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(120) {
        let committed = sandbox.run_dirs().pop().is_some_and(|run| {
            let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
            log.contains(&line)
        });
        if committed {
            return;
        }
        assert!(process.child.try_wait().unwrap().is_none(), "it ended");
    }
    panic!("there was no last checkpoint");
}

#[test]
fn a_run_that_is_stopped_in_its_last_test_can_be_finished() {
    let early = "early_stop = { metric = \"val/loss\", patience = \"2 evals\", min_delta = 0.5 }\n";
    let test = "test = \"best\"\n";
    for more in ["", test, early, &[early, test].concat()] {
        for (signal, number) in [("INT", 2), ("TERM", 15), ("KILL", 9)] {
            if number != 2 && !more.is_empty() {
                continue;
            }
            let config = format!("{TESTED}{more}");
            let (whole, sandbox) = (Sandbox::new(), Sandbox::new());
            whole.write("c.toml", &config);
            whole.ok(&["run", "c.toml", "-q"]);
            sandbox.write("c.toml", &config);
            let mut process = sandbox.start(&["run", "c.toml", "-q"]);
            let last = json(whole.run_dir().join("summary.json"))["step"].as_u64();
            wait_for_the_test(&sandbox, &mut process, last.unwrap());
            process.signal(signal);
            let ended = process.finish().exits(128 + number);
            let run = sandbox.run_dir();
            let name = run.to_str().unwrap();
            if number != 9 {
                assert!(ended.stdout.contains("resume last"), "{}", ended.stdout);
                let summary = json(run.join("summary.json"));
                assert_eq!(summary["status"], "stopped");
                assert_eq!(summary["metrics"].get("test/loss"), None);
            }
            sandbox.ok(&["verify", name]);
            let again = sandbox.ok(&["reproduce", name, "-q"]);
            assert!(again.stdout.contains("all until it"), "{}", again.stdout);
            sandbox.ok(&["eval", name, "--split", "val"]);
            sandbox
                .ok(&["resume", name])
                .says("only its end is left to do");
            assert_eq!(left(&run), left(&whole.run_dir()), "{signal} {more}");
            sandbox.ok(&["verify", name]);
            // Now it is done.
            sandbox.trainer(&["resume", name]).exits(2);
        }
    }
}

#[test]
fn a_summary_that_is_lost_is_written_again() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", SMALL);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let run = sandbox.run_dir();
    let before = left(&run);
    for text in [None, Some("{")] {
        let path = run.join("summary.json");
        match text {
            None => fs::remove_file(path).unwrap(),
            Some(text) => fs::write(path, text).unwrap(),
        }
        sandbox.ok(&["resume", "last", "-q"]);
        assert_eq!(left(&run), before);
        sandbox.ok(&["verify", "last"]);
    }
}

#[test]
fn a_run_is_not_made_shorter_than_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", SMALL);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let run = sandbox.run_dir();
    fs::remove_file(run.join("summary.json")).unwrap();
    let shorter = ["resume", "last", "--epochs", "2", "--schedule", "config"];
    sandbox
        .trainer(&shorter)
        .exits(2)
        .says("has done 8 updates, more than the 4 of the new plan")
        .says("`--steps`");
}

#[test]
fn a_run_that_was_stopped_is_reproduced_as_far_as_it_went() {
    let sandbox = Sandbox::new();
    let more = "log_every = \"1 steps\"";
    let config = SMALL.replace("epochs = 4", &format!("epochs = 4000\n{more}"));
    sandbox.write("c.toml", config);
    let mut process = sandbox.start(&["run", "c.toml", "-q"]);
    let log = |run: PathBuf| fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    while !sandbox
        .run_dirs()
        .pop()
        .is_some_and(|run| log(run).contains("\"step\":9,"))
    {
        assert!(process.child.try_wait().unwrap().is_none(), "it ended");
    }
    process.signal("INT");
    process.finish().exits(130);
    let run = sandbox.run_dir();
    let name = run.to_str().unwrap();
    let again = sandbox
        .ok(&["reproduce", name, "-q", "--format", "json"])
        .json();
    assert_eq!(again["broken_off"], "stopped");
    assert!(again["rows"].as_u64() > Some(9), "{again}");
    // A number that is another is still found.
    let path = run.join("metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replacen("\"train/loss\":2.", "\"train/loss\":3.", 1);
    assert_ne!(changed, text);
    fs::write(&path, changed).unwrap();
    sandbox.trainer(&["reproduce", name, "-q"]).exits(6);
}

/// The command with the system call `call` tampered with when it is made for the `n`-th time;
/// `None` where there is no strace, or it may not trace.
fn tampered(sandbox: &Sandbox, call: &str, fault: &str, n: usize) -> Option<(Outcome, bool)> {
    let command = sandbox.command(&["run", "c.toml", "-q"]);
    let trace = sandbox.path("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&trace);
    strace.args(["-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:{fault}:when={n}")]);
    strace.arg(command.get_program()).args(command.get_args());
    strace.current_dir(command.get_current_dir()?);
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(key, value),
            None => strace.env_remove(key),
        };
    }
    let able = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status();
    if !able.is_ok_and(|status| status.success()) {
        println!("skipped: strace is not there, or may not trace");
        return None;
    }
    let ended = finish(&mut strace);
    let trace = fs::read_to_string(trace).unwrap();
    let done = trace.contains("INJECTED") || trace.contains("killed by SIGKILL");
    Some((ended, done))
}

/// Runs the config once for each time that it makes a system call, which then fails or kills it, and
/// goes on with what is left.
fn everywhere(call: &str, fault: &str) {
    let whole = Sandbox::new();
    whole.write("c.toml", SMALL);
    whole.ok(&["run", "c.toml", "-q"]);
    let whole = left(&whole.run_dir());
    for n in 1.. {
        let sandbox = Sandbox::new();
        sandbox.write("c.toml", SMALL);
        let Some((ended, done)) = tampered(&sandbox, call, fault, n) else {
            return;
        };
        let what = format!("{call} {n}: {fault}: {}", ended.stderr);
        if !done {
            assert!(n > 2, "{what}");
            return;
        }
        let Some(run) = sandbox.run_dirs().pop() else {
            // Nothing of a run that could not be begun; a killed process can clean up nothing.
            let empty = fs::read_dir(sandbox.runs()).map_or(0, |all| all.count());
            assert!(fault.starts_with("signal") || empty == 0, "{what}");
            continue;
        };
        let name = run.to_str().unwrap();
        sandbox.ok(&["verify", name]);
        if ended.code != 0 {
            sandbox.ok(&["resume", name, "-q"]);
        }
        assert_eq!(left(&run), whole, "{what}");
        sandbox.ok(&["verify", name]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_kill_at_any_sync_or_rename_changes_nothing() {
    for call in ["fdatasync", "fsync", "renameat"] {
        everywhere(call, "signal=SIGKILL");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_at_any_sync_or_rename_changes_nothing() {
    for call in ["fdatasync", "fsync", "renameat", "mkdirat"] {
        everywhere(call, "error=ENOSPC");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_that_cannot_be_deleted_at_first_is_told_and_deleted_later() {
    everywhere("unlinkat", "error=EIO");
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", SMALL);
    let Some((ended, _)) = tampered(&sandbox, "unlinkat", "error=EIO", 1) else {
        return;
    };
    let ended = ended
        .exits(0)
        .says("warning: an old checkpoint stays: cannot remove");
    assert!(
        ended.stderr.contains("tried again at the next save"),
        "{}",
        ended.stderr
    );
}
