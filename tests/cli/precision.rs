//! `train.precision`: bf16 and f16 as a user meets them.

use serde_json::Value;

use crate::sandbox::{Sandbox, json_lines, repository};

/// Dense layers with what else the shipped convolutional configs lack.
const DENSE: &str = r#"
    name = "dense"
    seed = 3

    [model]
    type = "mlp"
    hidden = [48, 32]
    activation = "gelu"
    norm = "layer"
    dropout = 0.1

    [dataset]
    type = "digits"
    batch_size = 32

    [optimizer]
    type = "adamw"
    lr = 0.003

    [train]
    epochs = 2
"#;

/// The mean training loss of 60 steps, and the accuracy after them.
fn trained(sandbox: &Sandbox, config: &str, precision: &str) -> (f64, f64) {
    let set = format!("train.precision={precision}");
    let args = [
        "run", config, "--steps", "60", "--set", &set, "--format", "json",
    ];
    let summary = sandbox.ok(&args).json();
    assert_eq!(summary["step"], 60);
    let number = |name: &str| summary["metrics"][name].as_f64().unwrap();
    (number("train/loss"), number("val/accuracy"))
}

#[test]
fn low_precision_learns_as_f32_does() {
    let sandbox = Sandbox::new();
    sandbox.write("dense.toml", DENSE);
    let poly = repository().join("configs/poly.toml");
    for config in [poly.to_str().unwrap(), "dense.toml"] {
        let (loss, accuracy) = trained(&sandbox, config, "f32");
        assert!(accuracy > 0.5, "{config}: {accuracy}");
        for precision in ["bf16", "f16"] {
            let (low, right) = trained(&sandbox, config, precision);
            let what = format!("{config} in {precision}: {low} {right}, f32 {loss} {accuracy}");
            assert!((low / loss - 1.0).abs() < 0.05 && low != loss, "{what}");
            assert!((right - accuracy).abs() < 0.1, "{what}");
        }
    }
}

#[test]
fn an_f16_run_is_reproduced_and_keeps_its_scale() {
    let sandbox = Sandbox::new();
    sandbox.write("dense.toml", DENSE);
    let f16 = ["run", "dense.toml", "--set", "train.precision=f16", "-q"];
    let whole = ["--set", "name=whole"];
    sandbox.ok(&[&f16[..], &whole].concat());
    sandbox.ok(&["reproduce", "last", "-q"]);
    let every = "checkpoint.every=\"7 steps\"";
    sandbox.ok(&[
        &f16[..],
        &["--steps", "20", "--set", every, "--set", "name=cut"],
    ]
    .concat());
    let cut = |name: &str| {
        let dirs = sandbox.run_dirs();
        let found = dirs.into_iter().find(|dir| {
            let file = dir.file_name().unwrap().to_string_lossy().into_owned();
            file.starts_with(name)
        });
        found.unwrap()
    };
    let rows = json_lines(cut("whole").join("metrics.jsonl"));
    let steps: Vec<&Value> = rows.iter().filter(|row| row["kind"] == "step").collect();
    assert!(steps.len() > 5 && steps.iter().all(|row| row["loss_scale"] == 65536.0));
    let state = cut("cut").join("checkpoints/step-0000000020/state.json");
    let state: Value = serde_json::from_str(&std::fs::read_to_string(state).unwrap()).unwrap();
    assert_eq!(state["scale"]["factor"], 65536.0);
    assert_eq!(state["scale"]["applied"], 20);
}

#[test]
fn the_memory_of_activations_is_halved() {
    let sandbox = Sandbox::new();
    sandbox.write("dense.toml", DENSE);
    let cost = |precision: &str| {
        let set = format!("train.precision={precision}");
        let args = ["check", "dense.toml", "--set", &set, "--format", "json"];
        sandbox.ok(&args).json()["cost"].clone()
    };
    let (full, low) = (cost("f32"), cost("bf16"));
    let bytes = |cost: &Value, part: &str| cost[part].as_u64().unwrap();
    assert_eq!(bytes(&full, "activations"), 2 * bytes(&low, "activations"));
    assert_eq!(full["weights"], low["weights"]);
}
