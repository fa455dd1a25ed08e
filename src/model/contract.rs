//! What must hold for every model, whatever its keys.

use candle_core::{Device, Result, Tensor};

use super::{
    Cnn, Factors, Gpt, Inputs, Io, Lstm, Mlp, Model, ModelSpec, Norm, Padding, Resnet, Shortcut,
};
use crate::{
    field::Field,
    kernel::{
        Grads, Param, cross_entropy,
        probe::{numbers, taped, threads},
    },
    layer::{Activation, Architecture, Builder, Mode},
};

const TRAIN: Mode = Mode::Train {
    seed: 1,
    step: 0,
    micro: 0,
};
const BATCH: usize = 6;

/// Every model in several dresses, each with the shape of a sample.
fn models() -> Vec<(Box<dyn ModelSpec>, Vec<usize>)> {
    let mut all: Vec<(Box<dyn ModelSpec>, Vec<usize>)> = Vec::new();
    for norm in [Norm::None, Norm::Batch, Norm::Layer] {
        for activation in [Activation::Relu, Activation::Gelu] {
            let hidden = vec![9, 5];
            let mlp = Mlp {
                hidden,
                activation,
                dropout: 0.25,
                norm,
            };
            all.push((Box::new(mlp.clone()), vec![13]));
            all.push((Box::new(mlp), vec![2, 3, 4]));
        }
        let cnn = Cnn {
            channels: vec![4, 3],
            kernel: 3,
            norm,
            ..Cnn::default()
        };
        all.push((
            Box::new(Cnn {
                pool: Factors::All(1),
                dropout: 0.5,
                ..cnn.clone()
            }),
            vec![2, 5, 7],
        ));
        all.push((
            Box::new(Cnn {
                padding: Padding::Valid,
                pool: Factors::Each(vec![1, 2]),
                ..cnn.clone()
            }),
            vec![1, 9, 6],
        ));
        all.push((Box::new(cnn), vec![1, 9, 6]));
    }
    for shortcut in [Shortcut::Projection, Shortcut::Padding] {
        let resnet = Resnet {
            depth: 8,
            width: 2,
            shortcut,
        };
        all.push((Box::new(resnet), vec![2, 9, 6]));
    }
    for (layers, dropout, input) in [(1, 0.0, vec![4, 3]), (2, 0.25, vec![2, 3, 5])] {
        let lstm = Lstm {
            layers,
            hidden: 5,
            dropout,
        };
        all.push((Box::new(lstm), input));
    }
    all.push((
        Box::new(Mlp {
            hidden: vec![],
            ..Mlp::default()
        }),
        vec![4],
    ));
    for (bias, tied) in [(true, true), (false, false)] {
        let gpt = Gpt {
            layers: 2,
            width: 6,
            heads: 2,
            dropout: 0.2,
            bias,
            tied,
        };
        all.push((Box::new(gpt), vec![5]));
    }
    all
}

/// A batch of samples and its classes: one for each sample, or for each token.
fn batch(spec: &dyn ModelSpec, input: &[usize]) -> (Tensor, Tensor) {
    let shape = [&[BATCH], input].concat();
    let count: usize = shape.iter().product();
    let classes = |n: usize, salt: usize| (0..n).map(|i| ((i * i + salt) % 3) as u32).collect();
    match spec.predicts_places() {
        true => (
            Tensor::from_vec(classes(count, 0), &shape[..], &Device::Cpu).unwrap(),
            Tensor::from_vec(classes(count, 1), &shape[..], &Device::Cpu).unwrap(),
        ),
        false => (
            Tensor::from_vec(numbers(count, 5), shape, &Device::Cpu).unwrap(),
            Tensor::new(&[0u32, 1, 2, 2, 1, 0], &Device::Cpu).unwrap(),
        ),
    }
}

fn io(spec: &dyn ModelSpec, input: &[usize]) -> Io {
    match spec.predicts_places() {
        true => Io::new(Field::tokens("tokens", input[0], 3), 3),
        false => Io::numbers(input, 3),
    }
}

/// A model with its first numbers.
fn filled(spec: &dyn ModelSpec, input: &[usize]) -> (Box<dyn Model>, Architecture) {
    let (b, io) = (Builder::plan(), io(spec, input));
    let model = spec.build(&b, &io).unwrap();
    let built = b.finish();
    for param in built.params.iter().chain(&built.buffers) {
        param.fill(7, &Device::Cpu).unwrap();
    }
    (model, built)
}

