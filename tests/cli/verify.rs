//! `verify`: whatever was changed in a run is found, and a run that was only killed, stopped or is
//! under way is whole.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
};

use crate::{exits::TINY, sandbox::Sandbox};

fn completed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    sandbox.ok(&[
        "run",
        "tiny.toml",
        "-q",
        "--set",
        "train.log_every=\"5 steps\"",
    ]);
    sandbox
}

/// Replaces text in a file of the run, verifies, and puts the text back.
fn changed(sandbox: &Sandbox, file: &str, from: &str, to: &str) -> String {
    let path = sandbox.run_dir().join(file);
    let good = fs::read_to_string(&path).unwrap();
    assert!(good.contains(from), "{file} lacks {from}");
    fs::write(&path, good.replacen(from, to, 1)).unwrap();
    let said = sandbox.trainer(&["verify", "last"]).exits(4).stdout;
    fs::write(&path, good).unwrap();
    said
}

#[test]
fn an_edited_number_is_found_wherever_it_stands() {
    let sandbox = completed();
    let shown = sandbox.ok(&["verify", "last"]).stdout;
    assert!(!shown.contains("note"), "{shown}");
    let edits = [
        (
            "metrics.jsonl",
            "\"val/accuracy\":0.",
            "\"val/accuracy\":1.",
            "metrics.jsonl was changed",
        ),
        (
            "metrics.jsonl",
            "\"lr\":0.1,",
            "\"lr\":0.2,",
            "metrics.jsonl was changed",
        ),
        (
            "summary.json",
            "\"val/accuracy\": 0.",
            "\"val/accuracy\": 1.",
            "summary.json was changed",
        ),
        (
            "summary.json",
            "\"wall_s\": ",
            "\"wall_s\": 1",
            "summary.json was changed",
        ),
        ("plan.toml", "lr = 0.1", "lr = 0.2", "plan.toml was changed"),
        (
            "config.toml",
            "lr = 0.1",
            "lr = 0.2",
            "config.toml was changed",
        ),
        (
            "config/overrides.txt",
            "5 steps",
            "6 steps",
            "config/overrides.txt was changed",
        ),
        (
            "run.json",
            "\"threads\": ",
            "\"threads\": 1",
            "run.json was changed",
        ),
        (
            "trace.jsonl",
            "\"lr\":0.1",
            "\"lr\":0.2",
            "trace.jsonl was changed",
        ),
    ];
    for (file, from, to, fault) in edits {
        let said = changed(&sandbox, file, from, to);
        assert!(said.contains(fault), "{file}: {said}");
    }
    sandbox.ok(&["verify", "last"]);
    let log = sandbox.run_dir().join("metrics.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let (rest, last) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(&log, format!("{rest}\n")).unwrap();
    let said = sandbox.trainer(&["verify", "last"]).exits(4).stdout;
    assert!(said.contains("summary.json says"), "{said}");
    fs::write(&log, format!("{rest}\n{last}\n{last}\n")).unwrap();
    sandbox.trainer(&["verify", "last"]).exits(4);
    fs::remove_file(&log).unwrap();
    let said = sandbox.trainer(&["verify", "last"]).exits(4).stdout;
    assert!(said.contains("metrics.jsonl is missing"), "{said}");
}

/// A digest that is taken out does not make a run of the newest format an old one.
#[test]
fn a_summary_without_its_digest_is_a_changed_one() {
    let sandbox = completed();
    let path = sandbox.run_dir().join("summary.json");
    let text = fs::read_to_string(&path).unwrap();
    let without = text.lines().filter(|line| !line.contains("\"digest\""));
    fs::write(&path, without.collect::<Vec<_>>().join("\n")).unwrap();
    let said = sandbox.trainer(&["verify", "last"]).exits(4).stdout;
    assert!(said.contains("summary.json was changed"), "{said}");
}

const LONG: &str = r#"
    name = "long"
    seed = 4

    [model]
    type = "mlp"
    hidden = [8]

    [dataset]
    type = "digits"
    limit = 256

    [optimizer]
    type = "sgd"
    lr = 0.05

    [train]
    epochs = 100000

    [checkpoint]
    every = "2 steps"
    keep = 1
"#;

/// Starts a process and waits for its first line.
fn begun(sandbox: &Sandbox, args: &[&str]) -> crate::sandbox::Process {
    let mut process = sandbox.start(args);
    let mut stderr = BufReader::new(process.child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("epoch") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended");
    }
    // The pipe stays open until the process ends.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    process
}

#[test]
fn a_run_under_way_is_whole_however_often_it_is_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", LONG);
    let process = begun(&sandbox, &["run", "long.toml"]);
    for _ in 0..30 {
        let shown = sandbox.ok(&["verify", "last"]).stdout;
        assert!(shown.contains("the run is running"), "{shown}");
    }
    for _ in 0..5 {
        for words in [
            &["ls"][..],
            &["show", "last"],
            &["metrics", "last"],
            &["logs", "last"],
            &["eval", "last", "--checkpoint", "last"],
        ] {
            let seen = sandbox.ok(words);
            assert!(
                !seen.stderr.contains("warning"),
                "{words:?}: {}",
                seen.stderr
            );
        }
    }
    process.signal("KILL");
    process.finish().exits(137);
    sandbox.ok(&["verify", "last"]);
}

#[test]
fn a_run_that_was_killed_and_stopped_is_whole() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", LONG);
    let verified = |dir: &Path| sandbox.ok(&["verify", dir.to_str().unwrap()]).stdout;
    let mut process = begun(&sandbox, &["run", "long.toml"]);
    for signal in ["KILL", "INT", "KILL", "TERM"] {
        process.signal(signal);
        process.finish();
        verified(&sandbox.run_dir());
        process = begun(&sandbox, &["resume", "last"]);
    }
    process.signal("INT");
    process.finish().exits(130);
    let shown = verified(&sandbox.run_dir());
    assert!(!shown.contains("note"), "{shown}");
    let log = sandbox.run_dir().join("metrics.jsonl");
    let good = fs::read_to_string(&log).unwrap();
    fs::write(&log, good.replacen("\"lr\":0.05", "\"lr\":0.5", 1)).unwrap();
    sandbox.trainer(&["verify", "last"]).exits(4);
    // Going on says so, and the log keeps it.
    let mut process = sandbox.start(&["resume", "last", "-q"]);
    let mut said = String::new();
    let mut stderr = BufReader::new(process.child.stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    assert!(
        said.starts_with("warning: metrics.jsonl was changed"),
        "{said}"
    );
    process.signal("KILL");
}

#[test]
fn a_resume_that_was_killed_as_it_began_leaves_the_run_whole() {
    let sandbox = completed();
    let run = sandbox.run_dir();
    // The summary is taken away first, under another name.
    fs::rename(run.join("summary.json"), run.join(".tmp-summary.json")).unwrap();
    sandbox.ok(&["verify", "last"]);
    // The new plan is there, its attempt is not recorded yet.
    let plan = fs::read_to_string(run.join("plan.toml")).unwrap();
    fs::write(run.join("plan.before-2.toml"), &plan).unwrap();
    fs::write(
        run.join("plan.toml"),
        plan.replace("epochs = 3", "epochs = 4"),
    )
    .unwrap();
    sandbox.ok(&["verify", "last"]);
    sandbox.ok(&["resume", "last", "-q"]);
    let shown = sandbox.ok(&["verify", "last"]).stdout;
    assert!(!shown.contains("note"), "{shown}");
}
