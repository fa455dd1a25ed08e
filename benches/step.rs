//! Milliseconds of a training step: forward, loss, backward, SGD with momentum, on made-up data.
//!
//! `cargo bench --bench step -- [threads [part of a name]]`. Shown are lower quartiles of many steps: other processes
//! only ever add time.
#![expect(clippy::print_stdout, reason = "a benchmark reports to the terminal")]

use std::time::Instant;

use candle_core::{Device, Result, Tensor};
use trainer::{
    kernel::{Grads, Tape, allocator, cross_entropy, inplace, threads},
    layer::{Builder, LayerError, Mode},
    model::{Cnn, Inputs, Io, Mlp, ModelSpec, Norm},
    rng::{Purpose, Stream},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::result::Result<(), LayerError> {
    let arguments = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    let arguments: Vec<String> = arguments.collect();
    allocator::keep();
    threads::set(arguments.first().and_then(|n| n.parse().ok()).unwrap_or(2));
    let part = arguments.get(1).map_or("", String::as_str);
    let mlp = Mlp {
        hidden: vec![512, 256],
        ..Mlp::default()
    };
    let dropped = Mlp {
        dropout: 0.2,
        ..mlp.clone()
    };
    let normed = Cnn {
        norm: Norm::Batch,
        ..Cnn::default()
    };
    println!(
        "{} threads; milliseconds: step = forward + backward + update",
        threads::count()
    );
    let workloads: [(&str, &dyn ModelSpec, &[usize], usize); 4] = [
        ("mlp 784-512-256-10, batch 128", &mlp, &[784], 128),
        ("mlp with dropout 0.2", &dropped, &[784], 128),
        (
            "cnn 1-32-64, 5×5, 28×28, batch 64",
            &Cnn::default(),
            &[1, 28, 28],
            64,
        ),
        ("cnn with batch norm", &normed, &[1, 28, 28], 64),
    ];
    let wanted = workloads.iter().filter(|(what, ..)| what.contains(part));
    for (what, spec, input, batch) in wanted {
        report(what, *spec, input, *batch)?;
    }
    Ok(())
}

/// Trains for a while and prints the times.
fn report(
    what: &str,
    spec: &dyn ModelSpec,
    input: &[usize],
    batch: usize,
) -> std::result::Result<(), LayerError> {
    let (b, io) = (Builder::plan(), Io::numbers(input, 10));
    let model = spec.build(&b, &io)?;
    let built = b.finish();
    for param in built.params.iter().chain(&built.buffers) {
        param.fill(1, &Device::Cpu)?;
    }
    let mut shape = vec![batch];
    shape.extend(input);
    let mut numbers = vec![0.0; shape.iter().product()];
    Stream::new(1, Purpose::Sample, "").fill_normal(&mut numbers, 0.0, 1.0);
    let x = Inputs::one(Tensor::from_vec(numbers, shape, &Device::Cpu)?);
    let labels = (0..batch as u32).map(|i| i % 10).collect::<Vec<_>>();
    let targets = Tensor::from_vec(labels, batch, &Device::Cpu)?;
    let momenta: Vec<Tensor> = built
        .params
        .iter()
        .map(|p| p.tensor().zeros_like())
        .collect::<Result<_>>()?;
    let mut grads = Grads::new(&built.params)?;
    let mut times = [const { Vec::new() }; 4];
    for step in 0..60 {
        let start = Instant::now();
        let mode = Mode::Train {
            seed: 1,
            step,
            micro: 0,
        };
        let tape = Tape::record();
        let loss = cross_entropy(&model.forward(&x, &mode)?, &targets, 0.0, None)?;
        let forward = start.elapsed();
        grads.zero();
        grads.backward(tape, &loss, (batch as f64).recip(), &built.params)?;
        let backward = start.elapsed();
        for (i, param) in built.params.iter().enumerate() {
            inplace::update2(param.tensor(), &momenta[i], grads.get(i), |w, m, g| {
                for ((w, m), g) in w.iter_mut().zip(m).zip(g) {
                    *m = 0.9 * *m + g;
                    *w -= 0.01 * *m;
                }
            })?;
        }
        let all = start.elapsed();
        for (list, time) in times
            .iter_mut()
            .zip([all, forward, backward - forward, all - backward])
        {
            list.push(time.as_secs_f64() * 1e3);
        }
    }
    let [all, forward, backward, update] = times.map(quartile);
    println!("{what:36} {all:7.2} = {forward:6.2} + {backward:6.2} + {update:5.2}");
    Ok(())
}

/// The lower quartile of the times, without the first ten.
fn quartile(mut times: Vec<f64>) -> f64 {
    times.drain(..10);
    times.sort_by(f64::total_cmp);
    times[times.len() / 4]
}
