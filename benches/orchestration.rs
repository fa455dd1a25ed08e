//! What a run costs beside its arithmetic: `trainer run`, whole, against a loop written by hand
//! over the same layers, loss and optimizer, whose batches lie ready in memory.
//!
//! `cargo bench --bench orchestration -- [threads [rounds]]`. The run loads and shuffles its data,
//! logs at the default rate, and writes its directory with a checkpoint after each epoch. `run` is
//! all of it, until everything is durable and closed; `loop` is what its ledger counts, from the
//! first batch to the end of the last epoch, without the once-only work before and after; `around the
//! step` is the part of it that is not arithmetic, also as a share of the bare step. Both sides
//! compute the same losses, bit for bit, which is checked. They take turns, in an order that turns
//! too; shown are medians, of the ratio too.
#![expect(clippy::print_stdout, reason = "a benchmark reports to the terminal")]

use std::{error::Error, fs, path::Path, time::Instant};

use candle_core::{Device, Tensor};
use trainer::{
    config::{Extensions, Overrides, Plan, Spec},
    data::{Batch, Loader, Transforms},
    event::{Event, Sink, SinkError},
    field::write_pixels,
    kernel::{Grads, pages, threads},
    launch::{self, Launch},
    layer::{Builder, Mode},
    model::Inputs,
    optim::Hyper,
    rng::{Purpose, Stream},
    schedule::Target,
    task::Targets,
    train::StopFlag,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Images of the made-up data in MNIST's form.
const IMAGES: usize = 60_000;

const LARGE: &str = r#"
[model]
type = "mlp"
hidden = [512, 256]
[dataset]
type = "mnist"
path = "."
batch_size = 128
split = { val = "0%" }
[optimizer]
type = "sgd"
lr = 0.01
momentum = 0.9
[train]
epochs = 1
"#;

const SMALL: &str = r#"
[model]
type = "mlp"
hidden = [128, 64]
[dataset]
type = "digits"
batch_size = 64
split = { val = "0%", test = "0%" }
[optimizer]
type = "sgd"
lr = 0.005
momentum = 0.9
[train]
epochs = 100
"#;

fn main() -> Result<()> {
    let arguments = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    let numbers: Vec<usize> = arguments.filter_map(|a| a.parse().ok()).collect();
    pages::keep();
    threads::set(numbers.first().copied().unwrap_or(2));
    let rounds = numbers.get(1).copied().unwrap_or(7);
    let folder = tempfile::tempdir()?;
    make_up_images(folder.path())?;
    println!(
        "{} threads, {rounds} rounds; µs a step\n{:34}{:>9}{:>9}{:>9}{:>10}",
        threads::count(),
        "",
        "run",
        "loop",
        "bare",
        "loop/bare"
    );
    compare(
        "mlp 784-512-256-10, batch 128",
        LARGE,
        folder.path(),
        rounds,
    )?;
    compare("mlp 64-128-64-10, batch 64", SMALL, folder.path(), rounds)
}

/// Lets both sides take turns and prints a line, then where the run's time went.
fn compare(what: &str, text: &str, folder: &Path, rounds: usize) -> Result<()> {
    let name = folder.join("bench.toml");
    let spec = Spec::parse(&name.display().to_string(), text, &Overrides::default());
    let plan = Plan::resolve(&spec, &Extensions::new())?;
    let steps = plan.length.total_steps as f64;
    let batches = batches(&plan)?;
    let mut times: [Vec<f64>; 4] = Default::default();
    let mut parts = Vec::new();
    for round in 0..rounds {
        let by_hand = || -> Result<(f64, f64)> {
            let begin = Instant::now();
            let last = bare(&plan, &batches)?;
            Ok((last, begin.elapsed().as_secs_f64()))
        };
        let before = round.is_multiple_of(2).then(by_hand).transpose()?;
        let prepared = launch::prepare(&plan)?;
        let mut last = LastLoss(f64::NAN);
        let launch = Launch {
            plan: &plan,
            config_files: launch::config_files(&spec),
            overrides: Vec::new(),
            runs: folder.join(format!("runs-{steps}-{round}")),
            argv: Vec::new(),
            parent: None,
        };
        let begin = Instant::now();
        let summary = launch.start(prepared, &mut last, &StopFlag::new())?;
        let run_time = begin.elapsed().as_secs_f64();
        let (hand, bare_time) = before.map_or_else(by_hand, Ok)?;
        fs::remove_dir_all(&launch.runs)?;
        if last.0 != hand {
            return Err(format!("the run's last loss is {}, the loop's {hand}", last.0).into());
        }
        let loop_time: f64 = summary.ledger.values().sum();
        let ratio = loop_time / bare_time;
        for (list, time) in times
            .iter_mut()
            .zip([run_time, loop_time, bare_time, ratio])
        {
            list.push(time);
        }
        parts.push(summary.ledger);
    }
    let [run, inside, bare, ratio] = times.map(median);
    let [run, inside, bare] = [run, inside, bare].map(|seconds| 1e6 * seconds / steps);
    println!("{what:34}{run:9.1}{inside:9.1}{bare:9.1}{ratio:10.3}");
    let mut around = 0.0;
    for name in parts[0].keys() {
        let seconds = median(parts.iter().map(|part| part[name]).collect());
        let micros = 1e6 * seconds / steps;
        println!("  {name:32}{micros:9.1}");
        if ["data", "checkpoint", "logging"].contains(&name.as_str()) {
            around += micros;
        }
    }
    let share = around / bare;
    println!("  {:32}{around:9.1}{share:28.3}", "around the step");
    Ok(())
}

/// The loop by hand; returns the last mean loss that a run would log.
fn bare(plan: &Plan, batches: &[Vec<(Inputs, Tensor)>]) -> Result<f64> {
    let builder = Builder::plan();
    let model = plan.model.spec.build(&builder, &plan.io)?;
    let params = builder.finish().params;
    for param in &params {
        param.fill(plan.top.seed, &Device::Cpu)?;
    }
    let mut optimizer = plan.optimizer.spec.build(&params)?;
    let mut grads = Grads::new(&params)?;
    let value = |target| plan.schedules.value(target, 0, 0).unwrap_or(0.0);
    let hyper = Hyper {
        lr: value(Target::Lr),
        weight_decay: 0.0,
        momentum: value(Target::Momentum),
        beta2: 0.0,
    };
    let (hypers, frozen) = (vec![hyper; params.len()], vec![false; params.len()]);
    let (mut step, mut last) = (0, f64::NAN);
    for (inputs, target) in batches.iter().flatten() {
        let mode = Mode::Train {
            seed: plan.top.seed,
            step,
            micro: 0,
        };
        let rows = target.dim(0)? as f64;
        let sum = plan.loss.spec.sum(&model.forward(inputs, &mode)?, target)?;
        grads.zero();
        grads.backward(&sum, rows.recip(), &params)?;
        optimizer.step(&params, &grads, &hypers, &frozen)?;
        step += 1;
        if u64::from(step).is_multiple_of(plan.length.log_every) {
            last = f64::from(sum.to_scalar::<f32>()?) / rows;
        }
    }
    Ok(last)
}

/// Every batch of the run, epoch by epoch, in the run's order.
fn batches(plan: &Plan) -> Result<Vec<Vec<(Inputs, Tensor)>>> {
    let data = plan.dataset.spec.load(&plan.dataset_keys, plan.top.seed)?;
    let transforms = Transforms::fit(&[], &data.facts.fields, &*data.train, plan.top.seed)?;
    let keys = plan.dataset_keys.training(plan.top.seed);
    let loader = Loader::new(data.train.clone(), transforms.into(), keys)?;
    let epochs = plan.length.epochs() as u32;
    let epoch = |epoch| loader.epoch(epoch, 0).map(|batch| tensors(batch?, plan));
    (0..epochs).map(|e| epoch(e).collect()).collect()
}

fn tensors(mut batch: Batch, plan: &Plan) -> Result<(Inputs, Tensor)> {
    let shape = [&[batch.len], plan.io.input()].concat();
    let bytes = batch.columns[0].values.pixels()?;
    let mut input = vec![0.0; bytes.len()];
    write_pixels(bytes, u8::MAX, &mut input);
    let input = Inputs::one(Tensor::from_vec(input, shape, &Device::Cpu)?);
    let Targets::Classes(classes) = batch.targets else {
        return Err("the targets are no classes".into());
    };
    Ok((input, Tensor::from_vec(classes, batch.len, &Device::Cpu)?))
}

/// Remembers the loss of the last update that was logged.
struct LastLoss(f64);

impl Sink for LastLoss {
    fn event(&mut self, event: &Event) -> std::result::Result<(), SinkError> {
        if let Event::Step(row) = event {
            self.0 = row.loss.unwrap_or(self.0);
        }
        Ok(())
    }
}

/// Files in MNIST's form and size, of random bytes; ten test images, since tests are no overhead.
fn make_up_images(folder: &Path) -> Result<()> {
    for (part, count) in [("train", IMAGES), ("t10k", 10)] {
        let mut numbers = vec![0.0; count * 28 * 28 / 4];
        Stream::new(1, Purpose::Sample, part).fill_normal(&mut numbers, 0.0, 1.0);
        let pixels = numbers.iter().flat_map(|x: &f32| x.to_bits().to_le_bytes());
        let extents = [count as u32, 28, 28];
        let images = idx(&extents, pixels);
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images)?;
        let labels = idx(&extents[..1], (0..count).map(|i| (i % 10) as u8));
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels)?;
    }
    Ok(())
}

/// An IDX file of bytes.
fn idx(extents: &[u32], bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut file = vec![0, 0, 8, extents.len() as u8];
    file.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
    file.extend(bytes);
    file
}

/// The middle one.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
