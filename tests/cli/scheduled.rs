//! Scheduled values in real runs: against PyTorch with the same values set by hand, and frozen
//! groups.

use std::{collections::HashMap, fs};

use candle_core::{Device, Tensor, safetensors};
use serde_json::Value;

use crate::sandbox::Sandbox;

/// What a case of the reference adds to.
const CONFIG: &str = r#"
    name = "scheduled"

    [model]
    type = "mlp"
    hidden = [4]
    activation = "tanh"
    init = "first.safetensors"

    [dataset]
    type = "csv"
    path = "table.csv"
    target = "y"
    standardize = false
    shuffle = false
    batch_size = 24
    split = { val = "0%", test = "0%" }

    [checkpoint]
    every = "100 steps"
"#;

fn tensors(weights: &Value) -> HashMap<String, Tensor> {
    let tensor = |entry: &Value| {
        let list = |key: &str| entry[key].as_array().unwrap().iter();
        let shape: Vec<usize> = list("shape")
            .map(|n| n.as_u64().unwrap() as usize)
            .collect();
        let values: Vec<f32> = list("values").map(|x| x.as_f64().unwrap() as f32).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    };
    let weights = weights.as_object().unwrap().iter();
    weights
        .map(|(name, entry)| (name.clone(), tensor(entry)))
        .collect()
}

/// The weights of the run's last checkpoint.
fn last(sandbox: &Sandbox) -> HashMap<String, Tensor> {
    let checkpoints = fs::read_dir(sandbox.run_dir().join("checkpoints")).unwrap();
    let mut steps: Vec<_> = checkpoints.map(|entry| entry.unwrap().path()).collect();
    steps.retain(|path| path.join("model.safetensors").is_file());
    steps.sort();
    safetensors::load(
        steps.last().unwrap().join("model.safetensors"),
        &Device::Cpu,
    )
    .unwrap()
}

fn distance(a: &Tensor, b: &Tensor) -> f32 {
    let difference = (a - b).unwrap().abs().unwrap();
    difference
        .flatten_all()
        .unwrap()
        .max(0)
        .unwrap()
        .to_scalar()
        .unwrap()
}

#[test]
fn a_run_does_what_pytorch_does_with_the_same_values_set_by_hand() {
    let reference: Value =
        serde_json::from_str(include_str!("../reference/scheduled.json")).unwrap();
    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (name, sandbox) = (&case["name"], Sandbox::new());
        sandbox.write("table.csv", reference["table"].as_str().unwrap());
        safetensors::save(&tensors(&case["first"]), sandbox.path("first.safetensors")).unwrap();
        let config = format!("{CONFIG}\n{}", case["config"].as_str().unwrap());
        sandbox.write("scheduled.toml", config);
        sandbox.ok(&["run", "scheduled.toml"]);
        let (ours, first) = (last(&sandbox), tensors(&case["first"]));
        for (param, theirs) in tensors(&case["last"]) {
            let far = distance(&ours[&param], &theirs);
            // Roundings of float32, a hundred updates of them.
            assert!(far < 1e-5, "{name}: `{param}` differs by {far}");
            let moved = distance(&first[param.trim_start_matches("ema/")], &theirs);
            assert!(moved > 1e-3, "{name}: `{param}` moved by {moved} only");
        }
    }
}

#[test]
fn a_group_that_is_frozen_for_a_while_does_not_move_by_a_bit() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "frozen.toml",
        r#"
        seed = 4

        [model]
        type = "mlp"
        hidden = [8]

        [dataset]
        type = "digits"
        limit = 160
        batch_size = 16

        [optimizer]
        type = "adamw"
        lr = 0.01
        weight_decay = 0.1

        [[optimizer.group]]
        name = "backbone"
        match = ["fc1.*"]

        [[schedule]]
        groups = ["backbone"]
        track = "freeze"
        type = "constant"
        for = "3 epochs"
        from = 0.0

        [[schedule]]
        groups = ["backbone"]
        track = "freeze"
        type = "constant"
        from = "base"

        [train]
        epochs = 4

        [checkpoint]
        every = "1 epoch"
        keep = 9
        "#,
    );
    sandbox.ok(&["run", "frozen.toml"]);
    let checkpoints = sandbox.run_dir().join("checkpoints");
    let mut steps: Vec<_> = fs::read_dir(checkpoints)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    steps.sort();
    let weights = |epoch: usize| {
        let path = steps[epoch - 1].join("model.safetensors");
        safetensors::load(path, &Device::Cpu).unwrap()
    };
    let (one, three, four) = (weights(1), weights(3), weights(4));
    for param in ["fc1.weight", "fc1.bias"] {
        assert_eq!(distance(&one[param], &three[param]), 0.0, "{param}");
        assert!(distance(&three[param], &four[param]) > 1e-3, "{param}");
    }
    assert!(distance(&one["out.weight"], &three["out.weight"]) > 1e-3);
}
