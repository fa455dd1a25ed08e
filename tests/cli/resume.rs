//! Killed, stopped and changed runs that go on.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher, Hasher},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use trainer::run::{Reader, compare};

use crate::sandbox::{Process, Sandbox, json, json_lines};

/// Everything that has state: dropout, batch norm, Adam's moments, averages, accumulation, best.
const STATEFUL: &str = r#"
    name = "stateful"
    seed = 5

    [model]
    type = "mlp"
    hidden = [12]
    norm = "batch"
    dropout = 0.2

    [dataset]
    type = "digits"
    batch_size = 16
    limit = 200

    [optimizer]
    type = "adamw"
    lr = 0.01

    [[schedule]]
    type = "warmup"
    for = "20 steps"

    [[schedule]]
    type = "cosine"

    [train]
    epochs = 60
    grad_accumulation = 2
    log_every = "3 steps"
    ema = { decay = 0.9 }

    [checkpoint]
    every = "5 steps"
    keep = 3
"#;

/// Small and fast, and long enough to be caught in the middle.
const LONG: &str = r#"
    name = "long"
    seed = 5

    [model]
    type = "mlp"
    hidden = [16]

    [dataset]
    type = "digits"

    [optimizer]
    type = "sgd"
    lr = 0.05
    momentum = 0.9

    [[schedule]]
    type = "poly"

    [train]
    epochs = 300
    eval_every = "100 epochs"

    [checkpoint]
    every = "100 epochs"
"#;

/// Rows without what tells of time and of the process.
fn timeless(run: &Path) -> Vec<Value> {
    let mut rows = json_lines(run.join("metrics.jsonl"));
    for row in rows.iter_mut().map(|row| row.as_object_mut().unwrap()) {
        row.retain(|key, _| {
            !["time", "attempt", "samples_per_s"].contains(&key.as_str())
                && !key.ends_with("_s")
                && !key.ends_with("_ms")
        });
    }
    rows
}

#[track_caller]
pub fn same_run(a: &Path, b: &Path) {
    let (first, second) = (Reader::open(a).unwrap(), Reader::open(b).unwrap());
    let found = compare(&first, &second);
    assert_eq!(found.difference, None, "{} {}", a.display(), b.display());
    assert!(found.rows > 20, "{found:?}");
    let state = |view: &trainer::run::RunView| view.summary.as_ref().unwrap().state_hash.clone();
    assert_eq!(state(&first), state(&second));
    for (a, b) in timeless(a).iter().zip(timeless(b)) {
        assert_eq!(*a, b);
    }
    assert_eq!(timeless(a).len(), timeless(b).len());
}

/// A number that is another in each run of the tests.
fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

/// Lets a process go on for a random while, and kills it: after some of its lines, or in the
/// middle of whatever it does. Whether it was killed, and not complete before.
fn killed_somewhere(mut process: Process) -> bool {
    if random(2) == 0 {
        let mut lines = BufReader::new(process.child.stderr.take().unwrap()).lines();
        for _ in 0..=random(4) {
            lines.next();
        }
    } else {
        let (start, pause) = (Instant::now(), Duration::from_micros(random(150_000)));
        while start.elapsed() < pause {
            std::hint::spin_loop();
        }
    }
    process.signal("KILL");
    process.finish().code == 137
}

#[test]
fn fifty_kills_change_nothing() {
    let whole = Sandbox::new();
    let config = whole.write("stateful.toml", STATEFUL);
    let config = config.to_str().unwrap();
    whole.ok(&["run", config, "-q"]);

    let mut kills = 0;
    while kills < 50 {
        let sandbox = Sandbox::new();
        let mut attempts = 0;
        loop {
            // Killed before there was a run, or before its directory was a whole one.
            let begun = sandbox
                .run_dirs()
                .pop()
                .filter(|run| run.join("run.json").exists());
            let run = begun.as_ref().map(|run| run.to_str().unwrap());
            let args = run.map_or(vec!["run", config], |run| vec!["resume", run]);
            if kills >= 50 {
                sandbox.ok(&args);
                break;
            }
            attempts += 1;
            kills += u32::from(killed_somewhere(sandbox.start(&args)));
            let finished = sandbox.run_dirs().pop().map(|run| run.join("summary.json"));
            if finished.is_some_and(|summary| summary.exists()) {
                break;
            }
        }
        let run = sandbox.run_dirs().pop().unwrap();
        println!("{kills} kills so far, the last run in {attempts} attempts");
        same_run(&whole.run_dir(), &run);
        sandbox.ok(&["verify", run.to_str().unwrap()]);
    }
}

