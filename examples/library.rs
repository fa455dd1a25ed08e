//! The library from Rust: a config becomes a trained model, and the model predicts.
//!
//! ```sh
//! cargo run --release --example library
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

#[path = "own/components/mod.rs"]
mod components;

use trainer::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    built_in()?;
    own()?;
    in_a_directory()
}

/// From text to a prediction, with what the library has.
fn built_in() -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan::parse(include_str!("../configs/poly.toml"), &Extensions::new())?;
    let plan = plan.with(
        &["train.epochs=6", "dataset.limit=300"].into(),
        &Extensions::new(),
    )?;
    let mut run = Run::new(&plan)?;
    run.train(&mut Vec::new(), &StopFlag::new())?;
    let blank = Tensor::zeros((1, 1, 8, 8), DType::F32, &Device::Cpu)?;
    println!("logits of a blank image: {}", run.predict(&blank)?);
    Ok(())
}

/// The same with a dataset, a model, a loss, a metric, an optimizer and a schedule of one's own.
fn own() -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan::parse(include_str!("own.toml"), &components::extensions())?;
    let mut run = Run::new(&plan)?;
    let ending = run.train(&mut Vec::new(), &StopFlag::new())?;
    println!(
        "accuracy {:.2}, margin {:.2}",
        ending.metrics["val/accuracy"], ending.metrics["val/margin"]
    );
    let points = Tensor::new(&[[1.0f32, 0.0], [0.0, 2.0]], &Device::Cpu)?;
    let rings = run.predict(&points)?.argmax(1)?.to_vec1::<u32>()?;
    println!(
        "(1, 0) lies on ring {}, (0, 2) on ring {}",
        rings[0], rings[1]
    );
    Ok(())
}

/// The same in a run directory, which the command line can show, resume and reproduce; somebody
/// watches, and the model is loaded from the directory.
fn in_a_directory() -> Result<(), Box<dyn std::error::Error>> {
    let (extensions, runs) = (components::extensions(), std::env::temp_dir().join("rings"));
    let plan = Plan::parse(include_str!("own.toml"), &extensions)?;
    let summary = Run::new(&plan)?.train_in(&runs, &mut Watch, &StopFlag::new())?;
    let model = load_model(summary.path.as_ref(), Which::Best, &extensions)?;
    let found = model.evaluate(Split::Test, &StopFlag::new())?;
    println!("of the best state: {found:?}");
    std::fs::remove_dir_all(&runs)?;
    Ok(())
}

/// Prints a line for each epoch.
struct Watch;

impl Sink for Watch {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        if let Event::Epoch(row) = event {
            println!(
                "epoch {}: lr {:.4}, {:?}",
                row.number(),
                row.lr,
                row.metrics
            );
        }
        Ok(())
    }
}
