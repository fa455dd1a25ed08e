//! What must hold for every operation where there is nothing to compute: a batch without samples has
//! an empty result and moves no parameter, or is an error that says what is missing. This is of the
//! fused operations; Candle's own refuse to reduce an empty tensor.

use candle_core::{DType, Device, Result, Tensor, Var};

use crate::kernel::{
    Activation, Conv, Pool, Running, activate, add_relu, attention, avg_pool2d, batch_norm,
    channels_first, channels_last, conv2d, cross_entropy, dropout, embedding,
    gemm::{Epilogue, Matrix, multiply},
    global_avg_pool2d, known_gradient, last, layer_norm, linear, log_softmax, lstm, max_pool2d,
    op::add,
    pad_channels,
    probe::{autograd, flat, taped, var},
    reshape, softmax,
};
use crate::rng::{Purpose, Stream};

type Operation = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// An operation on inputs of these shapes, and the shape of its result.
struct Case {
    name: &'static str,
    inputs: Vec<Vec<usize>>,
    result: Vec<usize>,
    run: Operation,
}

fn case<const N: usize>(
    name: &'static str,
    inputs: [&[usize]; N],
    result: &[usize],
    run: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
) -> Case {
    Case {
        name,
        inputs: inputs.map(<[usize]>::to_vec).to_vec(),
        result: result.to_vec(),
        run: Box::new(run),
    }
}

const POOL: Pool = Pool {
    kernel: 2,
    stride: 2,
};

fn convolution(pool: Option<Pool>) -> Conv {
    Conv {
        stride: 1,
        padding: 1,
        relu: true,
        pool,
    }
}

/// Batch norm with moments that have run.
fn normalised(t: &[Tensor], train: bool) -> Result<Tensor> {
    let [mean, variance] = [&t[1], &t[2]].map(|t| Var::from_tensor(&t.ones_like().unwrap()));
    let (mean, variance) = (&mean?, &variance?);
    batch_norm(&t[0], &t[1], &t[2], Running { mean, variance }, train, true)
}

fn classes(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::U32, &Device::Cpu).unwrap()
}

/// Operations on samples, places or images.
fn dense() -> Vec<Case> {
    vec![
        case("linear", [&[0, 3], &[2, 3], &[2]], &[0, 2], |t| {
            linear(&t[0], &t[1], Some(&t[2]), true)
        }),
        case("linear of places", [&[2, 0, 3], &[4, 3]], &[2, 0, 4], |t| {
            linear(&t[0], &t[1], None, false)
        }),
        case("layer norm", [&[0, 4], &[4], &[4]], &[0, 4], |t| {
            layer_norm(&t[0], &t[1], &t[2])
        }),
        case("batch norm", [&[0, 4], &[4], &[4]], &[0, 4], |t| {
            normalised(t, false)
        }),
        case("activation", [&[0, 4]], &[0, 4], |t| {
            activate(&t[0], Activation::Gelu)
        }),
        case("sum", [&[0, 4], &[0, 4]], &[0, 4], |t| add(&t[0], &t[1])),
        case("sum and ReLU", [&[0, 4], &[0, 4]], &[0, 4], |t| {
            add_relu(&t[0], &t[1])
        }),
        case("softmax", [&[0, 4]], &[0, 4], |t| softmax(&t[0])),
        case("log softmax", [&[0, 4]], &[0, 4], |t| log_softmax(&t[0])),
        case("cross-entropy", [&[0, 4]], &[], |t| {
            cross_entropy(&t[0], &classes(&[0]), 0.1, None)
        }),
        case("cross-entropy of places", [&[2, 0, 4]], &[], |t| {
            cross_entropy(&t[0], &classes(&[2, 0]), 0.0, Some(&[1.0; 4]))
        }),
        case("known slope", [&[0, 4]], &[], |t| {
            known_gradient(&t[0], &t[0].sum_all()?.detach(), &t[0].detach())
        }),
        case("dropout", [&[0, 4]], &[0, 4], |t| {
            let stream = Stream::new(1, Purpose::Dropout, "edge");
            dropout(&t[0], 0.5, stream, 0, 0)
        }),
        case("reshape", [&[0, 4]], &[0, 2, 2], |t| {
            reshape(&t[0], &[0, 2, 2])
        }),
    ]
}

