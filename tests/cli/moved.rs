//! A project folder that is renamed, moved or copied, and a run directory alone: their runs go on,
//! are evaluated and repeated as if nothing had happened, or say where they looked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use trainer::config::Plan;

use crate::sandbox::{Outcome, Sandbox, copy, json};

const CONFIG: &str = r#"
    device = "cpu"

    [model]
    type = "mlp"
    hidden = [4]

    [dataset]
    type = "csv"
    path = "../data/d.csv"
    target = "y"

    [optimizer]
    type = "adam"
    lr = 0.001

    [train]
    epochs = 4

    [checkpoint]
    every = "1 epoch"
"#;

/// A project with its configs, its data and a run of four epochs.
fn project(sandbox: &Sandbox, name: &str) -> PathBuf {
    project_of(sandbox, name, CONFIG)
}

fn project_of(sandbox: &Sandbox, name: &str, config: &str) -> PathBuf {
    let rows = (0..80).map(|i| format!("{},{},{}\n", i % 7, i % 5, ["a", "b"][i % 2]));
    let text = format!("u,v,y\n{}", rows.collect::<String>());
    sandbox.write(&format!("{name}/configs/c.toml"), config);
    sandbox.write(&format!("{name}/data/d.csv"), text);
    let root = sandbox.path(name);
    at(sandbox, &root, &["run", "configs/c.toml", "-q"]).exits(0);
    root
}

/// Runs the tool in a project's folder, with its own folder of runs.
fn at(sandbox: &Sandbox, project: &Path, args: &[&str]) -> Outcome {
    let mut command = sandbox.command(args);
    command
        .current_dir(project)
        .env("TRAINER_RUNS", project.join("runs"));
    crate::sandbox::finish(&mut command)
}

fn run_of(project: &Path) -> PathBuf {
    let mut runs = fs::read_dir(project.join("runs")).unwrap();
    runs.next().unwrap().unwrap().path()
}

const MORE: [&str; 6] = ["resume", "last", "-q", "--schedule", "config", "--epochs"];

fn plan_hash(outcome: &Outcome) -> String {
    outcome.json()["plan_hash"].as_str().unwrap().into()
}

#[test]
fn a_renamed_project_goes_on() {
    let sandbox = Sandbox::new();
    let old = project(&sandbox, "old");
    let check = ["check", "configs/c.toml", "--format", "json", "-q"];
    let before = plan_hash(&at(&sandbox, &old, &check));
    assert_eq!(json(run_of(&old).join("run.json"))["plan_hash"], before);
    let new = sandbox.path("new");
    fs::rename(&old, &new).unwrap();
    assert_eq!(plan_hash(&at(&sandbox, &new, &check)), before);
    let plan = run_of(&new).join("plan.toml");
    let plan = plan.to_str().unwrap();
    let stored = ["check", plan, "--format", "json", "-q"];
    assert_eq!(plan_hash(&at(&sandbox, &new, &stored)), before);

    at(&sandbox, &new, &["eval", "last"]).exits(0);
    at(&sandbox, &new, &["reproduce", "last", "-q"]).exits(0);
    at(&sandbox, &new, &["run", plan, "--dry-run", "-q"]).exits(0);
    for verb in ["show", "verify", "ls"] {
        let args = [verb, "last"];
        let args = if verb == "ls" { &args[..1] } else { &args };
        at(&sandbox, &new, args).exits(0);
    }
    let run = run_of(&new);
    let run = run.to_str().unwrap();
    let more = ["resume", run, "-q", "--schedule", "config", "--epochs", "5"];
    at(&sandbox, &new, &more).exits(0);
}

#[test]
fn a_copy_reads_its_own_data() {
    let sandbox = Sandbox::new();
    let old = project(&sandbox, "old");
    let new = sandbox.path("deep/er/new");
    copy(&old, &new);
    let text = fs::read_to_string(new.join("data/d.csv")).unwrap();
    fs::write(new.join("data/d.csv"), text + "1,1,a\n").unwrap();
    let more = [&MORE[..], &["5"]].concat();
    at(&sandbox, &new, &more).exits(2).says("data: content");
    at(&sandbox, &old, &more).exits(0);
}

