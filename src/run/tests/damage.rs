//! Damaged and hostile files are found, and nothing of them is believed.

use std::{fs, path::Path};

use super::toy;
use crate::run::{Reader, Resume, RunError, load_newest, load_step, verify};

const FILES: [&str; 4] = [
    "manifest.json",
    "model.safetensors",
    "optimizer.safetensors",
    "state.json",
];

#[test]
fn a_flipped_bit_anywhere_makes_the_older_checkpoint_win() {
    let root = toy::folder();
    let path = toy::run(root.path(), 8, 9);
    for name in FILES {
        let file = path.join("checkpoints/step-0000000008").join(name);
        let good = fs::read(&file).unwrap();
        for offset in 0..good.len() {
            let mut bad = good.clone();
            bad[offset] ^= 1 << (offset % 8);
            fs::write(&file, &bad).unwrap();
            let (checkpoint, fallbacks) = load_newest(&path).unwrap();
            assert_eq!(
                (checkpoint.step, fallbacks.len()),
                (6, 1),
                "byte {offset} of {name}"
            );
            assert_eq!(fallbacks[0].step, 8);
        }
        let verified = verify(&path).map(|found| found.is_valid());
        assert!(matches!(verified, Ok(false)), "{name}: {verified:?}");
        fs::write(&file, &good).unwrap();
    }
    assert!(verify(&path).unwrap().is_valid());
}

#[test]
fn a_missing_longer_or_shorter_file_makes_the_older_checkpoint_win() {
    let root = toy::folder();
    let path = toy::run(root.path(), 8, 9);
    for name in FILES {
        let file = path.join("checkpoints/step-0000000008").join(name);
        let good = fs::read(&file).unwrap();
        let longer = [&good[..], b" "].concat();
        for bad in [&good[..good.len() - 1], &longer, b""] {
            fs::write(&file, bad).unwrap();
            assert_eq!(load_newest(&path).unwrap().0.step, 6, "{name}");
        }
        fs::remove_file(&file).unwrap();
        let (checkpoint, fallbacks) = load_newest(&path).unwrap();
        assert_eq!(checkpoint.step, 6);
        assert!(
            fallbacks[0]
                .to_string()
                .starts_with("checkpoint of step 8 was passed over: cannot read"),
            "{}",
            fallbacks[0]
        );
        fs::write(&file, &good).unwrap();
    }
}

#[test]
fn without_any_valid_checkpoint_each_one_is_told() {
    let root = toy::folder();
    let path = toy::run(root.path(), 8, 9);
    for step in [6, 8] {
        fs::write(
            path.join(format!("checkpoints/step-{step:010}/state.json")),
            "{}",
        )
        .unwrap();
    }
    let message = load_newest(&path).unwrap_err().to_string();
    assert!(
        message.contains("has no valid checkpoint; checkpoint of step 8 was passed over: "),
        "{message}"
    );
    assert!(
        message.contains("; checkpoint of step 6 was passed over: "),
        "{message}"
    );
}

#[test]
fn a_checkpoint_of_another_run_or_step_is_not_taken() {
    let root = toy::folder();
    let (path, other) = (toy::run(root.path(), 8, 9), toy::run(root.path(), 16, 17));
    let place = path.join("checkpoints/step-0000000016");
    toy::copy(&other.join("checkpoints/step-0000000016"), &place);
    let why = load_newest(&path).unwrap().1.remove(0).why;
    assert!(why.contains("it belongs to run `toy-run-"), "{why}");
    fs::remove_dir_all(&place).unwrap();
    fs::rename(path.join("checkpoints/step-0000000008"), &place).unwrap();
    let why = load_newest(&path).unwrap().1.remove(0).why;
    assert!(why.ends_with("it is of step 8"), "{why}");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let root = toy::folder();
    let path = toy::run(root.path(), 8, 9);
    let file = path.join("checkpoints/step-0000000008/model.safetensors");
    let outside = root.path().join("outside");
    fs::rename(&file, &outside).unwrap();
    symlink(&outside, &file).unwrap();
    assert!(
        matches!(load_step(&path, 8), Err(RunError::Damaged { why, .. }) if why.starts_with("not a regular file"))
    );
    let checkpoint = path.join("checkpoints/step-0000000008");
    fs::rename(&checkpoint, root.path().join("elsewhere")).unwrap();
    symlink(root.path().join("elsewhere"), &checkpoint).unwrap();
    assert_eq!(load_newest(&path).unwrap().0.step, 6);
    fs::remove_file(path.join("run.json")).unwrap();
    symlink("/etc/passwd", path.join("run.json")).unwrap();
    assert!(matches!(Reader::open(&path), Err(RunError::Damaged { .. })));
}

#[test]
fn a_torn_or_broken_log_is_told_and_the_rest_is_read() {
    let root = toy::folder();
    let path = toy::run(root.path(), 24, 24);
    let log = path.join("metrics.jsonl");
    let good = fs::read_to_string(&log).unwrap();
    let rows = good.lines().count();
    let cases: [(String, usize, &str, usize); 5] = [
        (good[..good.len() - 1].into(), rows - 1, "is torn", 0),
        (good[..good.len() - 9].into(), rows - 1, "is torn", 0),
        (
            good.replacen("\"kind\"", "\"kimd\"", 1),
            rows - 1,
            "line 1 of metrics.jsonl is no row",
            2,
        ),
        (
            good.replacen("\"lr\"", "\"step\":2,\"lr\"", 1),
            rows - 1,
            "key `step` twice",
            2,
        ),
        (good.replacen('{', "{\"a\":[[[[", 1), rows - 1, "line 1", 2),
    ];
    for (text, left, warning, faults) in cases {
        fs::write(&log, &text).unwrap();
        let view = Reader::open(&path).unwrap();
        assert_eq!(view.rows.len(), left);
        assert!(view.warnings[0].contains(warning), "{:?}", view.warnings);
        // The torn line was the last checkpoint's: that is a second note. And a log is another than
        // the summary says, whatever was done to it.
        let verified = verify(&path).unwrap();
        assert_eq!(
            (verified.faults.len(), verified.notes.len()),
            (faults + 1, if faults == 0 { 2 } else { 0 }),
            "{verified:?}"
        );
    }
}

