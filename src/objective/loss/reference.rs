//! Every loss against PyTorch's value and gradient.

use candle_core::{Device, Tensor, Var};
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::kernel::{
    linear,
    probe::{taped, var},
};

#[derive(Deserialize)]
struct Reference {
    losses: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    r#type: String,
    keys: Value,
    output: Vec<Vec<f32>>,
    target: Value,
    value: f64,
    grad: Vec<Vec<f64>>,
}

fn loss(case: &Case) -> Box<dyn LossSpec> {
    let keys = case.keys.clone();
    match case.r#type.as_str() {
        "cross_entropy" => Box::new(serde_json::from_value::<CrossEntropy>(keys).unwrap()),
        "mse" => Box::new(serde_json::from_value::<Mse>(keys).unwrap()),
        "mae" => Box::new(serde_json::from_value::<Mae>(keys).unwrap()),
        "huber" => Box::new(serde_json::from_value::<Huber>(keys).unwrap()),
        "bce" => Box::new(serde_json::from_value::<Bce>(keys).unwrap()),
        other => panic!("unknown loss `{other}`"),
    }
}

fn target(value: &Value) -> Tensor {
    if let Ok(classes) = serde_json::from_value::<Vec<u32>>(value.clone()) {
        return Tensor::new(classes, &Device::Cpu).unwrap();
    }
    let values: Vec<Vec<f32>> = serde_json::from_value(value.clone()).unwrap();
    Tensor::new(values, &Device::Cpu).unwrap()
}

/// Equal to a millionth of the true value, or of `scale` where the value is smaller than that.
fn assert_near(got: f64, want: f64, scale: f64, what: &str) {
    let tolerance = 1e-6 * want.abs().max(scale);
    assert!(
        (got - want).abs() <= tolerance,
        "{what}: {got} is not {want}"
    );
}

/// What the gradient's rounding is measured by. A softmax's gradient p − 1 is rounded like p, that
/// is on the scale of a sample's share of the batch; the others are computed in f64.
fn gradient_scale(case: &Case, weight: f64) -> f64 {
    let classes: Vec<f64> =
        serde_json::from_value(case.keys["class_weights"].clone()).unwrap_or_default();
    match case.r#type.as_str() {
        "cross_entropy" => classes.iter().copied().fold(1.0, f64::max) / weight,
        _ => 0.0,
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../tests/reference/objectives.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    assert_eq!(reference.losses.len(), 32);
    reference.losses
}

