//! Runs that start from weights of this disk; `hub.rs` has those of the hub.

use std::{fs, path::PathBuf};

use crate::sandbox::{Outcome, Sandbox, json};

pub const CONFIG: &str = r#"
    name = "started"
    seed = 5

    [model]
    type = "mlp"
    hidden = [4]
    # init

    [dataset]
    type = "digits"
    limit = 128

    [optimizer]
    type = "sgd"
    lr = 0.05

    [train]
    epochs = 2
"#;

/// The config, starting from there.
pub fn starting(from: &str) -> String {
    CONFIG.replace("# init", &format!("init = {from:?}"))
}

/// Weights that a run with this seed ends with.
pub fn weights(seed: u64) -> Vec<u8> {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q", "--seed", &seed.to_string()]);
    let last = sandbox.run_dir().join("checkpoints/step-0000000004");
    fs::read(last.join("model.safetensors")).unwrap()
}

/// A finished run that started from `weights.safetensors`.
pub fn started(bytes: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("weights.safetensors", bytes);
    sandbox.write("c.toml", starting("weights.safetensors"));
    sandbox.ok(&["run", "c.toml", "-q"]);
    sandbox
}

#[test]
fn what_a_run_started_from_is_recorded_and_noticed_when_it_changes() {
    let (first, second) = (weights(1), weights(2));
    let sandbox = started(&first);
    let init = json(sandbox.run_dir().join("run.json"))["init"].clone();
    let path = fs::canonicalize(sandbox.path("weights.safetensors")).unwrap();
    assert_eq!(init["from"], path.to_str().unwrap());
    assert_eq!(init["blake3"], blake3::hash(&first).to_hex().as_str());
    sandbox.ok(&["show", "last"]);
    sandbox.ok(&["reproduce", "last", "-q"]);
    sandbox.write("weights.safetensors", second);
    let original = sandbox.run_dirs()[0].clone();
    sandbox
        .trainer(&["reproduce", original.to_str().unwrap(), "-q"])
        .exits(6)
        .says("init: the content of")
        .says("has changed");
}

#[test]
fn a_checkpoint_stands_for_weights_that_are_gone() {
    let sandbox = started(&weights(1));
    fs::remove_file(sandbox.path("weights.safetensors")).unwrap();
    sandbox
        .trainer(&["check", "c.toml"])
        .exits(2)
        .says("--> c.toml:8:12")
        .says("cannot start from `weights.safetensors`");
    let more = ["--epochs", "3", "--schedule", "config"];
    sandbox.ok(&[&["resume", "last", "-q"], &more[..]].concat());
    sandbox.ok(&["eval", "last"]);
    // The resumed run has changed on its way; one that has not needs the weights.
    let sandbox = started(&weights(1));
    fs::remove_file(sandbox.path("weights.safetensors")).unwrap();
    sandbox
        .trainer(&["reproduce", "last"])
        .exits(4)
        .says("cannot start from")
        .says("put the file back");
}

#[test]
fn a_run_without_a_checkpoint_needs_its_weights_again() {
    let first = weights(1);
    let sandbox = started(&first);
    let run = sandbox.run_dir();
    let summary = || json(run.join("summary.json"))["state_hash"].clone();
    let state = summary();
    let forget = || fs::remove_dir_all(run.join("checkpoints")).unwrap();
    forget();
    sandbox.ok(&["resume", "last", "-q"]);
    assert_eq!(summary(), state);
    forget();
    fs::remove_file(sandbox.path("weights.safetensors")).unwrap();
    sandbox
        .trainer(&["resume", "last"])
        .exits(4)
        .says("cannot start from");
    let second = weights(2);
    sandbox.write("weights.safetensors", &second);
    sandbox
        .trainer(&["resume", "last"])
        .exits(2)
        .says("init: content")
        .says("--allow data\n");
    sandbox.ok(&["resume", "last", "-q", "--allow", "data"]);
    assert_ne!(summary(), state);
    let info = json(run.join("run.json"));
    assert_eq!(
        info["init"]["blake3"],
        blake3::hash(&second).to_hex().as_str()
    );
    let changes = info["attempts"][2]["changes"].to_string();
    assert!(changes.contains("init: content"), "{changes}");
}

