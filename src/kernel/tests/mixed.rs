//! Narrow operations against f64 on rounded operands.

use crate::kernel::{
    self, Activation, Conv, Pool, Running,
    autograd::{Low, like, widen},
    composed,
    probe::{autograd, close, flat, var},
};
use candle_core::{
    DType::{self, F64},
    Device, Result, Tensor, Var,
};

/// The types, each with the distance from 1 to the next number.
const LOW: [(DType, f64); 2] = [(DType::BF16, 1.0 / 128.0), (DType::F16, 1.0 / 1024.0)];

fn narrow(var: &Var, dtype: DType) -> Var {
    Var::from_tensor(&var.to_dtype(dtype).unwrap()).unwrap()
}

fn conv(pool: Option<Pool>) -> Conv {
    Conv {
        stride: 1,
        padding: 1,
        relu: true,
        pool,
    }
}

const HALF: Pool = Pool {
    kernel: 2,
    stride: 2,
};

type Function = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// Operations, each with the same in full precision, its inputs, and how many of the last are
/// parameters of a product.
fn operations() -> Vec<(&'static str, Function, Function, Vec<Var>, usize)> {
    let product = || vec![var(&[7, 9], 1), var(&[5, 9], 2), var(&[5], 3)];
    let images = || vec![var(&[3, 6, 5, 2], 1), var(&[4, 2, 3, 3], 2), var(&[4], 3)];
    let norm = || vec![var(&[7, 9], 1), var(&[9], 2), var(&[9], 3)];
    vec![
        (
            "linear",
            Box::new(|t| kernel::linear(&t[0], &t[1], Some(&t[2]), true)),
            Box::new(|t| composed::linear(&t[0], &t[1], Some(&t[2]), true)),
            product(),
            2,
        ),
        (
            "linear without bias",
            Box::new(|t| kernel::linear(&t[0], &t[1], None, false)),
            Box::new(|t| composed::linear(&t[0], &t[1], None, false)),
            product()[..2].to_vec(),
            1,
        ),
        (
            "conv2d",
            Box::new(|t| kernel::conv2d(&t[0], &t[1], Some(&t[2]), &conv(None))),
            Box::new(|t| composed::conv2d(&t[0], &t[1], Some(&t[2]), &conv(None))),
            images(),
            2,
        ),
        (
            "layer norm",
            Box::new(|t| kernel::layer_norm(&t[0], &t[1], &t[2])),
            Box::new(|t| composed::layer_norm(&t[0], &t[1], &t[2])),
            norm(),
            0,
        ),
        (
            "batch norm",
            Box::new(|t| batch_norm(&t[0], &t[1], &t[2])),
            Box::new(|t| Ok(composed::batch_norm(&t[0], &t[1], &t[2], None, false)?.0)),
            norm(),
            0,
        ),
        (
            "gelu",
            Box::new(|t| kernel::activate(&t[0], Activation::Gelu)),
            Box::new(|t| composed::activate(&t[0], Activation::Gelu)),
            vec![var(&[40], 1)],
            0,
        ),
        (
            "softmax",
            Box::new(|t| kernel::softmax(&t[0])),
            Box::new(|t| composed::softmax(&t[0])),
            vec![var(&[4, 9], 1)],
            0,
        ),
        (
            "max pool",
            Box::new(|t| kernel::max_pool2d(&t[0], HALF)),
            Box::new(|t| composed::max_pool2d(&t[0], HALF)),
            vec![var(&[2, 4, 6, 3], 1)],
            0,
        ),
        (
            "average pool",
            Box::new(|t| kernel::avg_pool2d(&t[0], HALF)),
            Box::new(|t| composed::avg_pool2d(&t[0], HALF)),
            vec![var(&[2, 4, 6, 3], 1)],
            0,
        ),
    ]
}

fn batch_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> Result<Tensor> {
    let [mean, variance] = [0f32, 1.0].map(|v| Var::from_vec(vec![v; 9], 9, &Device::Cpu));
    let (mean, variance) = (mean?, variance?);
    let running = Running {
        mean: &mean,
        variance: &variance,
    };
    kernel::batch_norm(x, gamma, beta, running, true, false)
}

