//! What must hold for every model, whatever its keys.

use candle_core::{Device, Result, Tensor};

use super::{
    Auto, Cnn, Embed, Factors, Gpt, Input, Inputs, Io, Lstm, Mlp, Model, ModelSpec, Norm, Padding,
    Resnet, Shortcut, Takes, Transformer,
};
use crate::{
    field::Field,
    kernel::{
        Grads, Param, Tape, cross_entropy,
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
                embed: None,
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
            embed: None,
        };
        all.push((Box::new(lstm.clone()), input));
        all.push((Box::new(lstm), vec![7]));
    }
    for embed in [Embed::Auto(Auto::Auto), Embed::Width(5)] {
        let mlp = Mlp {
            hidden: vec![6],
            embed: Some(embed),
            ..Mlp::default()
        };
        all.push((Box::new(mlp), vec![4]));
    }
    for dropout in [0.0, 0.2] {
        let transformer = Transformer {
            layers: 2,
            width: 6,
            heads: 2,
            dropout,
        };
        all.push((Box::new(transformer), vec![9]));
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

/// The samples that a model is given, by the shape of one: three numbers of outputs.
fn io(spec: &dyn ModelSpec, input: &[usize]) -> Io {
    let takes = |kind| spec.takes().contains(&kind);
    match *input {
        [places] if takes(Takes::Tokens) => Io::new(Field::tokens("tokens", places, 3), 3),
        [most] if takes(Takes::Texts) => Io::new(Field::tokens("text", most, 3).varying(), 3),
        [_] if takes(Takes::Categories) => Io {
            fields: vec![
                Field::numbers("numbers", input),
                Field::categories("categories", vec![3, 4]),
            ],
            outputs: 3,
        },
        _ => Io::numbers(input, 3),
    }
}

/// Ids below 3.
fn ids(n: usize, salt: usize) -> Vec<u32> {
    (0..n).map(|i| ((i * i + salt) % 3) as u32).collect()
}

/// A batch of one field.
fn field(field: &Field) -> Input {
    let shape = [&[BATCH], &field.shape[..]].concat();
    let count = shape.iter().product();
    let tensor = match field.is_numeric() {
        true => Tensor::from_vec(numbers(count, 5), shape, &Device::Cpu),
        false => Tensor::from_vec(ids(count, 0), shape, &Device::Cpu),
    };
    let lengths = (0..BATCH).map(|i| (i % field.shape[0] + 1) as u32);
    Input {
        name: field.name.clone(),
        tensor: tensor.unwrap(),
        lengths: field.varies.then(|| lengths.collect()),
    }
}

/// A batch of samples and its classes: one for each sample, or for each token.
fn batch(spec: &dyn ModelSpec, input: &[usize]) -> (Inputs, Tensor) {
    let inputs = io(spec, input).fields.iter().map(field).collect();
    let targets = match spec.predicts_places() {
        true => Tensor::from_vec(ids(BATCH * input[0], 1), (BATCH, input[0]), &Device::Cpu),
        false => Tensor::new(&[0u32, 1, 2, 2, 1, 0], &Device::Cpu),
    };
    (Inputs::new(inputs), targets.unwrap())
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
    let logits = model.forward(&x, &TRAIN)?;
    assert_eq!(logits.dims(), [targets.dims(), &[3]].concat(), "{spec:?}");
    cross_entropy(&logits, &targets, 0.0, None)
}

/// A filled model: its architecture, and loss and gradients of one training batch.
fn step(spec: &dyn ModelSpec, input: &[usize]) -> (Architecture, f32, Grads) {
    let (model, built) = filled(spec, input);
    let tape = Tape::record();
    let loss = loss(spec, &*model, input).unwrap();
    let mut grads = Grads::new(&built.params).unwrap();
    grads.backward(tape, &loss, 1.0, &built.params).unwrap();
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

/// The output of a sample alone has the bits that it has beside longer ones.
#[test]
fn a_text_is_read_the_same_whatever_it_is_padded_to() {
    for (spec, input) in models() {
        if !io(&*spec, &input).fields[0].varies {
            continue;
        }
        let (model, _) = filled(&*spec, &input);
        let (batch, _) = batch(&*spec, &input);
        let all = &batch.fields()[0];
        let together = model.forward(&batch, &Mode::Eval).unwrap();
        for (i, length) in all.lengths.iter().flatten().enumerate() {
            let alone = all.tensor.narrow(0, i, 1).unwrap();
            let alone = Inputs::new(vec![Input {
                name: all.name.clone(),
                tensor: alone.narrow(1, 0, *length as usize).unwrap(),
                lengths: Some(vec![*length]),
            }]);
            let alone = model.forward(&alone, &Mode::Eval).unwrap();
            let bits = |x: Tensor| {
                let values: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
                values.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            let beside = together.narrow(0, i, 1).unwrap();
            assert_eq!(bits(alone), bits(beside), "{spec:?}: sample {i}");
        }
    }
}
