//! Every optimizer, and clipping, against PyTorch.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::{
    array::NamedArray,
    kernel::{Grads, Init, Param},
};

/// The reference script's shapes, by name.
const SHAPES: [(&str, &[usize]); 3] = [("a", &[7]), ("b", &[3, 5]), ("c", &[1])];

/// A parameter with the numbers that the reference script calls `probe`: in [−1, 1).
pub(super) fn probe(name: &str, shape: &[usize], seed: u32) -> Param {
    let number = |i: usize| {
        let spread = (i as u32).wrapping_mul(2_654_435_761);
        let start = seed.wrapping_mul(2_246_822_519).wrapping_add(374_761_393);
        let mut word = spread.wrapping_add(start);
        word ^= word >> 15;
        word = word.wrapping_mul(2_246_822_519);
        word ^= word >> 13;
        (word >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let param = Param::new(name.into(), shape.to_vec(), Init::Constant(0.0), true);
    param.fill(0, &Device::Cpu).unwrap();
    let values: Vec<f32> = (0..param.count()).map(number).collect();
    let values = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
    param.var().set(&values).unwrap();
    param
}

/// Equal up to rounding.
pub(super) fn assert_close(a: &Tensor, b: &Tensor) {
    let [a, b] = [a, b].map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} is not {b}");
    }
}

fn params() -> Vec<Param> {
    let seeds = 1..;
    let shapes = SHAPES.iter().zip(seeds);
    shapes
        .map(|((name, shape), seed)| probe(name, shape, seed))
        .collect()
}

fn gradients(params: &[Param], seed: u32, scale: f64) -> Grads {
    let mut grads = Grads::new(params).unwrap();
    for (i, param) in params.iter().enumerate() {
        let values = probe("gradient", param.shape(), seed + i as u32);
        let values = values.tensor().affine(scale, 0.0).unwrap().detach();
        grads.add(i, &values).unwrap();
    }
    grads
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[derive(Deserialize)]
struct Reference {
    runs: Vec<Run>,
    clipped: Vec<Clipped>,
}

#[derive(Deserialize)]
struct Run {
    note: String,
    r#type: String,
    keys: BTreeMap<String, Value>,
    /// (lr, weight decay, momentum) of each step, or of all.
    hyper: Vec<[f64; 3]>,
    late: usize,
    params: BTreeMap<usize, BTreeMap<String, Vec<f64>>>,
}

#[derive(Deserialize)]
struct Clipped {
    max: f64,
    limit: f64,
    scale: f64,
    norm: f64,
    by_norm: BTreeMap<String, Vec<f64>>,
    by_value: BTreeMap<String, Vec<f64>>,
}

fn reference() -> Reference {
    let text = include_str!("../../tests/reference/optimizers.json");
    serde_json::from_str(text).unwrap()
}

impl Run {
    fn spec(&self) -> Box<dyn OptimizerSpec> {
        let number = |key: &str| self.keys[key].as_f64().unwrap();
        match self.r#type.as_str() {
            "sgd" => Box::new(Sgd {
                momentum: self.hyper[0][2],
                nesterov: self.keys["nesterov"] == Value::Bool(true),
                dampening: number("dampening"),
            }),
            "adam" => Box::new(Adam {
                beta2: number("beta2"),
                eps: number("eps"),
                ..Adam::default()
            }),
            "adamw" => Box::new(AdamW {
                beta2: number("beta2"),
                eps: number("eps"),
                ..AdamW::default()
            }),
            other => panic!("unknown optimizer `{other}`"),
        }
    }

    fn step(&self, optimizer: &mut dyn Optimizer, params: &[Param], t: usize) {
        let [lr, weight_decay, momentum] = *self.hyper.get(t).unwrap_or(&self.hyper[0]);
        let beta2 = self.keys.get("beta2").map_or(0.0, |b| b.as_f64().unwrap());
        let hyper = [Hyper {
            lr,
            weight_decay,
            momentum,
            beta2,
        }; 3];
        let grads = gradients(params, 1000 + 10 * t as u32, 1.0);
        let frozen = [false, false, t < self.late];
        optimizer.step(params, &grads, &hyper, &frozen).unwrap();
    }
}