/// Starts the config and waits for its first epoch.
fn under_way(sandbox: &Sandbox, args: &[&str]) -> Process {
    let mut process = sandbox.start(args);
    let mut stderr = BufReader::new(process.child.stderr.take().unwrap());
    let mut line = String::new();
    // The names of the columns, and the first row.
    stderr.read_line(&mut line).unwrap();
    stderr.read_line(&mut line).unwrap();
    assert!(line.trim_start().starts_with("epoch"), "{line}");
    // The rest is small enough for the pipe.
    process.child.stderr = Some(stderr.into_inner());
    process
}

#[test]
fn a_signal_saves_and_a_resume_ends_the_same() {
    let whole = Sandbox::new();
    whole.write("long.toml", LONG);
    whole.ok(&["run", "long.toml", "-q"]);
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let sandbox = Sandbox::new();
        sandbox.write("long.toml", LONG);
        let process = under_way(&sandbox, &["run", "long.toml"]);
        process.signal(signal);
        process.finish().exits(128 + number);
        let run = sandbox.run_dir();
        let summary = json(run.join("summary.json"));
        assert_eq!(summary["status"], "stopped");
        assert_eq!(summary["signal"], number);
        let step = summary["step"].as_u64().unwrap();
        assert!((1..6000).contains(&step), "{step}");
        let checkpoint = run.join(format!("checkpoints/step-{step:010}/manifest.json"));
        assert!(checkpoint.exists(), "{}", checkpoint.display());
        sandbox.ok(&["verify", "last"]);
        sandbox
            .ok(&["resume", "last"])
            .says(&format!("at step {step} of 6000"));
        let attempts = &json(run.join("run.json"))["attempts"];
        assert_eq!(attempts[0]["status"], "stopped");
        assert_eq!(attempts[1]["from_step"], step);
        same_run(&whole.run_dir(), &run);
    }
}

/// Waits until the process makes no progress: here, because nobody reads what it writes.
#[cfg(target_os = "linux")]
fn wait_until_blocked(process: &Process) {
    let path = format!("/proc/{}/status", process.child.id());
    let switches = || {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("State:\tZ"), "the process has ended");
        let line = text.lines().find(|line| line.starts_with("voluntary"));
        (text.contains("State:\tS"), line.unwrap().to_string())
    };
    let (mut seen, mut since) = (switches(), Instant::now());
    while !seen.0 || since.elapsed() < Duration::from_millis(100) {
        let now = switches();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", LONG);
    let more = ["--set", "train.log_every=\"1 steps\"", "-v"];
    let process = sandbox.start(&[&["run", "long.toml"], &more[..]].concat());
    // Before there is a run, one signal is enough.
    while sandbox.run_dirs().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    wait_until_blocked(&process);
    process.signal("INT");
    wait_until_blocked(&process);
    process.signal("INT");
    process.finish().exits(130);
    let run = sandbox.run_dir();
    assert!(!run.join("summary.json").exists());
    assert_eq!(
        sandbox.ok(&["ls", "--format", "json"]).json()[0]["status"],
        "crashed"
    );
    sandbox.ok(&["resume", "last", "-q"]);
    assert_eq!(json(run.join("summary.json"))["step"], 6000);
}

