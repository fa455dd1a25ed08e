//! `verify` finds whatever was done to a file of a run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::toy;
use crate::run::verify;

/// The files of a run, as paths within it. The lock says nothing about the run.
fn files(run: &Path, below: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(run.join(below)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = Path::new(below).join(&name);
        if run.join(&path).is_dir() {
            found.extend(files(run, path.to_str().unwrap()));
        } else if name != ".lock" {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn is_whole(run: &Path) -> bool {
    verify(run).is_ok_and(|found| found.is_valid())
}

/// Does to a file whatever makes another file of it, and returns what was not found.
fn unnoticed(run: &Path, name: &Path) -> Vec<String> {
    let file = run.join(name);
    let good = fs::read(&file).unwrap();
    let mut bad: Vec<(String, Vec<u8>)> = vec![
        ("cut".into(), good[..good.len() / 2].into()),
        ("emptied".into(), Vec::new()),
        ("zeros".into(), vec![0; good.len()]),
        ("longer".into(), [&good[..], b" "].concat()),
        ("twice".into(), good.repeat(2)),
    ];
    // Small files at every byte, larger ones at some.
    for at in (0..good.len()).step_by(1 + good.len() / 150) {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        bad.push((format!("byte {at}"), flipped));
    }
    let mut missed = Vec::new();
    for (what, bytes) in bad {
        fs::write(&file, bytes).unwrap();
        if is_whole(run) {
            missed.push(format!("{}: {what}", name.display()));
        }
    }
    fs::remove_file(&file).unwrap();
    if is_whole(run) {
        missed.push(format!("{}: removed", name.display()));
    }
    fs::write(&file, good).unwrap();
    missed
}

#[test]
fn every_change_of_every_file_of_a_completed_run_is_found() {
    let root = toy::folder();
    let run = toy::run(root.path(), 11, 24);
    toy::go_on(&run, 24);
    fs::write(run.join("notes.md"), "mine").unwrap();
    let mut names = files(&run, "");
    names.retain(|name| name != Path::new("notes.md"));
    assert_eq!(names.len(), 9 + 2 * 4, "{names:?}");
    let missed: Vec<String> = names
        .iter()
        .flat_map(|name| unnoticed(&run, name))
        .collect();
    assert_eq!(missed, Vec::<String>::new());
    // Each in the place of each other one.
    for (first, second) in names.iter().zip(&names[1..]) {
        let [first, second] = [first, second].map(|name| run.join(name));
        let swap = || {
            let aside = run.join("aside");
            fs::rename(&first, &aside).unwrap();
            fs::rename(&second, &first).unwrap();
            fs::rename(&aside, &second).unwrap();
        };
        swap();
        assert!(!is_whole(&run), "{} swapped", first.display());
        swap();
    }
    assert!(is_whole(&run));
}

/// Nothing has digests of what came after the newest checkpoint.
#[test]
fn every_change_of_what_a_killed_run_vouches_for_is_found() {
    let root = toy::folder();
    let run = toy::run(root.path(), 11, 24);
    let mut names = files(&run, "");
    names.retain(|name| name != Path::new("metrics.jsonl"));
    let missed: Vec<String> = names
        .iter()
        .flat_map(|name| unnoticed(&run, name))
        .collect();
    assert_eq!(missed, Vec::<String>::new());
    assert!(is_whole(&run));
}

/// It has no digest in a run without a summary, and a disk that loses a write may do so before the
/// summary takes one.
#[test]
fn matrices_that_are_none_are_found_without_a_digest() {
    let root = toy::folder();
    let run = toy::run(root.path(), 11, 24);
    for (content, is_right) in [
        (r#"{"format":2,"classes":["a"],"evaluations":[]}"#, true),
        ("", false),
        (
            r#"{"format":2,"classes":["a"],"evaluations":[{"split":"val","of":"last","step":8,"counts":[[1,2]]}]}"#,
            false,
        ),
    ] {
        fs::write(run.join("confusion.json"), content).unwrap();
        assert_eq!(is_whole(&run), is_right, "{content}");
    }
}

#[test]
fn a_run_that_has_ended_has_a_summary() {
    let root = toy::folder();
    let run = toy::run(root.path(), 24, 24);
    let summary = run.join("summary.json");
    // A process that is killed while it replaces run.json leaves it under another name.
    fs::rename(&summary, run.join(".tmp-summary.json")).unwrap();
    assert!(is_whole(&run));
    fs::remove_file(run.join(".tmp-summary.json")).unwrap();
    let faults = verify(&run).unwrap().faults;
    assert_eq!(
        faults,
        ["summary.json is missing: run.json says that the run ended, completed"]
    );
}

#[test]
fn a_checkpoint_that_a_person_deletes_is_a_note() {
    let root = toy::folder();
    let run = toy::run(root.path(), 24, 24);
    fs::remove_dir_all(run.join("checkpoints/step-0000000020")).unwrap();
    let found = verify(&run).unwrap();
    assert!(found.is_valid(), "{found:?}");
    assert_eq!(
        found.notes,
        ["step-0000000020 was deleted since the run ended"]
    );
}
