//! Runs for this module's tests, written by the real writer.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{CliError, Output, args::Cli};
use crate::{
    array::{Dtype, NamedArray},
    config::Plan,
    direction::Direction,
    event::{
        Best, Checkpoint, Ending, EpochRow, EvalRow, Event, Metrics, Reason, Sink, Status, StepRow,
    },
    run::{AttemptMeta, Keep, RunMeta, Writer},
};

/// A run of two epochs of twenty steps that is still open, named `digits`.
pub fn running(folder: &Path, lr: f64) -> Writer {
    let mut writer = Writer::create(folder, &meta(lr)).unwrap();
    let mut send = |event: Event| writer.event(&event).unwrap();
    send(Event::Start {
        step: 0,
        total_steps: 40,
        steps_per_epoch: 20,
        epochs: 2,
    });
    for step in 1..=40 {
        send(Event::Step(update(step, lr)));
        if step % 20 == 0 {
            epoch(step, lr).into_iter().for_each(&mut send);
        }
    }
    send(Event::Warning {
        step: 40,
        message: "the \x1b[1mlast".into(),
    });
    writer
}

/// The same run, completed.
pub fn completed(folder: &Path, lr: f64) -> PathBuf {
    let writer = running(folder, lr);
    let path = writer.path().to_path_buf();
    writer
        .finish(&Ending {
            status: Status::Completed,
            step: 40,
            epoch: 2.0,
            metrics: metrics(40),
            best: Some(Best {
                metric: "val/accuracy".into(),
                value: 0.9,
                step: 40,
            }),
            tested: None,
            state_hash: "5f".into(),
            samples_per_s: 1000.0,
            ledger: [("forward".to_string(), 1.0)].into(),
        })
        .unwrap();
    path
}

/// What `trainer` prints with `folder` as the folder of runs, and what came of it.
pub fn trainer(folder: &Path, args: &[&str]) -> (String, Result<(), CliError>) {
    let mut text = Vec::new();
    let result = run(folder, args, Output::buffer(&mut text));
    (String::from_utf8(text).unwrap(), result)
}

/// The same for a terminal of `width` columns.
pub fn on_terminal(folder: &Path, args: &[&str], width: usize) -> (String, Result<(), CliError>) {
    let mut text = Vec::new();
    let result = run(folder, args, Output::terminal(&mut text, width));
    (String::from_utf8(text).unwrap(), result)
}

fn run(folder: &Path, args: &[&str], mut out: Output<'_>) -> Result<(), CliError> {
    let line = ["trainer".as_ref(), "--runs".as_ref(), folder.as_os_str()].into_iter();
    let line = line
        .chain(args.iter().map(|arg| arg.as_ref()))
        .map(Into::into);
    Cli::read(line).unwrap().run(&mut out)
}

fn meta(lr: f64) -> RunMeta {
    let plan = format!("[optimizer]\nlr = {lr}\n[train]\nepochs = 2\n");
    RunMeta {
        name: "digits".into(),
        plan_hash: Plan::hash_of_text(&plan).unwrap(),
        plan_toml: plan,
        seed: 7,
        config_files: vec![("digits.toml".into(), String::new())],
        overrides: Vec::new(),
        parent: None,
        tags: vec!["paper".into()],
        notes: None,
        data_fingerprint: "d8e8fca2".into(),
        data: None,
        init: None,
        keep: Keep {
            newest: 3,
            best: 1,
            mode: Direction::Max,
        },
        attempt: AttemptMeta {
            argv: vec!["trainer".into()],
            threads: 2,
            device: "cpu".into(),
            changes: Vec::new(),
        },
    }
}

fn update(step: u64, lr: f64) -> StepRow {
    let logged = step.is_multiple_of(10);
    StepRow {
        step,
        epoch: step as f64 / 20.0,
        logged,
        lr,
        extra: Metrics::new(),
        loss: logged.then(|| 1.0 / step as f64),
        grad_norm: logged.then_some(0.5),
        step_time_ms: 1.5,
        data_time_ms: 0.1,
        samples: 64,
    }
}

/// What the end of an epoch brings: its evaluation, its numbers and its checkpoint.
fn epoch(step: u64, lr: f64) -> [Event; 3] {
    let eval = EvalRow {
        step,
        epoch: step as f64 / 20.0,
        split: "val".into(),
        confusion: None,
        metrics: metrics(step),
        of_step: None,
    };
    let row = EpochRow {
        epoch: step / 20 - 1,
        step,
        lr,
        lr_last: lr / 2.0,
        extra: Metrics::new(),
        metrics: metrics(step),
        samples_per_s: 1000.0,
        wall_s: 0.5,
        elapsed_s: 0.5,
        order_hash: "0a".into(),
        state_hash: "5f".into(),
    };
    let array = NamedArray {
        name: "layer.weight".into(),
        dtype: Dtype::F32,
        shape: vec![2],
        bytes: vec![0; 8],
    };
    let checkpoint = Checkpoint {
        step,
        epoch: step as f64 / 20.0,
        model: vec![array],
        optimizer: Vec::new(),
        state: serde_json::json!({}),
        state_hash: "5f".into(),
        reason: Reason::Best {
            metric: "val/accuracy".into(),
            value: metrics(step)["val/accuracy"],
        },
        metrics: metrics(step),
    };
    [
        Event::Eval(eval),
        Event::Epoch(row),
        Event::Checkpoint(Arc::new(checkpoint)),
    ]
}

fn metrics(step: u64) -> Metrics {
    let loss = 1.0 / step as f64;
    // The loss of the last evaluation was not finite: that must not be lost on the way.
    let val_loss = if step == 40 { f64::NAN } else { loss + 0.1 };
    [
        ("train/loss", loss),
        ("val/loss", val_loss),
        ("val/accuracy", 0.5 + step as f64 / 100.0),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into()
}