impl Case {
    fn name(&self) -> String {
        format!("{} {}", self.r#type, self.keys)
    }
}

#[test]
fn values_and_gradients_are_pytorchs() {
    for case in &cases() {
        let what = case.name();
        let (loss, target) = (loss(case), target(&case.target));
        let output = Var::new(case.output.clone(), &Device::Cpu).unwrap();
        let sum = loss.sum(&output, &target).unwrap();
        let weight = loss.weight(&target).unwrap();
        let value = f64::from(sum.to_scalar::<f32>().unwrap()) / weight;
        assert_near(value, case.value, 1e-3, &what);

        let grads = sum.backward().unwrap();
        let got = grads.get(&output).unwrap().to_vec2::<f32>().unwrap();
        let scale = gradient_scale(case, weight).max(1e-30);
        for (got, want) in got.iter().flatten().zip(case.grad.iter().flatten()) {
            assert_near(f64::from(*got) / weight, *want, scale, &what);
        }
    }
}

/// Candle's own begins every gradient of the model with zeros.
#[test]
fn the_fused_operations_backward_pass_goes_through_every_loss() {
    for case in &cases() {
        let (loss, target) = (loss(case), target(&case.target));
        let x = Tensor::new(case.output.clone(), &Device::Cpu).unwrap();
        let outputs = x.dims()[1];
        let weight = var(&[outputs, outputs], 1);
        let run = || loss.sum(&linear(&x, &weight, None, false)?, &target);
        assert!(taped(&case.name(), &[&weight], &run), "{}", case.name());
    }
}

#[test]
fn two_micro_batches_are_one_batch() {
    let output = Tensor::new(
        &[[0.3f32, 1.0, -2.0], [1.0, 1.5, 0.0], [0.0, 0.1, 7.0]],
        &Device::Cpu,
    );
    let (output, target) = (
        output.unwrap(),
        Tensor::new(&[2u32, 0, 1], &Device::Cpu).unwrap(),
    );
    let loss = CrossEntropy {
        label_smoothing: 0.1,
        class_weights: Weights::Each(vec![1.0, 2.0, 5.0]),
    };
    let part = |start, len| {
        let (z, y) = (
            output.narrow(0, start, len).unwrap(),
            target.narrow(0, start, len).unwrap(),
        );
        let sum = loss.sum(&z, &y).unwrap().to_scalar::<f32>().unwrap();
        (f64::from(sum), loss.weight(&y).unwrap())
    };
    let (whole, first, rest) = (part(0, 3), part(0, 1), part(1, 2));
    assert_eq!(whole.1, 8.0);
    assert_eq!(first.1 + rest.1, whole.1);
    assert_near(first.0 + rest.0, whole.0, 1.0, "sum");
}

#[test]
fn keys_that_do_not_fit_are_named() {
    let loss = CrossEntropy {
        class_weights: Weights::Each(vec![0.0, 0.0]),
        ..CrossEntropy::default()
    };
    assert_eq!(
        loss.check()[0].to_string(),
        "`class_weights`: no class has a weight above 0"
    );
    assert_eq!(
        loss.fits(&crate::task::Task::unnamed(3))
            .unwrap()
            .to_string(),
        "`class_weights`: 2 weights for 3 classes; hint: give one weight for each class"
    );
    let target = Tensor::new(&[5u32], &Device::Cpu).unwrap();
    let message = loss.weight(&target).unwrap_err().to_string();
    assert!(
        message.contains("target class `5` is not below 2"),
        "{message}"
    );
}

/// `sklearn.utils.class_weight.compute_class_weight("balanced", classes=range(3), y=…)` of 8, 1 and
/// 3 samples.
#[test]
fn balanced_classes_count_the_same() {
    let loss = CrossEntropy {
        class_weights: Weights::BALANCED,
        ..CrossEntropy::default()
    };
    let targets = |counts: &[u64]| {
        let names = ["a", "rare", "c"].map(String::from).to_vec();
        TrainTargets::Classes(counts.to_vec(), names)
    };
    let balanced = loss.balanced(&targets(&[8, 1, 3])).unwrap().unwrap();
    assert_eq!(balanced.weights_in_use(), [0.5, 4.0, 1.3333333333333333]);
    assert!(!balanced.is_balanced());
    assert_eq!(
        loss.balanced(&targets(&[8, 0, 3])).unwrap_err().to_string(),
        "`class_weights`: class `rare` has no training sample to balance; \
         hint: `split = { stratify = true }` in `[dataset]`, or a list of weights"
    );
    assert!(
        CrossEntropy::default()
            .balanced(&targets(&[1, 1, 1]))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_shape_that_does_not_fit_is_an_error() {
    let z = Tensor::zeros((4, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    let y = Tensor::zeros((4, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
    let message = Mse {}.sum(&z, &y).unwrap_err().to_string();
    assert!(
        message.contains("shape [4, 2] for targets of shape [4, 1]"),
        "{message}"
    );
    let classes = Tensor::new(&[0u32], &Device::Cpu).unwrap();
    assert!(Mse {}.weight(&classes).is_err());
}

/// What the config layer checks by the schema must be in the schema.
#[test]
fn the_schema_knows_the_ranges() {
    let keys = serde_json::to_value(schemars::schema_for!(CrossEntropy)).unwrap();
    let keys = &keys["properties"];
    assert_eq!(keys["label_smoothing"]["exclusiveMaximum"], 1.0);
    assert_eq!(keys["class_weights"]["anyOf"][0]["items"]["minimum"], 0.0);
    let bce = serde_json::to_value(schemars::schema_for!(Bce)).unwrap();
    let pos_weight = &bce["properties"]["pos_weight"]["anyOf"];
    assert_eq!(pos_weight[0]["items"]["exclusiveMinimum"], 0.0);
    assert_eq!(pos_weight[0]["type"], "array");
    assert_eq!(pos_weight[1]["enum"][0], "balanced");
    let huber = serde_json::to_value(schemars::schema_for!(Huber)).unwrap();
    assert_eq!(huber["properties"]["delta"]["exclusiveMinimum"], 0.0);
}
