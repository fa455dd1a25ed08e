//! Whole models against PyTorch: outputs, all gradients and running statistics of
//! `tests/reference/models.json`, made by the script beside it, from the same weights.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use serde::Deserialize;

use super::{Cnn, Factors, Inputs, Io, Lstm, ModelSpec, Padding, Resnet, Shortcut};
use crate::{
    kernel::{
        Param,
        probe::{close, flat},
    },
    layer::{Architecture, Builder, Mode},
};

type Numbers = BTreeMap<String, Vec<f32>>;

#[derive(Deserialize)]
struct Case {
    name: String,
    shape: Vec<usize>,
    input: Vec<f32>,
    probe: Vec<f32>,
    params: Numbers,
    buffers: Numbers,
    runs: BTreeMap<String, Run>,
}

#[derive(Deserialize)]
struct Run {
    output: Vec<f64>,
    input_grad: Vec<f64>,
    grads: BTreeMap<String, Vec<f64>>,
    buffers: BTreeMap<String, Vec<f64>>,
}

fn model(case: &str) -> Box<dyn ModelSpec> {
    let resnet = |depth, width, shortcut| Resnet {
        depth,
        width,
        shortcut,
    };
    match case {
        "cnn_valid" => Box::new(Cnn {
            channels: vec![3, 4],
            kernel: 3,
            padding: Padding::Valid,
            pool: Factors::Each(vec![1, 2]),
            hidden: vec![5],
            ..Cnn::default()
        }),
        "resnet_projection" => Box::new(resnet(8, 4, Shortcut::Projection)),
        "resnet_padding" => Box::new(resnet(14, 2, Shortcut::Padding)),
        "lstm" | "lstm_rows" => Box::new(Lstm {
            embed: None,
            layers: 2,
            hidden: 5,
            dropout: 0.0,
        }),
        other => panic!("`{other}` has no counterpart"),
    }
}

/// Gives each parameter its numbers; the names must be the same.
fn fill(params: &[Param], numbers: &Numbers) {
    let names: Vec<&str> = params.iter().map(Param::name).collect();
    assert_eq!(names, numbers.keys().collect::<Vec<_>>());
    for param in params {
        param.fill(0, &Device::Cpu).unwrap();
        let values = Tensor::from_slice(&numbers[param.name()], param.shape(), &Device::Cpu);
        param.var().set(&values.unwrap()).unwrap();
    }
}

/// The model of a case, built and filled.
fn filled(case: &Case) -> (Box<dyn super::Model>, Architecture) {
    let b = Builder::plan();
    let io = Io::numbers(&case.shape[1..], 3);
    let model = model(&case.name).build(&b, &io).unwrap();
    let built = b.finish();
    fill(&built.params, &case.params);
    fill(&built.buffers, &case.buffers);
    (model, built)
}

#[test]
fn models_compute_what_pytorch_computes() {
    let text = include_str!("../../tests/reference/models.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        for (mode, want) in &case.runs {
            let what = format!("{} in {mode}", case.name);
            let (model, built) = filled(&case);
            let mode = match mode.as_str() {
                "train" => Mode::Train {
                    seed: 0,
                    step: 0,
                    micro: 0,
                },
                _ => Mode::Eval,
            };
            let input = Var::from_slice(&case.input, &case.shape[..], &Device::Cpu).unwrap();
            let output = model
                .forward(&Inputs::one(input.as_tensor().clone()), &mode)
                .unwrap();
            close(&what, &flat(&output), &want.output, 2e-5);
            let probe = Tensor::from_slice(&case.probe, output.shape(), &Device::Cpu).unwrap();
            let loss = (output * probe).unwrap().sum_all().unwrap();
            let store = loss.backward().unwrap();
            let grad = |tensor: &Tensor| flat(store.get(tensor).unwrap());
            assert_eq!(want.grads.len(), built.params.len(), "{what}");
            for param in &built.params {
                let what = format!("{what}, gradient of {}", param.name());
                let want = &want.grads[param.name()];
                close(&what, &grad(param.tensor()), want, 5e-5);
            }
            let what = format!("{what}, gradient of the input");
            close(&what, &grad(input.as_tensor()), &want.input_grad, 5e-5);
            for buffer in &built.buffers {
                let (what, want) = (buffer.name(), &want.buffers[buffer.name()]);
                close(what, &flat(buffer.tensor()), want, 1e-5);
            }
        }
    }
}