#[test]
fn any_changed_byte_of_a_result_is_found() {
    let root = toy::folder();
    let path = toy::run(root.path(), 11, 24);
    toy::go_on(&path, 24);
    let sound = verify(&path).unwrap();
    assert!(sound.is_valid() && sound.notes.is_empty(), "{sound:?}");
    let names = [
        "metrics.jsonl",
        "metrics.cut-2.jsonl",
        "summary.json",
        "run.json",
        "plan.toml",
        "config.toml",
        "config/base.toml",
        "config/overrides.txt",
    ];
    assert_eq!(sound.files, names.len() - 2 + 1, "{sound:?}");
    for name in names {
        let file = path.join(name);
        let good = fs::read(&file).unwrap();
        for offset in 0..good.len() {
            let mut bad = good.clone();
            bad[offset] ^= 1 << (offset % 7);
            fs::write(&file, &bad).unwrap();
            let found = verify(&path);
            let told = found.as_ref().map_or(true, |found| !found.is_valid());
            assert!(told, "byte {offset} of {name}: {found:?}");
        }
        for bad in [&good[..good.len() - 1], &[&good[..], b"\n"].concat(), b""] {
            fs::write(&file, bad).unwrap();
            assert!(!verify(&path).is_ok_and(|found| found.is_valid()), "{name}");
        }
        fs::write(&file, &good).unwrap();
    }
    assert!(verify(&path).unwrap().is_valid());
    // A file that a person puts there is nobody's business.
    fs::write(path.join("notes.md"), "mine").unwrap();
    assert!(verify(&path).unwrap().is_valid());
}

#[test]
fn a_number_is_found_in_the_log_of_a_run_without_summary() {
    let root = toy::folder();
    let path = toy::run(root.path(), 11, 24);
    let log = path.join("metrics.jsonl");
    let good = fs::read_to_string(&log).unwrap();
    assert!(verify(&path).unwrap().is_valid());
    fs::write(&log, good.replacen("\"lr\":0.05,", "\"lr\":0.06,", 1)).unwrap();
    let faults = verify(&path).unwrap().faults.join("\n");
    assert!(
        faults.contains("the digest in the checkpoint of step 6 is not that of"),
        "{faults}"
    );
    // Going on says so, too.
    let resume = Resume::open(&path).unwrap();
    let fault = resume.log_fault().unwrap().unwrap();
    assert!(
        fault.starts_with("metrics.jsonl was changed: its rows up to step 8"),
        "{fault}"
    );
    drop(resume);
    let lines: Vec<&str> = good.lines().collect();
    fs::write(&log, lines[..3].join("\n") + "\n").unwrap();
    let faults = verify(&path).unwrap().faults.join("\n");
    assert!(faults.contains("the checkpoint of step 6 says"), "{faults}");
}

#[test]
fn verification_sees_what_does_not_fit_together() {
    let root = toy::folder();
    let path = toy::run(root.path(), 24, 24);
    let change = |file: &str, from: &str, to: &str| {
        let place = path.join(file);
        let good = fs::read_to_string(&place).unwrap();
        assert!(good.contains(from), "{file} lacks {from}");
        fs::write(&place, good.replacen(from, to, 1)).unwrap();
        let faults = verify(&path).unwrap().faults.join("\n");
        fs::write(&place, good).unwrap();
        faults
    };
    assert!(change("metrics.jsonl", "\"seq\":1,", "\"seq\":7,").contains("`seq` is 7, not 1"));
    assert!(
        change("metrics.jsonl", "\"step\":2,", "\"step\":5,")
            .contains("`step` goes back from 5 to 4")
    );
    assert!(
        change("metrics.jsonl", "\"attempt\":1,", "\"attempt\":2,")
            .contains("`attempt` is 2 after 1, of 1")
    );
    assert!(
        change("summary.json", "\"attempts\": 1", "\"attempts\": 2").contains("counts 2 attempts")
    );
    assert!(change("summary.json", "\"step\": 24", "\"step\": 23").contains("ends at step 23"));
    assert!(
        change("summary.json", "\"state_hash\": \"", "\"state_hash\": \"0")
            .contains("another state than summary.json")
    );
    assert!(
        change("summary.json", "\"run\": \"", "\"run\": \"x").contains("belongs to run `xtoy-run")
    );
    assert!(change("summary.json", "{", "[").contains("summary.json` is damaged"));
    let log = fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    let last = log.lines().last().unwrap();
    let state = last.split("\"state_hash\":\"").nth(1).unwrap();
    let changed = last.replace(state, &state.replacen(&state[..1], "x", 1));
    assert!(
        change("metrics.jsonl", last, &changed).contains("another state than its commit line says")
    );
}

#[test]
fn a_later_format_is_refused_with_its_number() {
    let root = toy::folder();
    let path = toy::run(root.path(), 6, 6);
    let file = path.join("run.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"format\": 2", "\"format\": 3", 1)).unwrap();
    let message = Reader::open(&path).unwrap_err().to_string();
    assert!(
        message.ends_with("has format 3, this program reads up to 2; hint: use a newer trainer"),
        "{message}"
    );
    assert!(matches!(
        Reader::open(Path::new("/nowhere")),
        Err(RunError::NotARun { .. })
    ));
}
