//! Every config that comes with the project.

use std::{fs, path::PathBuf, process::Command};

use crate::sandbox::{Outcome, Sandbox, data, finish, repository};

/// Variables of the environment that configs read, and what they are to name.
const LOCATIONS: [(&str, &str); 4] = [
    ("MNIST", "mnist"),
    ("WINE", "tabular/wine.csv"),
    ("TEXT", "tinyshakespeare/input.txt"),
    ("TEXTS", "tests/configs/data/letters-box.csv"),
];

/// The place of what a variable names: in this repository, or beside it.
fn place(file: &str) -> Option<PathBuf> {
    match file.starts_with("tests/") {
        true => Some(repository().join(file)),
        false => data(file),
    }
}

/// The configs whose data are here.
fn configs() -> Vec<PathBuf> {
    let folder = repository().join("configs");
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    all.sort();
    assert!(all.len() >= 5, "{all:?}");
    all.retain(|path| {
        let text = fs::read_to_string(path).unwrap();
        let here = |variable: &str, file: &str| !text.contains(variable) || place(file).is_some();
        LOCATIONS
            .iter()
            .all(|(variable, file)| here(&format!("${{env:{variable}:"), file))
    });
    all
}

/// The command with the environment that says where the data are.
fn located(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.command(args);
    for (variable, file) in LOCATIONS {
        command.envs(place(file).map(|path| (variable, path)));
    }
    command
}

fn trainer(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    finish(&mut located(sandbox, args)).exits(0)
}

#[test]
fn each_trains_a_few_steps() {
    for config in configs() {
        let (sandbox, config) = (Sandbox::new(), config.to_str().unwrap());
        trainer(&sandbox, &["run", config, "--dry-run"]);
        assert!(sandbox.run_dirs().is_empty(), "{config}: a dry run ran");
        let ran = trainer(
            &sandbox,
            &["run", config, "--steps", "3", "--format", "json"],
        );
        let summary = ran.json();
        assert_eq!(summary["status"], "completed", "{config}");
        assert_eq!(summary["step"], 3, "{config}");
        assert!(
            summary["metrics"]["train/loss"].as_f64().unwrap() > 0.0,
            "{config}: {summary}"
        );
    }
}

#[test]
fn the_resolved_plan_resolves_to_itself() {
    for config in configs() {
        let (sandbox, config) = (Sandbox::new(), config.to_str().unwrap());
        let plan = trainer(&sandbox, &["check", config, "--format", "toml"]).stdout;
        sandbox.write("elsewhere/plan.toml", &plan);
        let again = ["check", "elsewhere/plan.toml", "--format"];
        let text = trainer(&sandbox, &[&again[..], &["toml"]].concat()).stdout;
        assert_eq!(text, plan, "{config}");
        let hash = |args: &[&str]| trainer(&sandbox, args).json()["plan_hash"].clone();
        assert_eq!(
            hash(&["check", config, "--format", "json"]),
            hash(&[&again[..], &["json"]].concat()),
            "{config}"
        );
    }
}

#[test]
fn each_shows_its_schedule_to_the_last_step() {
    for config in configs() {
        let (sandbox, config) = (Sandbox::new(), config.to_str().unwrap());
        let shown = trainer(&sandbox, &["schedule", config]).stdout;
        assert!(shown.contains("lr  "), "{config}: no curve in\n{shown}");
        let json = trainer(&sandbox, &["schedule", config, "--format", "json"]).json();
        let csv = trainer(&sandbox, &["schedule", config, "--format", "csv"]).stdout;
        let rows = csv.lines().count() as u64 - 1;
        assert_eq!(json["total_steps"], rows, "{config}");
        let last: f64 = csv
            .lines()
            .last()
            .unwrap()
            .split(',')
            .nth(2)
            .unwrap()
            .parse()
            .unwrap();
        assert!(last.is_finite() && last >= 0.0, "{config}: {last}");
    }
}