#[test]
fn a_complete_run_has_nothing_to_resume() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", LONG);
    sandbox.ok(&["run", "long.toml", "--epochs", "2", "-q"]);
    let before = fs::read(sandbox.run_dir().join("metrics.jsonl")).unwrap();
    sandbox
        .trainer(&["resume", "last"])
        .exits(2)
        .says("is complete after 40 steps")
        .says("--epochs");
    let after = fs::read(sandbox.run_dir().join("metrics.jsonl")).unwrap();
    assert_eq!(after, before);
}

#[test]
fn without_a_checkpoint_a_run_begins_again() {
    let config = LONG
        .replace("epochs = 300", "epochs = 2\n    log_every = \"1 steps\"")
        .replace("type = \"digits\"", "type = \"digits\"\n    batch_size = 2");
    let (whole, sandbox) = (Sandbox::new(), Sandbox::new());
    whole.write("c.toml", &config);
    whole.ok(&["run", "c.toml", "-q"]);
    sandbox.write("c.toml", &config);
    let mut process = sandbox.start(&["run", "c.toml", "-v"]);
    let mut lines = BufReader::new(process.child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("step 1 "));
    process.signal("KILL");
    process.finish().exits(137);
    sandbox
        .ok(&["resume", "last"])
        .says("reached no checkpoint: starting at step 0");
    same_run(&whole.run_dir(), &sandbox.run_dir());
}

#[test]
fn a_changed_config_is_refused_with_what_differs() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", LONG);
    sandbox.ok(&["run", "long.toml", "--epochs", "2", "-q"]);
    sandbox
        .trainer(&[
            "resume",
            "last",
            "--set",
            "model.hidden=[3]",
            "--epochs",
            "9",
        ])
        .exits(2)
        .says("model.hidden: [16] → [3]");
    sandbox
        .trainer(&["resume", "last", "--epochs", "9"])
        .exits(2)
        .says("train.epochs: 2 → 9")
        .says("--schedule");
    let run = sandbox.run_dir();
    assert_eq!(json(run.join("summary.json"))["status"], "completed");
    // The stored plan is not to be edited by hand either.
    let plan = fs::read_to_string(run.join("plan.toml")).unwrap();
    let plan = plan.replace("epochs = 2", "epochs = 3");
    fs::write(run.join("plan.toml"), plan).unwrap();
    let refused = sandbox.trainer(&["resume", "last"]).exits(2);
    let refused = refused.says("plan.toml").says("undo the edit of plan.toml");
    assert!(!refused.stderr.contains("--allow"), "{}", refused.stderr);
    // What the hint names helps.
    let edited = run.join("plan.toml");
    sandbox.ok(&["run", edited.to_str().unwrap(), "--dry-run"]);
}

#[test]
fn a_plan_that_another_program_reads_otherwise_is_no_edit() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", LONG);
    sandbox.ok(&["run", "long.toml", "--epochs", "1", "-q"]);
    let run = sandbox.run_dir();
    // As an earlier program would have stored it, which did not have this key.
    let plan = fs::read_to_string(run.join("plan.toml")).unwrap();
    let older = plan.replace("on_nan = \"stop\"\n", "");
    assert_ne!(older, plan);
    fs::write(run.join("plan.toml"), &older).unwrap();
    let mut table: toml::Table = older.parse().unwrap();
    table.remove("name");
    let hash = blake3::hash(table.to_string().as_bytes()).to_hex();
    let path = run.join("run.json");
    let mut info = json(&path);
    info["plan_hash"] = hash.as_str().into();
    info["attempts"][0]["binary"]["version"] = "0.0.1".into();
    fs::write(&path, info.to_string()).unwrap();

    let more = ["--epochs", "2", "--schedule", "config"];
    let resume = [&["resume", "last", "-q"], &more[..]].concat();
    sandbox
        .trainer(&resume)
        .exits(2)
        .says("plan as this program reads it: ")
        .says("put back what changed, or allow it with --allow binary\n");
    sandbox.ok(&[&resume[..], &["--allow", "binary"]].concat());
    let info = json(&path);
    let changes = info["attempts"][1]["changes"].to_string();
    assert!(
        changes.contains("plan as this program reads it: "),
        "{changes}"
    );
    let stored = sandbox.ok(&[
        "check",
        run.join("plan.toml").to_str().unwrap(),
        "--format",
        "json",
    ]);
    assert_eq!(stored.json()["plan_hash"], info["plan_hash"]);
}

