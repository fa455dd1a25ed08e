//! Runs whose plan was stored before some keys existed, and a config that takes the plan's place.

use std::{fs, path::Path};

use trainer::config::Plan;

use crate::sandbox::{Sandbox, json};

const CONFIG: &str = r#"
    [model]
    type = "mlp"
    hidden = [4]
    norm = "batch"
    freeze = ["norm1.*"]
    freeze_statistics = false   # newer

    [dataset]
    type = "csv"
    path = "d.csv"
    target = "y"
    encoding = "ordinal"        # newer
    categories_by = "number"    # newer

    [optimizer]
    type = "adam"
    lr = 0.001

    [train]
    epochs = 2
"#;

/// Keys that the plan of an old program does not have.
const NEWER: [&str; 6] = [
    "freeze_statistics",
    "encoding",
    "categories_by",
    "separator",
    "decimal",
    "header",
];

const MORE: [&str; 5] = ["--schedule", "config", "--allow", "binary", "--epochs"];

/// Writes a config that says nothing of the newer keys, trains what it meant in the past, and leaves
/// the run as a program of that time would have.
fn old_run(sandbox: &Sandbox) {
    let rows = (0..60).map(|i| format!("{},{},{}\n", i % 7, ["p", "q"][i % 2], ["a", "b"][i % 2]));
    sandbox.write("d.csv", format!("u,v,y\n{}", rows.collect::<String>()));
    sandbox.write("then.toml", CONFIG);
    let silent = CONFIG.lines().filter(|line| !line.contains("# newer"));
    sandbox.write("c.toml", silent.collect::<Vec<_>>().join("\n"));
    sandbox.ok(&["run", "then.toml", "-q"]);
    forget(&sandbox.run_dir());
}

/// Removes the newer keys from a run's plan and mends its hash.
fn forget(run: &Path) {
    let plan = fs::read_to_string(run.join("plan.toml")).unwrap();
    let newer = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        NEWER.contains(&key)
    };
    assert_eq!(plan.lines().filter(|line| newer(line)).count(), NEWER.len());
    let lines = plan.lines().filter(|line| !newer(line));
    let plan: String = lines.map(|line| line.to_owned() + "\n").collect();
    fs::write(run.join("plan.toml"), &plan).unwrap();
    let mut info = json(run.join("run.json"));
    info["plan_hash"] = Plan::hash_of_text(&plan).unwrap().into();
    info["attempts"][0]["binary"]["version"] = "0.0.1".into();
    fs::write(run.join("run.json"), info.to_string()).unwrap();
}

fn resume(more: &[&'static str]) -> Vec<&'static str> {
    let resume = ["resume", "last", "-q", "--config", "c.toml"];
    [&resume[..], &MORE, more].concat()
}

#[test]
fn the_config_of_an_old_run_goes_on_with_it_again_and_again() {
    let sandbox = Sandbox::new();
    old_run(&sandbox);
    sandbox.ok(&resume(&["3"]));
    // By now the stored plan has the newer keys; the config still says what it said then.
    let plan = fs::read_to_string(sandbox.run_dir().join("plan.toml")).unwrap();
    assert!(plan.contains("encoding = \"ordinal\""), "{plan}");
    sandbox.ok(&resume(&["4"]));
    let attempts = json(sandbox.run_dir().join("run.json"))["attempts"].clone();
    let changes = attempts[2]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(changes[0], "train.epochs: 3 → 4");
    sandbox.ok(&["verify", "last"]);
}

#[test]
fn a_newer_key_that_is_written_is_a_difference() {
    let sandbox = Sandbox::new();
    old_run(&sandbox);
    let set = |text| resume(&["3", "--set", text]);
    let refused = sandbox.trainer(&set("dataset.encoding=\"one_hot\""));
    let refused = refused.exits(2);
    let refused = refused.says("dataset.encoding: \"ordinal\" → \"one_hot\"");
    assert!(
        !refused.stderr.contains("categories_by"),
        "{}",
        refused.stderr
    );
    let refused = sandbox.trainer(&set("model.freeze_statistics=true"));
    refused
        .exits(2)
        .says("model.freeze_statistics: false → true");
}

#[test]
fn a_run_of_today_is_held_to_the_defaults_of_today() {
    let sandbox = Sandbox::new();
    old_run(&sandbox);
    sandbox.ok(&["run", "then.toml", "-q"]);
    let refused = sandbox.trainer(&resume(&["3"])).exits(2);
    refused
        .says("dataset.encoding: \"ordinal\" → \"one_hot\"")
        .says("model.freeze_statistics: false → true");
}