/// The result is that of f64 on the rounded operands, rounded once, and so are the gradients.
#[test]
fn operands_and_results_are_rounded_and_nothing_between() {
    for (name, low_op, full_op, inputs, products) in operations() {
        for (dtype, epsilon) in LOW {
            let what = format!("{name} in {dtype:?}");
            let mut own = inputs.clone();
            own[0] = narrow(&inputs[0], dtype);
            let rounded = inputs.iter().enumerate().map(|(i, input)| {
                let rounds = i == 0 || products > 0;
                narrow(
                    &if rounds {
                        narrow(input, dtype)
                    } else {
                        input.clone()
                    },
                    F64,
                )
            });
            let rounded: Vec<Var> = rounded.collect();
            let (out, grads) = autograd(&own, &*low_op);
            let (want, want_grads) = autograd(&rounded, &*full_op);
            assert_eq!(out.dtype(), dtype, "{what}");
            // Half a step, and what cancellation leaves of a few more in the gradients.
            close(&what, &flat(&out), &flat(&want), 0.51 * epsilon);
            for (i, (grad, want)) in grads.iter().zip(&want_grads).enumerate() {
                let wanted = if i == 0 { dtype } else { DType::F32 };
                assert_eq!(grad.dtype(), wanted, "{what}, gradient {i}");
                let what = format!("{what}, gradient {i}");
                close(&what, &flat(grad), &flat(want), 3.0 * epsilon);
            }
        }
    }
}

/// The bits of a result are those of its type, not of f32.
#[test]
fn results_and_parameters_gradients_have_the_bits_of_their_type() {
    for (dtype, _) in LOW {
        let inputs = [narrow(&var(&[7, 9], 1), dtype), var(&[5, 9], 2)];
        let (_, grads) = autograd(&inputs, &|t| kernel::linear(&t[0], &t[1], None, false));
        let rounded = grads[1].to_dtype(dtype).unwrap();
        assert_eq!(flat(&rounded), flat(&grads[1]));
    }
}

/// Candle's own operations, which run on other devices, agree where the CPU has them.
#[test]
fn other_devices_compute_the_same() {
    for (dtype, epsilon) in LOW {
        let x = narrow(&var(&[7, 9], 1), dtype);
        let (weight, bias) = (var(&[5, 9], 2), var(&[5], 3));
        let fused = kernel::linear(&x, &weight, Some(&bias), true).unwrap();
        let (weight, bias) = (like(&weight, &x).unwrap(), like(&bias, &x).unwrap());
        let composed = composed::linear(&x, &weight, Some(&bias), true).unwrap();
        assert_eq!(composed.dtype(), dtype);
        close("linear", &flat(&composed), &flat(&fused), 2.0 * epsilon);
    }
}

/// Pooling in a convolution's own pass sees the rounded map: the first of pixels that became
/// equal gets the gradient, as where pooling follows by itself.
#[test]
fn fused_pooling_is_pooling() {
    for (dtype, _) in LOW {
        let image = (var(&[3, 20, 18, 2], 1).as_tensor() * 0.01).unwrap();
        let image = Var::from_tensor(&(image + 1.0).unwrap().detach()).unwrap();
        let inputs = [narrow(&image, dtype), var(&[4, 2, 3, 3], 2), var(&[4], 3)];
        let run = |pool| move |t: &[Tensor]| kernel::conv2d(&t[0], &t[1], Some(&t[2]), &conv(pool));
        let apart = run(None);
        let apart = |t: &[Tensor]| kernel::max_pool2d(&apart(t)?, HALF);
        let (one, one_grads) = autograd(&inputs, &run(Some(HALF)));
        let (two, two_grads) = autograd(&inputs, &apart);
        assert_eq!(flat(&one), flat(&two));
        for (one, two) in one_grads.iter().zip(&two_grads) {
            assert_eq!(flat(one), flat(two), "{dtype:?}");
        }
    }
}

#[test]
fn rounding_is_to_nearest_and_ties_to_even() {
    let half = 2f32.powi(-8);
    let mut values = [
        1.1 * half + 1.0,
        half + 1.0,
        3.0 * half + 1.0,
        f32::MAX,
        f32::NAN,
    ];
    Low::Bf16.round(&mut values);
    assert_eq!(
        values[..4],
        [2.0 * half + 1.0, 1.0, 4.0 * half + 1.0, f32::INFINITY]
    );
    assert!(values[4].is_nan());
    let mut values = [65519.0, 65520.0, 2f32.powi(-24), 2f32.powi(-25)];
    Low::F16.round(&mut values);
    assert_eq!(values, [65504.0, f32::INFINITY, 2f32.powi(-24), 0.0]);
}

#[test]
fn losses_are_those_of_f32() {
    let logits = narrow(&var(&[6, 4], 1), DType::BF16);
    let targets = Tensor::new(&[3u32, 0, 1, 1, 2, 3], &Device::Cpu).unwrap();
    let loss = |z: &Tensor| kernel::cross_entropy(z, &targets, 0.1, None).unwrap();
    let (low, full) = (loss(&logits), loss(&widen(&logits).unwrap()));
    assert_eq!(low.dtype(), DType::F32);
    assert_eq!(flat(&low), flat(&full));
}