/// A run of two epochs (40 steps, lr 0.1 → 0.02) that goes on for one more.
fn lengthened(mode: &str) -> (Sandbox, Vec<(u64, f64)>) {
    let sandbox = Sandbox::new();
    let config = LONG
        .replace("lr = 0.05", "lr = 0.1")
        .replace("\"poly\"", "\"poly\"\n    to_value = 0.02")
        .replace("epochs = 300", "epochs = 2\n    log_every = \"1 steps\"");
    sandbox.write("c.toml", config);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let more = ["--epochs", "3", "--schedule", mode];
    let end = ["--set", "schedule.0.to_value=0.01"];
    let splice: &[&str] = if mode == "splice" { &end } else { &[] };
    sandbox.ok(&[&["resume", "last", "-q"], &more[..], splice].concat());
    let rows = json_lines(sandbox.run_dir().join("metrics.jsonl"));
    let lrs = rows
        .iter()
        .filter(|row| row["kind"] == "step")
        .map(|row| (row["step"].as_u64().unwrap(), row["lr"].as_f64().unwrap()))
        .collect();
    (sandbox, lrs)
}

/// Poly with power 1, from 0.1 to 0.02, over so many steps.
fn line(t: u64, length: u64) -> f64 {
    let p = (t as f64 / length as f64).min(1.0);
    0.02 + (0.1 - 0.02) * (1.0 - p)
}

#[test]
fn a_longer_run_says_what_its_schedule_does() {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    for mode in ["config", "checkpoint", "splice"] {
        let (sandbox, lrs) = lengthened(mode);
        assert_eq!(lrs.len(), 60);
        for (step, lr) in &lrs {
            let (t, lr) = (step - 1, *lr);
            let expected = match (t < 40, mode) {
                (true, _) => line(t, 40),
                (false, "config") => line(t, 60),
                (false, "checkpoint") => 0.02,
                // From 0.02 to 0.01, over the 20 steps that are left.
                _ => 0.02 - 0.01 * (t - 40) as f64 / 20.0,
            };
            assert!(near(lr, expected), "{mode}, t = {t}: {lr}, not {expected}");
        }
        let run = sandbox.run_dir();
        let info = json(run.join("run.json"));
        let changes = info["attempts"][1]["changes"].to_string();
        assert!(changes.contains("train.epochs: 2 → 3"), "{changes}");
        assert!(
            changes.contains(&format!("schedule: {mode} at step 40")),
            "{changes}"
        );
        assert!(run.join("plan.before-2.toml").exists());
        // What is stored is the plan that was run.
        let plan = run.join("plan.toml");
        let json = sandbox
            .ok(&["check", plan.to_str().unwrap(), "--format", "json"])
            .json();
        assert_eq!(json["plan_hash"], info["plan_hash"]);
        sandbox.ok(&["verify", "last"]);
    }
}

const TABLE: &str = r#"
    [model]
    type = "mlp"
    hidden = [4]

    [dataset]
    type = "csv"
    path = "table.csv"
    target = "y"
    batch_size = 8

    [optimizer]
    type = "sgd"
    lr = 0.1

    [train]
    epochs = 2
"#;

fn table(sandbox: &Sandbox, last: &str) {
    let rows = (0..60).map(|i| format!("{},{},{}\n", i % 7, i % 5, ["a", "b"][i % 2]));
    let text = format!("u,v,y\n{}{last}\n", rows.collect::<String>());
    sandbox.write("table.csv", text);
}

