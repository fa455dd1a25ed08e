//! `trainer selftest`: runs that were killed, cut short and refused by the disk end as if nothing
//! had happened to them.

use std::{fs, path::Path};

use serde_json::Value;

use crate::sandbox::*;

/// Tries cases, and requires that all are well.
fn well(args: &[&str]) -> Value {
    // In memory where there is such a place: what the disk does is not what is tested.
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() {
        memory.into()
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::tempdir_in(place).unwrap();
    let dir = folder.path().to_str().unwrap();
    let all = [
        "selftest",
        "--format",
        "json",
        "--minutes",
        "10",
        "--dir",
        dir,
    ];
    let ended = Sandbox::new().trainer(&[&all, args].concat());
    assert_eq!(ended.code, 0, "{}\n{:#}", ended.stderr, ended.json());
    let left = fs::read_dir(dir).unwrap().count();
    assert_eq!(left, 0, "the folder is cleaned up");
    ended.json()
}

#[test]
fn a_run_killed_before_any_operation_ends_in_the_same_bits() {
    let report = well(&["--crash", "--only", "mlp/kill@*"]);
    assert_eq!(report["tried"], report["operations"]["mlp"]);
    assert!(report["tried"].as_u64() > Some(100), "{report}");
}

#[test]
fn faults_of_every_kind_in_every_experiment_change_nothing() {
    let report = well(&["--crash", "--cases", "80"]);
    assert_eq!(report["tried"], 80);
    assert!(report["of"].as_u64() > Some(5000), "{report}");
}

#[test]
fn a_run_killed_at_random_times_ends_in_the_same_bits() {
    let report = well(&["--kills", "10"]);
    assert_eq!(report["tried"], 10);
}

#[test]
fn what_to_try_must_be_said_and_must_exist() {
    let sandbox = Sandbox::new();
    sandbox.trainer(&["selftest"]).exits(2).says("--crash");
    let args = ["selftest", "--crash", "--only", "nothing"];
    sandbox.trainer(&args).exits(2).says("no case was tried");
}

#[test]
fn a_fault_plan_that_cannot_be_read_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["new", "first"]);
    let mut command = sandbox.command(&["run", "first.toml", "--steps", "1"]);
    let ended = finish(command.env("TRAINER_FAULT", "burn@3"));
    ended.exits(4).says("TRAINER_FAULT=burn@3: no such fault");
}
