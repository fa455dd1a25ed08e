//! Broken bytes and second writers.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
};

use trainer::run::Resume;

use crate::sandbox::{Sandbox, copy, json};

const CONFIG: &str = r#"
    name = "fragile"
    seed = 2

    [model]
    type = "mlp"
    hidden = [16]

    [dataset]
    type = "digits"
    limit = 256

    [optimizer]
    type = "adam"
    lr = 0.01

    [train]
    epochs = 9

    [checkpoint]
    every = "1 epochs"
    keep = 3
"#;

const FILES: [&str; 4] = [
    "manifest.json",
    "model.safetensors",
    "optimizer.safetensors",
    "state.json",
];

/// A run of 9 epochs (36 steps) that was killed after step 20; and its state when it is complete.
fn interrupted() -> (Sandbox, PathBuf, String) {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    let done = sandbox
        .ok(&["run", "c.toml", "-q", "--format", "json"])
        .json();
    let state = done["state_hash"].as_str().unwrap().to_string();
    let run = PathBuf::from(done["path"].as_str().unwrap());
    let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let early = |line: &&str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["step"].as_u64().unwrap() <= 32
    };
    // What a process leaves that was killed in its last epoch.
    fs::rename(run.join("summary.json"), run.join(".tmp-summary.json")).unwrap();
    let left: Vec<&str> = log.lines().take_while(early).collect();
    fs::write(run.join("metrics.jsonl"), left.join("\n") + "\n").unwrap();
    fs::remove_dir_all(run.join("checkpoints/step-0000000036")).unwrap();
    (sandbox, run, state)
}

/// The first bytes, where formats keep their lengths, and others from everywhere.
fn positions(length: usize) -> Vec<usize> {
    let spread = (0..6).map(|i| 8 + i * (length - 9) / 5);
    let mut all: Vec<usize> = [0, 1, 7].into_iter().chain(spread).collect();
    all.dedup();
    all
}

#[test]
fn any_flipped_byte_is_found_and_the_older_checkpoint_used() {
    let (sandbox, run, state) = interrupted();
    let run_name = run.to_str().unwrap();
    sandbox.ok(&["verify", run_name]);
    let newest = run.join("checkpoints/step-0000000032");
    let mut flipped = 0;
    for file in FILES {
        let path = newest.join(file);
        let whole = fs::read(&path).unwrap();
        for position in positions(whole.len()) {
            let mut bytes = whole.clone();
            bytes[position] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            let found = sandbox.trainer(&["verify", run_name]).exits(4);
            let line = "step-0000000032  ";
            assert!(
                found.stdout.contains(line),
                "{file} {position}: {}",
                found.stdout
            );
            let place = sandbox.path("copy");
            copy(&run, &place);
            let ended = sandbox
                .ok(&["resume", place.to_str().unwrap(), "--format", "json"])
                .says("warning: ")
                .says("at step 28 of 36");
            assert_eq!(ended.json()["state_hash"], state, "{file} at {position}");
            sandbox.ok(&["verify", place.to_str().unwrap()]);
            fs::remove_dir_all(place).unwrap();
            flipped += 1;
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(flipped >= 30, "{flipped}");
    sandbox.ok(&["verify", run_name]);
}

#[test]
fn a_lost_file_is_as_bad_as_a_broken_one() {
    let (sandbox, run, state) = interrupted();
    for (file, what) in FILES.into_iter().zip(["gone", "empty", "short", "gone"]) {
        let place = sandbox.path("copy");
        copy(&run, &place);
        let path = place.join("checkpoints/step-0000000032").join(file);
        match what {
            "gone" => fs::remove_file(path).unwrap(),
            "empty" => fs::write(path, b"").unwrap(),
            _ => fs::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(20)
                .unwrap(),
        }
        let place_name = place.to_str().unwrap();
        sandbox.trainer(&["verify", place_name]).exits(4);
        let ended = sandbox
            .ok(&["resume", place_name, "--format", "json"])
            .says("warning: ");
        assert_eq!(ended.json()["state_hash"], state, "{file} {what}");
        fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_torn_last_line_is_left_out() {
    let (sandbox, run, state) = interrupted();
    let mut log = fs::OpenOptions::new()
        .append(true)
        .open(run.join("metrics.jsonl"))
        .unwrap();
    log.write_all(br#"{"seq":99,"attempt":1,"kind":"st"#)
        .unwrap();
    let run = run.to_str().unwrap();
    let verified = sandbox.ok(&["verify", run]);
    assert!(verified.stdout.contains("torn"), "{}", verified.stdout);
    sandbox.ok(&["metrics", run]).says("torn");
    let ended = sandbox.ok(&["resume", run, "--format", "json"]);
    assert_eq!(ended.json()["state_hash"], state);
    let verified = sandbox.ok(&["verify", run]);
    assert!(!verified.stdout.contains("torn"), "{}", verified.stdout);
}

#[test]
fn a_damaged_record_is_said_and_nothing_is_touched() {
    let (sandbox, run, _) = interrupted();
    let path = run.join("run.json");
    fs::write(&path, "{\"format\": 1, ").unwrap();
    for verb in ["show", "verify", "resume", "reproduce", "metrics"] {
        sandbox
            .trainer(&[verb, run.to_str().unwrap()])
            .exits(4)
            .says("run.json");
    }
    fs::write(&path, "{\"format\": 99}").unwrap();
    sandbox
        .trainer(&["resume", run.to_str().unwrap()])
        .exits(4)
        .says("99");
}

#[test]
fn a_locked_run_is_left_alone() {
    let (sandbox, run, state) = interrupted();
    let lock = Resume::open(&run).unwrap();
    let before = fs::read(run.join("metrics.jsonl")).unwrap();
    let pid = std::process::id().to_string();
    sandbox
        .trainer(&["resume", run.to_str().unwrap()])
        .exits(5)
        .says(&pid);
    assert_eq!(fs::read(run.join("metrics.jsonl")).unwrap(), before);
    drop(lock);
    let ended = sandbox.ok(&["resume", run.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ended.json()["state_hash"], state);
}

#[test]
fn a_run_under_way_takes_no_second_writer() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    let mut first = sandbox.start(&["run", "c.toml", "--epochs", "100000"]);
    let mut stderr = BufReader::new(first.child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    first.signal("STOP");
    let pid = first.child.id().to_string();
    sandbox.trainer(&["resume", "last"]).exits(5).says(&pid);
    let listed = sandbox.ok(&["ls", "--format", "json"]).json();
    assert_eq!(listed[0]["status"], "running");
    first.signal("KILL");
    first.finish().exits(137);
    let listed = sandbox.ok(&["ls", "--format", "json"]).json();
    assert_eq!(listed[0]["status"], "crashed");
    assert_eq!(
        json(sandbox.run_dir().join("run.json"))["attempts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