/// The loss of one training batch.
fn loss(spec: &dyn ModelSpec, model: &dyn Model, input: &[usize]) -> Result<Tensor> {
    let (x, targets) = batch(spec, input);
    let logits = model.forward(&Inputs::one(x), &TRAIN)?;
    assert_eq!(logits.dims(), [targets.dims(), &[3]].concat(), "{spec:?}");
    cross_entropy(&logits, &targets, 0.0, None)
}

/// A filled model: its architecture, and loss and gradients of one training batch.
fn step(spec: &dyn ModelSpec, input: &[usize]) -> (Architecture, f32, Grads) {
    let (model, built) = filled(spec, input);
    Grads::begin();
    let loss = loss(spec, &*model, input).unwrap();
    let mut grads = Grads::new(&built.params).unwrap();
    grads.backward(&loss, 1.0, &built.params).unwrap();
    (built, loss.to_scalar().unwrap(), grads)
}

/// Candle's own begins every gradient with zeros.
#[test]
fn the_fused_operations_backward_pass_goes_through_every_model() {
    for (spec, input) in models() {
        let (model, built) = filled(&*spec, &input);
        let params: Vec<&Tensor> = built.params.iter().map(Param::tensor).collect();
        let what = format!("{spec:?}");
        let run = || loss(&*spec, &*model, &input);
        assert!(taped(&what, &params, &run), "{what}");
    }
}

#[test]
fn a_plan_has_the_names_shapes_and_counts_of_the_session() {
    for (spec, input) in models() {
        let b = Builder::plan();
        spec.build(&b, &io(&*spec, &input)).unwrap();
        let plan = b.finish();
        let (session, ..) = step(&*spec, &input);
        let list = |params: &[Param]| -> Vec<(String, Vec<usize>)> {
            params
                .iter()
                .map(|p| (p.name().to_owned(), p.shape().to_vec()))
                .collect()
        };
        assert_eq!(list(&plan.params), list(&session.params), "{spec:?}");
        assert_eq!(list(&plan.buffers), list(&session.buffers), "{spec:?}");
        assert_eq!(plan.layers, session.layers, "{spec:?}");
        let recorded: usize = plan.layers.iter().map(|l| l.params).sum();
        assert_eq!(recorded, plan.param_count(), "{spec:?}");
        for param in &session.params {
            assert_eq!(param.tensor().dims(), param.shape());
        }
    }
}

#[test]
fn one_backward_pass_reaches_every_parameter() {
    for (spec, input) in models() {
        let (built, loss, grads) = step(&*spec, &input);
        assert_eq!(grads.missing(), Vec::<String>::new(), "{spec:?}");
        assert!(loss.is_finite() && grads.norm().unwrap() > 0.0, "{spec:?}");
        for (i, param) in built.params.iter().enumerate() {
            assert_eq!(
                grads.get(i).dims(),
                param.shape(),
                "{spec:?} {}",
                param.name()
            );
        }
    }
}

/// A small step against the gradient lowers the loss by step·‖gradient‖², to first order.
#[test]
fn the_gradient_predicts_how_the_loss_falls() {
    for (spec, input) in models() {
        let (built, before, grads) = step(&*spec, &input);
        let norm = grads.norm().unwrap();
        let size = 1e-2 / (norm * norm);
        let (model, moved) = filled(&*spec, &input);
        for (i, param) in moved.params.iter().enumerate() {
            let change = (grads.get(i) * size).unwrap();
            param
                .var()
                .set(&(built.params[i].tensor() - change).unwrap())
                .unwrap();
        }
        let after: f32 = loss(&*spec, &*model, &input).unwrap().to_scalar().unwrap();
        let fall = f64::from(before - after);
        assert!((fall / 1e-2 - 1.0).abs() < 0.1, "{spec:?}: fell by {fall}");
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for (spec, input) in models() {
        threads(|| {
            let (built, loss, grads) = step(&*spec, &input);
            let mut all = vec![loss];
            for i in 0..built.params.len() {
                all.extend(
                    grads
                        .get(i)
                        .flatten_all()
                        .unwrap()
                        .to_vec1::<f32>()
                        .unwrap(),
                );
            }
            all
        });
    }
}