#[test]
fn changed_data_are_refused_unless_allowed() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", TABLE);
    table(&sandbox, "1,2,a");
    sandbox.ok(&["run", "c.toml", "-q"]);
    table(&sandbox, "1,3,a");
    let more = [
        "resume",
        "last",
        "-q",
        "--epochs",
        "3",
        "--schedule",
        "config",
    ];
    sandbox
        .trainer(&more)
        .exits(2)
        .says("data: content")
        .says("--allow data\n");
    let before = json(sandbox.run_dir().join("run.json"))["data_fingerprint"].clone();
    sandbox.ok(&[&more[..], &["--allow", "data"]].concat());
    let info = json(sandbox.run_dir().join("run.json"));
    let text = fs::read(sandbox.path("table.csv")).unwrap();
    let now = blake3::hash(&text).to_hex();
    assert_eq!(info["data_fingerprint"], now.as_str());
    let change = format!("data: content {} → {now}", before.as_str().unwrap());
    let changes = info["attempts"][1]["changes"].as_array().unwrap();
    assert!(changes.contains(&change.into()), "{changes:?}");
    // The run is one of these data from now on: it goes on without a word, and with the first ones
    // only where they are allowed.
    sandbox.ok(&["verify", "last"]);
    let more = ["resume", "last", "-q", "--schedule", "config", "--epochs"];
    sandbox.ok(&[&more[..], &["4"]].concat());
    let changes = json(sandbox.run_dir().join("run.json"))["attempts"][2]["changes"].to_string();
    assert!(!changes.contains("data:"), "{changes}");
    sandbox
        .trainer(&["reproduce", "last"])
        .exits(2)
        .says("was changed on its way");
    table(&sandbox, "1,2,a");
    sandbox
        .trainer(&[&more[..], &["5"]].concat())
        .exits(2)
        .says("data: content");
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn a_checkpoint_that_does_not_fit_leaves_the_run_as_it_was() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", TABLE);
    table(&sandbox, "1,2,a");
    sandbox.ok(&["run", "c.toml", "-q"]);
    // One more column: the first layer is wider than the one in the checkpoint.
    let text = fs::read_to_string(sandbox.path("table.csv")).unwrap();
    let wider = text.lines().enumerate().map(|(i, line)| match i {
        0 => format!("w,{line}\n"),
        _ => format!("{},{line}\n", i % 3),
    });
    sandbox.write("table.csv", wider.collect::<String>());
    let run = sandbox.run_dir();
    let before = files(&run);
    let more = ["--epochs", "3", "--schedule", "config", "--allow", "data"];
    sandbox
        .trainer(&[&["resume", "last", "-q"], &more[..]].concat())
        .exits(4)
        .says("cannot go on from its checkpoint of step 14")
        .says("`fc1.weight` is F32 [4, 2] in the checkpoint and F32 [4, 3] in the model")
        .says("put back the data");
    // The lock's file names its last holder.
    let kept = |all: Vec<(PathBuf, Vec<u8>)>| -> Vec<(PathBuf, Vec<u8>)> {
        let is_lock = |path: &Path| path.ends_with(".lock");
        all.into_iter().filter(|(path, _)| !is_lock(path)).collect()
    };
    assert!(before.len() > 5);
    assert!(kept(files(&run)) == kept(before), "the run was changed");
}

#[test]
fn another_build_is_refused_unless_allowed() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", LONG);
    sandbox.ok(&["run", "long.toml", "--epochs", "1", "-q"]);
    let path = sandbox.run_dir().join("run.json");
    let mut info = json(&path);
    info["attempts"][0]["binary"]["version"] = "0.0.1".into();
    fs::write(&path, info.to_string()).unwrap();
    let more = [
        "resume",
        "last",
        "-q",
        "--epochs",
        "2",
        "--schedule",
        "config",
    ];
    sandbox.trainer(&more).exits(2).says("program: 0.0.1");
    sandbox.ok(&[&more[..], &["--allow", "binary"]].concat());
    let changes = json(&path)["attempts"][1]["changes"].to_string();
    assert!(changes.contains("program: 0.0.1"), "{changes}");
}
