//! Run directories of strangers: what is no plain file is refused, nobody waits for it, and the other
//! runs are seen all the same.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    exits::TINY,
    sandbox::{Outcome, Process, Sandbox},
};

/// A completed run, and its directory.
fn completed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    sandbox.ok(&["run", "tiny.toml", "-q", "--epochs", "1"]);
    sandbox
}

/// Runs the tool, and kills it where it waits for something or takes too much memory.
fn soon(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut process: Process = sandbox.start(words);
    let began = Instant::now();
    while process.child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "{words:?} waits");
        std::thread::sleep(Duration::from_millis(10));
    }
    process.finish()
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_or_device_in_a_run_stops_nobody() {
    let sandbox = completed();
    sandbox.ok(&["run", "tiny.toml", "-q", "--name", "other", "--epochs", "1"]);
    let run = sandbox.run_dirs().remove(1);
    let id = run.file_name().unwrap().to_str().unwrap();
    let zero = |place: &Path| symlink("/dev/zero", place).unwrap();
    for (name, readers) in [
        ("plan.toml", &["eval", "reproduce", "resume"][..]),
        ("run.json", &["show", "eval", "resume", "metrics", "logs"]),
        ("trace.jsonl", &["logs"]),
    ] {
        for strange in [&pipe as &dyn Fn(&Path), &zero] {
            let (place, aside) = (run.join(name), sandbox.path("aside"));
            fs::rename(&place, &aside).unwrap();
            strange(&place);
            for reader in readers {
                soon(&sandbox, &[reader, id])
                    .exits(4)
                    .says("not a regular file");
            }
            let seen = soon(&sandbox, &["ls"]).exits(0);
            assert!(seen.stdout.contains("other"), "{}", seen.stdout);
            assert_eq!(seen.stderr.contains("is damaged"), name != "trace.jsonl");
            soon(&sandbox, &["show", id]);
            soon(&sandbox, &["verify", id]).exits(4);
            fs::remove_file(&place).unwrap();
            fs::rename(&aside, &place).unwrap();
        }
    }
    sandbox.ok(&["verify", id]);
}

#[test]
fn a_linked_trace_shows_nothing_of_another_file() {
    let sandbox = completed();
    let secret = sandbox.write("secret", "a secret\n");
    let trace = sandbox.run_dir().join("trace.jsonl");
    fs::remove_file(&trace).unwrap();
    symlink(&secret, &trace).unwrap();
    let seen = sandbox.trainer(&["logs", "last"]).exits(4);
    assert!(!(seen.stdout + &seen.stderr).contains("a secret"));
}

#[test]
fn a_linked_folder_of_checkpoints_stays_as_it_is() {
    let sandbox = completed();
    let place = sandbox.run_dir().join("checkpoints");
    let mine = sandbox.write("mine/.tmp-work/kept", "kept");
    fs::rename(&place, sandbox.path("aside")).unwrap();
    symlink(sandbox.path("mine"), &place).unwrap();
    sandbox
        .trainer(&["resume", "last", "--epochs", "2", "--schedule", "config"])
        .exits(4)
        .says("not a directory");
    assert_eq!(fs::read(mine).unwrap(), b"kept");
    assert_eq!(fs::read_dir(sandbox.path("mine")).unwrap().count(), 1);
}

#[test]
fn a_folder_of_runs_on_another_disk_is_a_link_away() {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    fs::create_dir(sandbox.path("disk")).unwrap();
    symlink(sandbox.path("disk"), sandbox.runs()).unwrap();
    sandbox.ok(&["run", "tiny.toml", "-q", "--epochs", "1"]);
    symlink(sandbox.run_dir(), sandbox.path("named")).unwrap();
    let seen = sandbox.ok(&["ls"]).stdout;
    assert!(seen.contains("tiny"), "{seen}");
    for words in [
        ["verify", "last"],
        ["eval", "./named"],
        ["show", "./named"],
        ["logs", "./named"],
    ] {
        sandbox.ok(&words);
    }
    sandbox.ok(&[
        "resume",
        "./named",
        "-q",
        "--epochs",
        "2",
        "--schedule",
        "config",
    ]);
    sandbox.ok(&["verify", "./named"]);
}

#[test]
fn a_plan_that_was_edited_is_neither_evaluated_nor_repeated() {
    let sandbox = completed();
    let plan = sandbox.run_dir().join("plan.toml");
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replace("seed = 1", "seed = 2")).unwrap();
    for verb in ["eval", "reproduce"] {
        sandbox
            .trainer(&[verb, "last"])
            .exits(2)
            .says("it is not the plan that run");
    }
    sandbox.trainer(&["resume", "last"]).exits(2);
    sandbox.trainer(&["verify", "last"]).exits(4);
    fs::write(&plan, text).unwrap();
    sandbox.ok(&["eval", "last"]);
}