fn images() -> Vec<Case> {
    let filters: &[usize] = &[3, 2, 3, 3];
    vec![
        case(
            "convolution",
            [&[0, 4, 5, 2], filters, &[3]],
            &[0, 4, 5, 3],
            |t| conv2d(&t[0], &t[1], Some(&t[2]), &convolution(None)),
        ),
        case(
            "convolution with fewer products",
            [&[0, 4, 5, 16], &[32, 16, 3, 3], &[32]],
            &[0, 4, 5, 32],
            |t| conv2d(&t[0], &t[1], Some(&t[2]), &convolution(None)),
        ),
        case(
            "convolution and pooling",
            [&[0, 4, 5, 2], filters],
            &[0, 2, 2, 3],
            |t| conv2d(&t[0], &t[1], None, &convolution(Some(POOL))),
        ),
        case("max pooling", [&[0, 4, 5, 2]], &[0, 2, 2, 2], |t| {
            max_pool2d(&t[0], POOL)
        }),
        case("average pooling", [&[0, 4, 5, 2]], &[0, 2, 2, 2], |t| {
            avg_pool2d(&t[0], POOL)
        }),
        case("average of images", [&[0, 4, 5, 2]], &[0, 2], |t| {
            global_avg_pool2d(&t[0])
        }),
        case(
            "batch norm of images",
            [&[0, 4, 5, 2], &[2], &[2]],
            &[0, 4, 5, 2],
            |t| normalised(t, false),
        ),
        case("padded channels", [&[0, 4, 5, 2]], &[0, 4, 5, 3], |t| {
            pad_channels(&t[0], 3)
        }),
        case(
            "channels out of nothing",
            [&[2, 1, 3, 0]],
            &[2, 1, 3, 4],
            |t| pad_channels(&t[0], 4),
        ),
        case("channels last", [&[0, 2, 4, 5]], &[0, 4, 5, 2], |t| {
            channels_last(&t[0])
        }),
        case("channels first", [&[0, 4, 5, 2]], &[0, 2, 4, 5], |t| {
            channels_first(&t[0])
        }),
    ]
}

fn sequences() -> Vec<Case> {
    vec![
        case("embedding", [&[5, 3]], &[0, 4, 3], |t| {
            embedding(&t[0], &classes(&[0, 4]))
        }),
        case("attention", [&[0, 4, 12]], &[0, 4, 4], |t| {
            attention(&t[0], 2, true)
        }),
        case("attention without places", [&[2, 0, 12]], &[2, 0, 4], |t| {
            attention(&t[0], 2, true)
        }),
        case("lstm", [&[0, 3, 2], &[8, 2], &[8]], &[0, 3, 2], |t| {
            lstm(&t[0], [&t[1], &t[1]], [&t[2], &t[2]])
        }),
        case("last", [&[0, 3, 4]], &[0, 4], |t| last(&t[0])),
    ]
}

/// The result as a scalar, without an operation of Candle's.
fn scalar(y: Tensor) -> Result<Tensor> {
    if y.rank() == 0 {
        return Ok(y);
    }
    let nothing = Tensor::zeros((), DType::F32, y.device())?;
    known_gradient(&y, &nothing, &y.ones_like()?)
}

#[test]
fn a_batch_without_samples_has_an_empty_result_and_moves_nothing() {
    for case in [dense(), images(), sequences()].into_iter().flatten() {
        let (what, run) = (case.name, &case.run);
        let inputs: Vec<Var> = case.inputs.iter().map(|shape| var(shape, 1)).collect();
        let (y, grads) = autograd(&inputs, run);
        assert_eq!(y.dims(), case.result, "{what}");
        assert!(flat(&y).iter().all(|y| *y == 0.0), "{what}: {y}");
        for (grad, input) in grads.iter().zip(&inputs) {
            assert_eq!(grad.dims(), input.dims(), "{what}");
            assert!(flat(grad).iter().all(|g| *g == 0.0), "{what}: {grad}");
        }
        let inputs: Vec<Tensor> = inputs.iter().map(|v| v.as_tensor().clone()).collect();
        let all: Vec<&Tensor> = inputs.iter().collect();
        assert!(taped(what, &all, &|| scalar(run(&inputs)?)), "{what}");
    }
}

#[test]
fn what_means_nothing_without_values_is_an_error() {
    let fails = |inputs: [&[usize]; 3], run: &dyn Fn(&[Tensor]) -> Result<Tensor>| {
        let inputs = inputs.map(|shape| var(shape, 1).as_tensor().clone());
        run(&inputs).unwrap_err().to_string()
    };
    let message = fails([&[0, 4], &[4], &[4]], &|t| normalised(t, true));
    assert!(message.contains("larger batches"), "{message}");
    let message = fails([&[3, 0], &[0], &[0]], &|t| layer_norm(&t[0], &t[1], &t[2]));
    assert!(message.contains("layer norm over 0 values"), "{message}");
    let message = fails([&[2, 0, 2], &[8, 2], &[8]], &|t| {
        lstm(&t[0], [&t[1], &t[1]], [&t[2], &t[2]])
    });
    assert!(message.contains("of shape [2, 0, 2]"), "{message}");
    let message = fails([&[2, 0, 4], &[], &[]], &|t| last(&t[0]));
    assert!(message.contains("without steps"), "{message}");
    let message = fails([&[2, 0, 5, 1], &[], &[]], &|t| max_pool2d(&t[0], POOL));
    assert!(message.contains("does not fit on 0×5 pixels"), "{message}");
}

#[test]
fn a_product_without_rows_or_columns_writes_nothing() {
    for (rows, cols) in [(0, 3), (3, 0), (0, 0)] {
        let (a, b) = (vec![1.0; rows * 2], vec![1.0; 2 * cols]);
        let (a, b) = (Matrix::new(&a, rows, 2), Matrix::new(&b, 2, cols));
        multiply(&mut [], a, b, Epilogue::default());
        multiply(&mut [], b.t(), a.t(), Epilogue::default());
    }
}