/// A safetensors file of these tensors: name, element type, shape, bytes.
pub fn safetensors(tensors: &[(String, &str, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let from = data.len();
        data.extend(bytes);
        let entry =
            serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [from, data.len()]});
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// A tensor of a file: its name, dtype, shape and bytes.
type Stored = (String, &'static str, Vec<usize>, Vec<u8>);

/// The tensors of a file that the tool wrote, all of F32.
pub fn tensors(bytes: &[u8]) -> Vec<Stored> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let entries = header.as_object().unwrap().iter();
    let entries = entries.filter(|(name, _)| *name != "__metadata__");
    entries
        .map(|(name, entry)| {
            let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
            let place = entry["data_offsets"].as_array().unwrap();
            let shape = entry["shape"]
                .as_array()
                .unwrap()
                .iter()
                .map(number)
                .collect();
            let place = 8 + length + number(&place[0])..8 + length + number(&place[1]);
            (name.clone(), "F32", shape, bytes[place].to_vec())
        })
        .collect()
}

/// The state that a run of one step of nothing leaves: learning rate 0, so that the weights stay.
fn laid_over(sandbox: &Sandbox, init: &str) -> (Outcome, Vec<Stored>) {
    let config = CONFIG
        .replace("# init", &format!("init = {init}"))
        .replace("lr = 0.05", "lr = 0.0")
        .replace("name = \"started\"", "name = \"still\"");
    sandbox.write("still.toml", config);
    let before = sandbox.run_dirs();
    let ran = sandbox.ok(&["run", "still.toml", "--steps", "1"]);
    let all = sandbox.run_dirs();
    let new = all.iter().find(|run| !before.contains(run)).unwrap();
    let file = new.join("checkpoints/step-0000000001/model.safetensors");
    (ran, tensors(&fs::read(file).unwrap()))
}

/// A run with averages, and the tensors of its last checkpoint.
fn averaged() -> (Sandbox, PathBuf, Vec<Stored>) {
    let sandbox = Sandbox::new();
    sandbox.write(
        "c.toml",
        CONFIG.replace("epochs = 2", "epochs = 2\nema = { decay = 0.5 }"),
    );
    sandbox.ok(&["run", "c.toml", "-q"]);
    let last = sandbox.run_dir().join("checkpoints/step-0000000004");
    let all = tensors(&fs::read(last.join("model.safetensors")).unwrap());
    (sandbox, last, all)
}

#[test]
fn averages_of_a_run_are_where_another_begins() {
    let (sandbox, last, all) = averaged();
    let of = |name: &str| {
        all.iter()
            .find(|tensor| tensor.0 == name)
            .unwrap()
            .3
            .clone()
    };
    let path = last.join("model.safetensors").display().to_string();
    let run = sandbox.run_dir().display().to_string();
    let folder = last.display().to_string();
    // The file, its folder, its run by path, by name, as the newest, with a step.
    for from in [&path, &folder, &run, "started", "started@4", "started@last"] {
        let (ran, found) = laid_over(&sandbox, &format!("{from:?}"));
        assert!(
            ran.stderr.contains("init: all 4 averages from "),
            "{from}: {}",
            ran.stderr
        );
        for (name, _, _, bytes) in found {
            assert_eq!(bytes, of(&format!("ema/{name}")), "{from}: {name}");
        }
    }
    let init = format!("{{ path = {path:?}, weights = \"parameters\" }}");
    let (ran, found) = laid_over(&sandbox, &init);
    assert!(
        ran.stderr.contains("init: all 4 tensors from "),
        "{}",
        ran.stderr
    );
    for (name, _, _, bytes) in found {
        assert_ne!(bytes, of(&format!("ema/{name}")));
        assert_eq!(bytes, of(&name));
    }
}

#[test]
fn a_run_that_is_named_is_recorded_as_a_file_with_step_and_digest() {
    let (sandbox, last, _) = averaged();
    sandbox.write("b.toml", starting("last@best").replace("started", "second"));
    sandbox.ok(&["run", "b.toml", "-q"]);
    let run = sandbox
        .run_dirs()
        .into_iter()
        .find(|run| run.to_str().unwrap().contains("second"))
        .unwrap();
    let init = json(run.join("run.json"))["init"].clone();
    let from = init["from"].as_str().unwrap();
    assert!(
        from.ends_with("/model.safetensors") && from.starts_with(sandbox.runs().to_str().unwrap()),
        "{from}"
    );
    assert_eq!(
        init["run"],
        sandbox
            .run_dirs()
            .iter()
            .find(|r| **r != run)
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
    );
    assert!(init["step"].as_u64().unwrap() > 0);
    let bytes = fs::read(from).unwrap();
    assert_eq!(init["blake3"], blake3::hash(&bytes).to_hex().as_str());
    // `last` is another run by now, and the plan means the same as before.
    sandbox.ok(&["reproduce", run.to_str().unwrap(), "-q"]);
    assert!(last.exists());
    for (text, words) in [
        (
            "nobody",
            "cannot start from `nobody`: it is no file here, and there is no run `nobody` in",
        ),
        ("started@7", "cannot start from `started@7`: "),
        ("started@bset", "`bset` names no checkpoint"),
        ("weights/none.safetensors", "no such file or folder"),
    ] {
        sandbox.write("wrong.toml", starting(text));
        sandbox
            .trainer(&["check", "wrong.toml"])
            .exits(2)
            .says("--> wrong.toml:8:12")
            .says(words);
    }
}

#[test]
fn weights_of_other_programs_are_converted_or_told_what_is_wrong() {
    let sandbox = Sandbox::new();
    let plain = tensors(&weights(1));
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        bytes
            .chunks(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    };
    // F64 holds the same numbers.
    let wide = plain.iter().map(|(name, _, shape, bytes)| {
        let values = numbers(bytes)
            .into_iter()
            .flat_map(|x| f64::from(x).to_le_bytes());
        (
            format!("module.{name}"),
            "F64",
            shape.clone(),
            values.collect(),
        )
    });
    sandbox.write("w.safetensors", safetensors(&wide.collect::<Vec<_>>()));
    let config = starting("w.safetensors");
    sandbox.write("c.toml", &config);
    let key = "init = { path = \"w.safetensors\", rename = { \"module.*\" = \"*\" } }";
    let refused = sandbox.trainer(&["check", "c.toml"]).exits(2);
    assert!(
        refused.stderr.contains(&format!("= hint: write `{key}`")),
        "{}",
        refused.stderr
    );
    let (ran, found) = laid_over(&sandbox, key.strip_prefix("init = ").unwrap());
    assert!(
        ran.stderr
            .contains("init: all 4 tensors from w.safetensors, converted from F64"),
        "{}",
        ran.stderr
    );
    assert_eq!(found, plain);
    let check = sandbox.ok(&["check", "still.toml"]).stdout;
    assert!(check.contains("all 4 tensors from"), "{check}");
    // A number that is none is told by the tensor's name, before a run directory exists.
    let before = sandbox.run_dirs();
    for (value, words) in [
        (f32::NAN, "number 3 of 10 is NaN"),
        (f32::INFINITY, "number 3 of 10 is inf"),
    ] {
        let mut lost = plain.clone();
        let bias = lost
            .iter_mut()
            .find(|tensor| tensor.0 == "out.bias")
            .unwrap();
        bias.3[8..12].copy_from_slice(&value.to_le_bytes());
        sandbox.write("w.safetensors", safetensors(&lost));
        sandbox
            .trainer(&["run", "c.toml", "-q"])
            .exits(4)
            .says("`out.bias` is not finite")
            .says(words);
    }
    assert_eq!(sandbox.run_dirs(), before);
    // What is skipped is not looked at.
    let (ran, _) = laid_over(&sandbox, "{ path = \"w.safetensors\", skip = [\"out.*\"] }");
    assert!(
        ran.stderr.contains(
            "init: 2 of 4 tensors from w.safetensors; new: out.bias, out.weight (skipped)"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_files_of_a_run_are_configs_or_say_which_is() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "data/t.csv",
        "a,b,y\n".to_string() + &"1,2,0\n3,1,1\n2,2,0\n4,1,1\n".repeat(20),
    );
    let config = CONFIG
        .replace(
            "type = \"digits\"\n    limit = 128",
            "type = \"csv\"\n    path = \"data/t.csv\"\n    target = \"y\"",
        )
        .replace("# init", "");
    sandbox.write("c.toml", config);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let run = sandbox.run_dir();
    let plan = run.join("plan.toml").display().to_string();
    let hash = json(run.join("run.json"))["plan_hash"].clone();
    assert_eq!(
        sandbox.ok(&["check", &plan, "--format", "json"]).json()["plan_hash"],
        hash
    );
    let copy = run.join("config.toml").display().to_string();
    let refused = sandbox.trainer(&["check", &copy]).exits(2);
    assert!(
        refused.stderr.contains("is the copy that a run keeps"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains(&plan), "{}", refused.stderr);
    // Neither is a file of weights.
    sandbox.write("w.toml", starting(&plan));
    sandbox
        .trainer(&["check", "w.toml"])
        .exits(2)
        .says("it is a .toml file, no safetensors file");
}