#[test]
fn a_run_alone_says_where_it_looked_and_takes_a_new_place() {
    let sandbox = Sandbox::new();
    let old = project(&sandbox, "old");
    let away = sandbox.path("away");
    let alone = away.join("runs").join(run_of(&old).file_name().unwrap());
    copy(&run_of(&old), &alone);
    let data = sandbox.path("elsewhere.csv");
    fs::rename(old.join("data/d.csv"), &data).unwrap();
    let resume = [&MORE[..], &["5"]].concat();
    for args in [&["eval", "last"][..], &["reproduce", "last"], &resume] {
        let told = at(&sandbox, &away, args).exits(2);
        let told = told.says("d.csv`: no such file or folder").says("tried `");
        told.says("`--set dataset.path=PATH` says where it is now");
    }
    let place = format!("dataset.path={}", data.display());
    let id = alone.file_name().unwrap().to_str().unwrap();
    let with = |args: &[&str]| at(&sandbox, &away, &[args, &["--set", &place]].concat());
    with(&["eval", "last"]).exits(0);
    with(&["reproduce", id, "-q"]).exits(0);
    let wrong = ["eval", id, "--set", "model.hidden=[3]"];
    let wrong = [&wrong[..], &["--set", &place]].concat();
    at(&sandbox, &away, &wrong)
        .exits(2)
        .says("model.hidden: [4] → [3]");
    with(&["resume", id, "-q", "--schedule", "config", "--epochs", "5"]).exits(0);
    // From now on it knows the place.
    at(&sandbox, &away, &["eval", id]).exits(0);
    let hash = json(alone.join("run.json"))["plan_hash"].clone();
    let plan = alone.join("plan.toml");
    let stored = ["check", plan.to_str().unwrap(), "--format", "json", "-q"];
    assert_eq!(plan_hash(&at(&sandbox, &away, &stored)), hash);
}

#[test]
fn a_config_names_the_new_place_too() {
    let sandbox = Sandbox::new();
    let old = project(&sandbox, "old");
    // The runs lie elsewhere, so that they do not move along.
    let new = sandbox.path("new");
    fs::create_dir_all(&new).unwrap();
    let run = sandbox.path("kept").join(run_of(&old).file_name().unwrap());
    copy(&run_of(&old), &run);
    fs::rename(old.join("configs"), new.join("configs")).unwrap();
    fs::rename(old.join("data"), new.join("data")).unwrap();
    fs::remove_dir_all(&old).unwrap();
    let run = run.to_str().unwrap();
    let resume = ["resume", run, "-q"];
    let config = ["--config", "configs/c.toml"];
    at(&sandbox, &new, &resume).exits(2).says("tried `");
    at(&sandbox, &new, &[&resume[..], &config].concat())
        .exits(2)
        .says("is complete");
    let more = ["--epochs", "6", "--schedule", "config"];
    at(&sandbox, &new, &[&resume[..], &config, &more].concat()).exits(0);
    at(&sandbox, &new, &["eval", run]).exits(0);
}

#[test]
fn a_place_of_other_data_is_refused() {
    let sandbox = Sandbox::new();
    let old = project(&sandbox, "old");
    let text = fs::read_to_string(old.join("data/d.csv")).unwrap();
    fs::write(old.join("data/e.csv"), text + "1,1,a\n").unwrap();
    let more = [&MORE[..], &["5", "--set", "dataset.path=data/e.csv"]].concat();
    at(&sandbox, &old, &more).exits(2).says("data: content");
    at(&sandbox, &old, &[&more[..], &["--allow", "data"]].concat()).exits(0);
}

#[test]
fn an_old_plan_with_a_whole_path_goes_on() {
    let sandbox = Sandbox::new();
    let old = project(&sandbox, "old");
    // As plans were stored before: the whole path, no folders, and its own hash.
    let run = run_of(&old);
    let data = old.join("configs/../data/d.csv");
    let plan = fs::read_to_string(run.join("plan.toml")).unwrap();
    let lines = plan.lines().filter(|line| !line.starts_with("paths_from"));
    let plan: String = lines.map(|line| line.to_owned() + "\n").collect();
    let plan = plan.replace("../data/d.csv", data.to_str().unwrap());
    fs::write(run.join("plan.toml"), &plan).unwrap();
    let mut info = json(run.join("run.json"));
    info["plan_hash"] = Plan::hash_of_text(&plan).unwrap().into();
    fs::write(run.join("run.json"), info.to_string()).unwrap();
    at(&sandbox, &old, &["reproduce", run.to_str().unwrap(), "-q"]).exits(0);
    let id = run.file_name().unwrap().to_str().unwrap();
    let more = ["resume", id, "-q", "--schedule", "config", "--epochs"];
    at(&sandbox, &old, &[&more[..], &["5"]].concat()).exits(0);
    let new = sandbox.path("new");
    fs::rename(&old, &new).unwrap();
    let more = [&more[..], &["6"]].concat();
    at(&sandbox, &new, &more)
        .exits(2)
        .says("`--set dataset.path=PATH` says where it is now");
    let place = [&more[..], &["--set", "dataset.path=data/d.csv"]].concat();
    at(&sandbox, &new, &place).exits(0);
    at(&sandbox, &new, &["eval", id]).exits(0);
}

