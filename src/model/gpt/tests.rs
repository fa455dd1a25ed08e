//! The transformer against PyTorch (`tests/reference/gpt.py`), and what its keys make of it.

use std::collections::BTreeMap;

use candle_core::{DType, Device};

use super::*;
use crate::field::Field;
use crate::kernel::{
    Grads, Param, Tape, cross_entropy,
    probe::{close, flat},
};

const CONTEXT: usize = 6;
const VOCABULARY: usize = 11;

#[derive(Deserialize)]
struct Case {
    bias: bool,
    tied: bool,
    ids: Vec<u32>,
    targets: Vec<u32>,
    logits: Vec<f64>,
    loss: f64,
    params: BTreeMap<String, Vec<f64>>,
    grads: BTreeMap<String, Vec<f64>>,
}

fn small() -> Gpt {
    Gpt {
        layers: 2,
        width: 16,
        heads: 2,
        ..Gpt::default()
    }
}

fn io() -> Io {
    Io::new(Field::tokens("tokens", CONTEXT, VOCABULARY), VOCABULARY)
}

#[test]
fn logits_and_gradients_are_those_of_pytorch() {
    let text = include_str!("../../../tests/reference/gpt.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let spec = Gpt {
            bias: case.bias,
            tied: case.tied,
            ..small()
        };
        let b = Builder::plan();
        let model = spec.build(&b, &io()).unwrap();
        let params = b.finish().params;
        let names: Vec<&str> = params.iter().map(Param::name).collect();
        assert_eq!(names, case.params.keys().collect::<Vec<_>>());
        for param in &params {
            param.fill(0, &Device::Cpu).unwrap();
            let values: Vec<f32> = case.params[param.name()]
                .iter()
                .map(|v| *v as f32)
                .collect();
            let values = Tensor::from_vec(values, param.shape(), &Device::Cpu).unwrap();
            param.var().set(&values).unwrap();
        }
        let shape = (case.ids.len() / CONTEXT, CONTEXT);
        let place = |ids: &[u32]| Tensor::from_slice(ids, shape, &Device::Cpu).unwrap();
        let logits = model
            .forward(&Inputs::one(place(&case.ids)), &Mode::Eval)
            .unwrap();
        assert_eq!(logits.dims(), [shape.0, CONTEXT, VOCABULARY]);
        close("logits", &flat(&logits), &case.logits, 1e-5);
        let sum = cross_entropy(&logits, &place(&case.targets), 0.0, None).unwrap();
        let loss = (sum / case.ids.len() as f64).unwrap();
        close("loss", &flat(&loss), &[case.loss], 1e-6);
        let mut grads = Grads::new(&params).unwrap();
        grads.backward(Tape::record(), &loss, 1.0, &params).unwrap();
        for (i, param) in params.iter().enumerate() {
            let want = &case.grads[param.name()];
            close(param.name(), &flat(grads.get(i)), want, 2e-6);
        }
    }
}

#[test]
fn first_values_are_those_of_gpt_2() {
    let spec = Gpt {
        width: 64,
        layers: 2,
        tied: false,
        ..Gpt::default()
    };
    let b = Builder::plan();
    spec.build(&b, &io()).unwrap();
    for param in b.finish().params {
        param.fill(3, &Device::Cpu).unwrap();
        let values = flat(param.tensor());
        let n = values.len() as f64;
        let deviation = (values.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
        let name = param.name();
        let want = match name {
            _ if name.ends_with("bias") => 0.0,
            _ if name.contains("norm") => 1.0,
            _ if name.contains("out.") || name.contains("fc2") => 0.01,
            _ => 0.02,
        };
        assert!((deviation - want).abs() < 0.002, "{name}: {deviation}");
    }
}

#[test]
fn narrow_precisions_come_near_to_f32() {
    let ids: Vec<u32> = (0..12).map(|i| i * 5 % 11).collect();
    let ids = Tensor::from_vec(ids, (2, CONTEXT), &Device::Cpu).unwrap();
    let logits = |dtype| {
        let b = Builder::plan().computing_in(dtype);
        let model = small().build(&b, &io()).unwrap();
        for param in b.finish().params {
            param.fill(3, &Device::Cpu).unwrap();
        }
        let logits = model
            .forward(&Inputs::one(ids.clone()), &Mode::Eval)
            .unwrap();
        assert_eq!(logits.dtype(), dtype);
        flat(&logits)
    };
    let want = logits(DType::F32);
    close("bf16", &logits(DType::BF16), &want, 0.01);
    close("f16", &logits(DType::F16), &want, 0.002);
}

#[test]
fn layers_follow_the_keys() {
    let spec = Gpt {
        layers: 1,
        dropout: 0.1,
        ..small()
    };
    let b = Builder::plan();
    spec.build(&b, &io()).unwrap();
    let show = |l: &LayerInfo| format!("{}: {} {:?}", l.name, l.kind, l.output);
    let layers: Vec<String> = b.finish().layers.iter().map(show).collect();
    assert_eq!(
        layers,
        [
            "token: embedding [6, 16]",
            "position: embedding [6, 16]",
            "drop: dropout [6, 16]",
            "block1.norm1: layer_norm [6, 16]",
            "block1.attention.qkv: linear [6, 48]",
            "block1.attention: causal_attention [6, 16]",
            "block1.attention.out: linear [6, 16]",
            "block1.attention.drop: dropout [6, 16]",
            "block1.norm2: layer_norm [6, 16]",
            "block1.fc1: linear [6, 64]",
            "block1.act: gelu [6, 64]",
            "block1.fc2: linear [6, 16]",
            "block1.drop: dropout [6, 16]",
            "norm: layer_norm [6, 16]",
            "head: linear (tied) [6, 11]",
        ]
    );
}

#[test]
fn misfits_blame_the_key() {
    let odd = Gpt {
        heads: 3,
        ..small()
    };
    assert_eq!(
        odd.check()[0].to_string(),
        "`heads`: `width` 16 cannot be divided among `3` heads; hint: width = 15 or 18"
    );
    assert!(small().check().is_empty());
    assert_eq!(toml::from_str::<Gpt>("").unwrap(), Gpt::default());
    let images = Io::numbers(&[1, 8, 8], 10);
    let error = small().build(&Builder::plan(), &images).err().unwrap();
    assert_eq!(
        error.to_string(),
        "samples of shape [1, 8, 8] are not tokens in a row"
    );
}
