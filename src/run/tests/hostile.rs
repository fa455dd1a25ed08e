//! Links, pipes and devices in a run directory: nothing outside it is read or written, and nobody
//! waits for them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use super::toy;
use crate::run::{Reader, Resume, RunError, Store, load_newest, verify};

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Puts something strange in the place of what was there, and returns where that is now.
fn put(path: &Path, strange: &dyn Fn(&Path)) -> PathBuf {
    let aside = path.parent().unwrap().parent().unwrap();
    let aside = aside.join(format!("aside-{}", path.file_name().unwrap().display()));
    fs::rename(path, &aside).unwrap();
    strange(path);
    aside
}

#[test]
fn a_linked_folder_of_checkpoints_is_neither_cleaned_nor_written() {
    let root = toy::folder();
    let run = toy::run(root.path(), 11, 24);
    let outside = root.path().join("outside");
    fs::create_dir_all(outside.join(".tmp-mine")).unwrap();
    fs::write(outside.join(".tmp-mine/kept"), "kept").unwrap();
    put(&run.join("checkpoints"), &|place| {
        symlink(&outside, place).unwrap();
    });
    let refused = Resume::open(&run).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("not a directory"), "{refused}");
    assert_eq!(fs::read(outside.join(".tmp-mine/kept")).unwrap(), b"kept");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert!(!verify(&run).unwrap().is_valid());
}

/// The writer keeps the directory open that it began in.
#[test]
fn a_run_that_is_swapped_for_a_link_while_it_runs_writes_to_itself() {
    let root = toy::folder();
    let run = toy::run(root.path(), 11, 24);
    let outside = root.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let resume = Resume::open(&run).unwrap();
    let mut toy = toy::Toy::of(resume.checkpoint().unwrap());
    let mut writer = resume.begin(&toy::resume_meta()).unwrap();
    toy.train(12, 24, &mut writer).unwrap();
    let moved = root.path().join("moved");
    fs::rename(&run, &moved).unwrap();
    symlink(&outside, &run).unwrap();
    toy.train(24, 24, &mut writer).unwrap();
    let ending = toy.ending(crate::event::Status::Completed);
    writer.finish(&ending).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(verify(&moved).unwrap().is_valid());
}

#[test]
fn every_file_of_a_run_may_be_a_pipe_or_a_device() {
    let root = toy::folder();
    let run = toy::run(root.path(), 11, 24);
    let zero = |place: &Path| symlink("/dev/zero", place).unwrap();
    for strange in [&pipe as &dyn Fn(&Path), &zero] {
        for name in [
            "run.json",
            "plan.toml",
            "metrics.jsonl",
            ".lock",
            "config",
            "checkpoints",
            "checkpoints/step-0000000008/manifest.json",
            "checkpoints/step-0000000008/state.json",
            "checkpoints/step-0000000008",
        ] {
            let place = run.join(name);
            let aside = put(&place, strange);
            // All of them come back; what is told is tried below.
            let _ = Reader::open(&run);
            let _ = Reader::glance(&run);
            let _ = load_newest(&run);
            let _ = Store::new(root.path()).find("toy run");
            let _ = Store::new(root.path()).rubbish();
            let survey = Store::new(root.path()).survey().unwrap();
            let faults =
                survey.damaged.len() + survey.runs.iter().flat_map(|run| run.damage()).count();
            let is_read =
                ![".lock", "config", "checkpoints/step-0000000008/state.json"].contains(&name);
            assert_eq!(faults > 0, is_read, "{name}");
            let verified = verify(&run).is_ok_and(|found| found.is_valid());
            assert_eq!(verified, name == ".lock", "{name}");
            fs::remove_file(&place).unwrap();
            fs::rename(aside, place).unwrap();
        }
    }
    assert!(verify(&run).unwrap().is_valid());
    toy::go_on(&run, 24);
}

#[test]
fn a_link_to_a_run_or_to_the_folder_of_the_runs_is_followed() {
    let root = toy::folder();
    let disk = root.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let folder = root.path().join("runs");
    symlink(&disk, &folder).unwrap();
    let first = toy::run(&folder, 11, 24);
    let elsewhere = root.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let second = toy::run(&elsewhere, 11, 24);
    // One is another name of a run that is there, one leads to a run elsewhere.
    symlink(&first, folder.join("newest")).unwrap();
    symlink(&second, folder.join("archived")).unwrap();
    let store = Store::new(&folder);
    assert_eq!(store.list().unwrap().len(), 2);
    for link in ["archived", "newest"] {
        toy::go_on(&folder.join(link), 24);
        assert!(verify(&folder.join(link)).unwrap().is_valid());
    }
    assert_eq!(store.find("archived").unwrap(), folder.join("archived"));
    let refused = store.remove(&folder.join("archived"));
    assert!(matches!(refused, Err(RunError::NotARun { .. })));
    store.remove(&first).unwrap();
    assert!(second.join("summary.json").is_file() && !first.exists());
}

#[test]
fn whatever_else_stands_in_the_folder_of_the_runs_is_passed_over() {
    use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt};
    let root = toy::folder();
    let run = toy::run(root.path(), 6, 6);
    let at = |name: &[u8]| root.path().join(std::ffi::OsStr::from_bytes(name));
    fs::write(at(b"file"), "").unwrap();
    pipe(&at(b"pipe"));
    symlink("/dev/zero", at(b"zero")).unwrap();
    symlink(at(b"nowhere"), at(b"dangling")).unwrap();
    symlink(at(b"loop"), at(b"loop")).unwrap();
    fs::create_dir(at(b"closed")).unwrap();
    fs::set_permissions(at(b"closed"), fs::Permissions::from_mode(0o000)).unwrap();
    for number in 0..2000 {
        fs::create_dir(at(format!("empty-{number}").as_bytes())).unwrap();
    }
    let odd = at(b"od\xffd");
    toy::copy(&run, &odd);
    let store = Store::new(root.path());
    let survey = store.survey().unwrap();
    let mut paths: Vec<PathBuf> = survey.runs.iter().map(|run| run.path.clone()).collect();
    paths.sort();
    let mut both = [run, odd];
    both.sort();
    assert_eq!(paths, both);
    assert!(both.contains(&store.find("last").unwrap()));
    store.rubbish().unwrap();
    fs::set_permissions(at(b"closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn an_endless_line_is_not_kept() {
    let root = toy::folder();
    let run = toy::run(root.path(), 24, 24);
    let log = run.join("metrics.jsonl");
    let good = fs::read_to_string(&log).unwrap();
    let rows = good.lines().count();
    fs::write(&log, format!("{}\n{good}", "x".repeat(3 << 20))).unwrap();
    let view = Reader::open(&run).unwrap();
    assert_eq!(view.rows.len(), rows);
    assert_eq!(
        view.warnings,
        ["line 1 of metrics.jsonl is no row and was left out: it is longer than 1 MiB"]
    );
}