/// A project whose config starts from weights in a folder beside it, which another run has made.
fn started(sandbox: &Sandbox, name: &str) -> PathBuf {
    let first = project(sandbox, "first");
    let steps = fs::read_dir(run_of(&first).join("checkpoints")).unwrap();
    let step = steps.map(|entry| entry.unwrap().path()).max().unwrap();
    let weights = fs::read(step.join("model.safetensors")).unwrap();
    sandbox.write(&format!("{name}/weights/w.safetensors"), weights);
    fs::remove_dir_all(first).unwrap();
    let init = "hidden = [4]\n    init = \"../weights/w.safetensors\"";
    project_of(sandbox, name, &CONFIG.replace("hidden = [4]", init))
}

#[test]
fn a_renamed_project_finds_the_weights_that_it_starts_from() {
    let sandbox = Sandbox::new();
    let old = started(&sandbox, "old");
    let check = ["check", "configs/c.toml", "--format", "json", "-q"];
    let before = plan_hash(&at(&sandbox, &old, &check));
    let new = sandbox.path("new");
    fs::rename(&old, &new).unwrap();
    assert_eq!(plan_hash(&at(&sandbox, &new, &check)), before);
    let run = run_of(&new);
    let run = run.to_str().unwrap();
    at(&sandbox, &new, &["eval", run]).exits(0);
    at(&sandbox, &new, &["verify", run]).exits(0);
    at(&sandbox, &new, &["reproduce", run, "-q"]).exits(0);
    let resume = ["resume", run, "-q", "--schedule", "config", "--epochs"];
    at(&sandbox, &new, &[&resume[..], &["5"]].concat()).exits(0);
    // Without a checkpoint it begins with the weights again.
    fs::remove_dir_all(Path::new(run).join("checkpoints")).unwrap();
    at(&sandbox, &new, &["resume", run, "-q"]).exits(0);
    let config = ["--config", "configs/c.toml"];
    at(&sandbox, &new, &[&resume[..], &["6"], &config].concat()).exits(0);
}

#[test]
fn a_run_without_its_weights_goes_on_and_says_how_it_is_repeated() {
    let sandbox = Sandbox::new();
    let old = started(&sandbox, "old");
    let away = sandbox.path("away");
    let alone = away.join("runs").join(run_of(&old).file_name().unwrap());
    copy(&run_of(&old), &alone);
    copy(&old.join("data"), &away.join("data"));
    let weights = sandbox.path("elsewhere.safetensors");
    fs::rename(old.join("weights/w.safetensors"), &weights).unwrap();
    fs::remove_dir_all(&old).unwrap();
    let id = alone.file_name().unwrap().to_str().unwrap();
    let data = ["--set", "dataset.path=data/d.csv"];
    let with = |args: &[&str]| at(&sandbox, &away, &[args, &data].concat());
    with(&["eval", id]).exits(0);
    with(&["reproduce", id, "-q"])
        .exits(4)
        .says("w.safetensors")
        .says("say where it is now with `--set model.init=PATH`");
    let place = format!("model.init={}", weights.display());
    let repeated = with(&["reproduce", id, "-q", "--set", &place]);
    repeated.exits(0);
    let resume = ["resume", id, "-q", "--schedule", "config", "--epochs", "5"];
    with(&resume).exits(0);
    // Begun again from nothing, it needs them too.
    fs::remove_dir_all(alone.join("checkpoints")).unwrap();
    let again = ["resume", id, "-q"];
    with(&again)
        .exits(4)
        .says("say where it is now with `--set model.init=PATH`");
    with(&[&again[..], &["--set", &place]].concat()).exits(0);
}