#[test]
fn a_hundred_steps_are_pytorchs() {
    let runs = reference().runs;
    assert_eq!(runs.len(), 14);
    for run in &runs {
        let params = params();
        let mut optimizer = run.spec().build(&params).unwrap();
        for t in 0..100 {
            run.step(&mut *optimizer, &params, t);
            let Some(want) = run.params.get(&(t + 1)) else {
                continue;
            };
            for param in &params {
                let got = numbers(param.tensor());
                for (got, want) in got.iter().zip(&want[param.name()]) {
                    let off = (f64::from(*got) - want).abs();
                    let what = (&run.r#type, &run.note, t, param.name());
                    assert!(
                        off <= 1e-6 * want.abs().max(1.0),
                        "{what:?}: {got} is not {want}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_restored_optimizer_goes_on_bit_for_bit() {
    for run in &reference().runs {
        let all = params();
        let mut whole = run.spec().build(&all).unwrap();
        let copies = params();
        let mut restored = run.spec().build(&copies).unwrap();
        for t in 0..30 {
            run.step(&mut *whole, &all, t);
            if t == 14 {
                for (copy, param) in copies.iter().zip(&all) {
                    copy.var().set(&param.tensor().copy().unwrap()).unwrap();
                }
                restored.restore(&whole.state().unwrap()).unwrap();
            }
            if t > 14 {
                run.step(&mut *restored, &copies, t);
            }
        }
        for (copy, param) in copies.iter().zip(&all) {
            assert_eq!(
                numbers(copy.tensor()),
                numbers(param.tensor()),
                "{}",
                run.note
            );
        }
        assert_eq!(
            restored.state().unwrap(),
            whole.state().unwrap(),
            "{}",
            run.note
        );
    }
}

fn specs() -> [Box<dyn OptimizerSpec>; 3] {
    let sgd = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    [
        Box::new(sgd),
        Box::new(Adam::default()),
        Box::new(AdamW::default()),
    ]
}

const HYPER: Hyper = Hyper {
    lr: 0.1,
    weight_decay: 0.1,
    momentum: 0.9,
    beta2: 0.999,
};

#[test]
fn state_has_names_and_counts() {
    let names = |state: &[NamedArray]| state.iter().map(|a| a.name.clone()).collect::<Vec<_>>();
    let want = [
        vec!["a.momentum", "b.momentum", "step"],
        vec![
            "a.exp_avg",
            "a.exp_avg_sq",
            "b.exp_avg",
            "b.exp_avg_sq",
            "step",
        ],
    ];
    for (spec, want) in specs().iter().zip([&want[0], &want[1], &want[1]]) {
        let params = params();
        let mut optimizer = spec.build(&params).unwrap();
        assert_eq!(names(&optimizer.state().unwrap()), ["step"]);
        let grads = gradients(&params, 7, 1.0);
        let frozen = [false, false, true];
        optimizer
            .step(&params, &grads, &[HYPER; 3], &frozen)
            .unwrap();
        let state = optimizer.state().unwrap();
        assert_eq!(&names(&state), want);
        let counts: Vec<u8> = [1i64, 1, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(state.last().unwrap().bytes, counts);
    }
}

#[test]
fn state_of_another_optimizer_is_refused_by_name() {
    let params = params();
    let grads = gradients(&params, 7, 1.0);
    let [mut sgd, mut adam, _] = specs().map(|spec| spec.build(&params).unwrap());
    adam.step(&params, &grads, &[HYPER; 3], &[false; 3])
        .unwrap();
    assert_eq!(
        sgd.restore(&adam.state().unwrap()).unwrap_err().to_string(),
        "optimizer state lacks `a.momentum`, `b.momentum`, `c.momentum`; \
         hint: it was saved by another optimizer or for another model"
    );
}

#[test]
fn frozen_parameters_keep_their_bits() {
    for spec in specs() {
        let params = params();
        let before: Vec<_> = params.iter().map(|p| numbers(p.tensor())).collect();
        let mut optimizer = spec.build(&params).unwrap();
        for t in 0..3 {
            let grads = gradients(&params, t, 1.0);
            let frozen = [true, false, true];
            optimizer
                .step(&params, &grads, &[HYPER; 3], &frozen)
                .unwrap();
        }
        let after: Vec<_> = params.iter().map(|p| numbers(p.tensor())).collect();
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
        assert_eq!(before[2], after[2]);
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let steps = |threads: usize, spec: &dyn OptimizerSpec| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let params = [probe("a", &[100_003], 1), probe("b", &[13, 77], 2)];
            let mut optimizer = spec.build(&params).unwrap();
            let mut norms = Vec::new();
            for t in 0..3 {
                let mut grads = gradients(&params, 5 + t, 1.0);
                norms.push(clip_norm(&mut grads, 1.0).unwrap().to_bits());
                optimizer
                    .step(&params, &grads, &[HYPER; 2], &[false; 2])
                    .unwrap();
            }
            let values = params.each_ref().map(|p| numbers(p.tensor()));
            (norms, values, optimizer.state().unwrap())
        })
    };
    for spec in specs() {
        let one = steps(1, &*spec);
        for threads in [2, 5] {
            assert!(
                steps(threads, &*spec) == one,
                "{spec:?} with {threads} threads"
            );
        }
    }
}

#[test]
fn a_step_for_other_parameters_is_an_error() {
    for spec in specs() {
        let params = params();
        let mut optimizer = spec.build(&params).unwrap();
        let grads = gradients(&params, 1, 1.0);
        let result = optimizer.step(&params, &grads, &[HYPER; 2], &[false; 3]);
        assert!(result.unwrap_err().to_string().contains("[3, 3, 2, 3]"));
    }
}

#[test]
fn clipping_is_pytorchs() {
    let near = |grads: &Grads, want: &BTreeMap<String, Vec<f64>>| {
        for (i, (name, _)) in SHAPES.iter().enumerate() {
            for (got, want) in numbers(grads.get(i)).iter().zip(&want[*name]) {
                let off = (f64::from(*got) - want).abs();
                assert!(off <= 1e-6 * want.abs(), "{name}: {got} is not {want}");
            }
        }
    };
    for case in reference().clipped {
        let params = params();
        let mut grads = gradients(&params, 50, case.scale);
        let norm = clip_norm(&mut grads, case.max).unwrap();
        assert!(
            (norm - case.norm).abs() <= 1e-12 * norm,
            "{norm} is not {}",
            case.norm
        );
        near(&grads, &case.by_norm);
        let mut grads = gradients(&params, 50, case.scale);
        clip_value(&mut grads, case.limit).unwrap();
        near(&grads, &case.by_value);
    }
}

#[test]
fn a_norm_that_is_not_finite_is_returned_and_nothing_scaled() {
    let params = params();
    let mut grads = gradients(&params, 50, f64::INFINITY);
    let before = numbers(grads.get(1));
    assert!(!clip_norm(&mut grads, 1.0).unwrap().is_finite());
    assert_eq!(numbers(grads.get(1)), before);
}
