//! Layers against PyTorch: outputs and gradients of `tests/reference/layers.json`, made by the
//! script beside it, on the fused path and on the composed one.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use serde::Deserialize;

use crate::kernel::{
    self, Activation, Conv, Pool, Running,
    probe::{close, flat},
};

#[derive(Deserialize)]
struct Case {
    name: String,
    inputs: Vec<Array>,
    probe: Vec<f64>,
    output: Array,
    grads: Vec<Vec<f64>>,
    extra: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Array {
    fn var(&self, dtype: DType) -> Var {
        let tensor = Tensor::from_slice(&self.values, &self.shape[..], &Device::Cpu).unwrap();
        Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap()
    }
}

/// f32 takes the fused kernels, f64 the compositions of Candle's operations.
#[test]
fn outputs_and_gradients_are_those_of_pytorch() {
    let text = include_str!("../../tests/reference/layers.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-7)] {
            let vars: Vec<Var> = case.inputs.iter().map(|a| a.var(dtype)).collect();
            let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
            let running = [[0.25, -0.5, 1.0], [1.5, 0.75, 2.0]].map(|v| {
                Var::from_tensor(
                    &Tensor::new(&v, &Device::Cpu)
                        .unwrap()
                        .to_dtype(dtype)
                        .unwrap(),
                )
                .unwrap()
            });
            let out = apply(&case, &tensors, &running).unwrap();
            let what = format!("{} in {dtype:?}", case.name);
            assert_eq!(out.dims(), case.output.shape, "{what}");
            close(&what, &flat(&out), &case.output.values, tolerance);
            let probe = Tensor::from_slice(&case.probe, out.shape(), &Device::Cpu).unwrap();
            let loss = (out * probe.to_dtype(dtype).unwrap())
                .unwrap()
                .sum_all()
                .unwrap();
            let store = loss.backward().unwrap();
            for (i, (tensor, want)) in tensors.iter().zip(&case.grads).enumerate() {
                let grad = flat(store.get(tensor).unwrap());
                close(
                    &format!("{what}, gradient {i}"),
                    &grad,
                    want,
                    2.0 * tolerance,
                );
            }
            for (var, name) in running.iter().zip(["mean", "var"]) {
                if let Some(want) = case.extra.get(name) {
                    close(&format!("{what}, running {name}"), &flat(var), want, 1e-6);
                }
            }
        }
    }
}

/// An operation whose images have their channels last, on PyTorch's; others are left as they are.
fn images(x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if x.rank() != 4 {
        return f(x);
    }
    kernel::channels_first(&f(&kernel::channels_last(x)?)?)
}

fn apply(case: &Case, t: &[Tensor], running: &[Var; 2]) -> Result<Tensor> {
    let conv = |stride| {
        let conv = Conv {
            stride,
            padding: 1,
            relu: false,
            pool: None,
        };
        images(&t[0], |x| kernel::conv2d(x, &t[1], Some(&t[2]), &conv))
    };
    let norm = |train| {
        let [mean, variance] = running;
        let running = Running { mean, variance };
        images(&t[0], |x| {
            kernel::batch_norm(x, &t[1], &t[2], running, train, false)
        })
    };
    let pool = |kernel| Pool { kernel, stride: 2 };
    let activate = |activation| kernel::activate(&t[0], activation);
    match case.name.as_str() {
        "linear" => kernel::linear(&t[0], &t[1], Some(&t[2]), false),
        "conv2d" => conv(1),
        "conv2d_strided" => conv(2),
        "max_pool2d" => images(&t[0], |x| kernel::max_pool2d(x, pool(3))),
        "avg_pool2d" => images(&t[0], |x| kernel::avg_pool2d(x, pool(2))),
        "batch_norm2d_train" | "batch_norm1d_train" => norm(true),
        "batch_norm2d_eval" | "batch_norm1d_eval" => norm(false),
        "layer_norm" => kernel::layer_norm(&t[0], &t[1], &t[2]),
        "relu" => activate(Activation::Relu),
        "leaky_relu" => activate(Activation::LeakyRelu),
        "gelu" => activate(Activation::Gelu),
        "silu" => activate(Activation::Silu),
        "tanh" => activate(Activation::Tanh),
        "sigmoid" => activate(Activation::Sigmoid),
        "log_softmax" => kernel::log_softmax(&t[0]),
        name => {
            assert!(
                name.starts_with("cross_entropy"),
                "`{name}` has no counterpart"
            );
            let targets = Tensor::new(&[3u32, 0, 1, 1, 2, 3], &Device::Cpu)?;
            let weighted = name.ends_with("weighted") || name.ends_with("both");
            let weights = weighted.then_some(&[0.5f32, 2.0, 1.0, 0.25][..]);
            kernel::cross_entropy(&t[0], &targets, case.extra["smoothing"][0], weights)
        }
    }
}
