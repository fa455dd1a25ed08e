//! A training loop without training: its state is a few numbers, its events are those of a run.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use serde_json::json;

use crate::{
    array::{Dtype, NamedArray},
    direction::Direction,
    event::{
        Best, Checkpoint, Ending, EpochRow, EvalRow, Event, Metrics, Reason, Sink, SinkError,
        Status, StepRow,
    },
    run::{AttemptMeta, Keep, Labels, Reader, Resume, ResumeMeta, Row, RunMeta, Writer},
};

/// Steps in one epoch; a checkpoint each `EVERY` steps, a row each `LOG` steps.
pub const EPOCH: u64 = 6;
pub const EVERY: u64 = 4;
pub const LOG: u64 = 2;

/// The state of the toy.
#[derive(Debug, Clone, PartialEq)]
pub struct Toy {
    pub step: u64,
    pub weight: f32,
    pub best: f64,
}

impl Toy {
    pub fn new() -> Self {
        Self {
            step: 0,
            weight: 1.0,
            best: f64::MAX,
        }
    }

    pub fn of(checkpoint: &Checkpoint) -> Self {
        let bytes = &checkpoint.model[0].bytes;
        Self {
            step: checkpoint.step,
            weight: f32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[i])),
            best: checkpoint.state["best"].as_f64().unwrap(),
        }
    }

    /// A checkpoint of every element type and of an empty and a scalar shape.
    pub fn checkpoint(&self, reason: Reason) -> Checkpoint {
        let array = |name: &str, dtype, shape: &[usize], bytes: Vec<u8>| NamedArray {
            name: name.into(),
            dtype,
            shape: shape.into(),
            bytes,
        };
        Checkpoint {
            step: self.step,
            epoch: self.step as f64 / EPOCH as f64,
            model: vec![
                array(
                    "layer.0.bias",
                    Dtype::F32,
                    &[1],
                    self.weight.to_le_bytes().into(),
                ),
                array("layer.0.weight", Dtype::F32, &[3, 2], (0..24).collect()),
                array(
                    "layer.1.\"odd\" name",
                    Dtype::F64,
                    &[],
                    self.best.to_le_bytes().into(),
                ),
            ],
            optimizer: vec![
                array("empty", Dtype::I64, &[0, 4], Vec::new()),
                array("moment", Dtype::I64, &[1], (-5_i64).to_le_bytes().into()),
                array(
                    "steps",
                    Dtype::U32,
                    &[1],
                    (self.step as u32).to_le_bytes().into(),
                ),
            ],
            state: json!({"best": self.best, "zeta": [1, {"b": 0.1, "a": null}]}),
            state_hash: self.hash(),
            reason,
            metrics: Metrics::from([
                ("val/loss".into(), self.loss()),
                ("val/nan".into(), f64::INFINITY),
            ]),
        }
    }

    pub fn hash(&self) -> String {
        let text = format!(
            "{} {:?} {:?}",
            self.step,
            self.weight.to_bits(),
            self.best.to_bits()
        );
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }

    /// Falls, but not always.
    fn loss(&self) -> f64 {
        f64::from(self.weight)
            + if self.step.is_multiple_of(4) {
                0.0
            } else {
                0.5
            }
    }

    fn update(&mut self) {
        self.step += 1;
        self.weight = self.weight * 0.93 + 0.01;
    }

    /// Trains until `last` of `total` steps; a signal stops it where it is less.
    pub fn train(&mut self, last: u64, total: u64, sink: &mut dyn Sink) -> Result<(), SinkError> {
        sink.event(&Event::Start {
            step: self.step,
            total_steps: total,
            steps_per_epoch: EPOCH,
            epochs: total / EPOCH,
        })?;
        while self.step < last {
            self.update();
            sink.event(&Event::Step(self.step_row()))?;
            let mut reason = self.step.is_multiple_of(EVERY).then_some(Reason::Every);
            reason = if self.step == total {
                Some(Reason::Final)
            } else {
                reason
            };
            if self.step.is_multiple_of(EPOCH) {
                let metrics = Metrics::from([("val/loss".into(), self.loss())]);
                let (step, split) = (self.step, "val".into());
                sink.event(&Event::Eval(EvalRow {
                    step,
                    epoch: 1.0,
                    split,
                    confusion: None,
                    metrics,
                    of_step: None,
                }))?;
                if self.loss() < self.best {
                    self.best = self.loss();
                    let metric = "val/loss".into();
                    reason = Some(Reason::Best {
                        metric,
                        value: self.best,
                    });
                }
                sink.event(&Event::Epoch(self.epoch_row()))?;
            }
            if let Some(reason) = reason {
                sink.event(&Event::Checkpoint(Arc::new(self.checkpoint(reason))))?;
            }
        }
        Ok(())
    }

    fn step_row(&self) -> StepRow {
        let logged = self.step.is_multiple_of(LOG);
        StepRow {
            step: self.step,
            epoch: self.step as f64 / EPOCH as f64,
            logged,
            lr: 0.1 / self.step as f64,
            extra: Metrics::from([("lr/head".into(), 0.2)]),
            loss: logged.then(|| {
                if self.step == 2 {
                    f64::NAN
                } else {
                    self.loss()
                }
            }),
            grad_norm: logged.then_some(f64::INFINITY),
            step_time_ms: 1.5,
            data_time_ms: 0.25,
            samples: 32,
        }
    }

    fn epoch_row(&self) -> EpochRow {
        EpochRow {
            epoch: self.step / EPOCH - 1,
            step: self.step,
            lr: 0.1,
            lr_last: 0.05,
            extra: Metrics::new(),
            metrics: Metrics::from([
                ("train/loss".into(), self.loss()),
                ("val/loss".into(), self.loss()),
            ]),
            samples_per_s: 1000.0,
            wall_s: 0.5,
            elapsed_s: 1.5,
            order_hash: "order".into(),
            state_hash: self.hash(),
        }
    }

    pub fn ending(&self, status: Status) -> Ending {
        Ending {
            status,
            step: self.step,
            epoch: self.step as f64 / EPOCH as f64,
            metrics: Metrics::from([
                ("val/loss".into(), self.loss()),
                ("val/nan".into(), f64::NAN),
            ]),
            best: Some(Best {
                metric: "val/loss".into(),
                value: self.best,
                step: 6,
            }),
            tested: None,
            state_hash: self.hash(),
            samples_per_s: 1000.0,
            ledger: BTreeMap::from([("data".into(), 0.5)]),
        }
    }
}

pub fn attempt() -> AttemptMeta {
    AttemptMeta {
        argv: ["trainer", "run", "a.toml", "--set", "hub.token=abc"]
            .map(String::from)
            .into(),
        threads: 2,
        device: "cpu".into(),
        changes: Vec::new(),
    }
}

pub fn meta() -> RunMeta {
    RunMeta {
        name: "toy run".into(),
        plan_toml: "[train]\nsteps = 24\n".into(),
        plan_hash: "plan".into(),
        seed: 7,
        config_files: vec![
            (
                "mine.toml".into(),
                "base = \"b/base.toml\"\napi_key = \"k-1\"\n".into(),
            ),
            ("b/base.toml".into(), "x = 1\n".into()),
            ("c/base.toml".into(), "x = 2\n".into()),
        ],
        overrides: vec!["train.steps=24".into(), "hub.token=abc".into()],
        parent: None,
        tags: vec!["quick".into()],
        notes: None,
        data_fingerprint: "data".into(),
        data: None,
        init: None,
        keep: keep(),
        attempt: attempt(),
    }
}

pub fn keep() -> Keep {
    Keep {
        newest: 2,
        best: 1,
        mode: Direction::Min,
    }
}

pub fn resume_meta() -> ResumeMeta {
    ResumeMeta {
        attempt: attempt(),
        keep: keep(),
        plan: None,
        labels: Labels {
            name: meta().name,
            tags: meta().tags,
            notes: meta().notes,
        },
        data_fingerprint: meta().data_fingerprint,
        init: None,
    }
}

/// A run of the toy up to `last` of `total` steps, killed there where that is less.
pub fn run(root: &Path, last: u64, total: u64) -> std::path::PathBuf {
    let mut writer = Writer::create(root, &meta()).unwrap();
    let path = writer.path().to_path_buf();
    let mut toy = Toy::new();
    toy.train(last, total, &mut writer).unwrap();
    if last == total {
        writer.finish(&toy.ending(Status::Completed)).unwrap();
    }
    path
}

/// Goes on with a run up to `total` steps.
pub fn go_on(path: &Path, total: u64) -> (u64, Vec<crate::run::Fallback>) {
    let resume = Resume::open(path).unwrap();
    let fallbacks = resume.fallbacks().to_vec();
    let mut toy = resume.checkpoint().map_or_else(Toy::new, Toy::of);
    let mut writer = resume.begin(&resume_meta()).unwrap();
    let from = toy.step;
    toy.train(total, total, &mut writer).unwrap();
    writer.finish(&toy.ending(Status::Completed)).unwrap();
    (from, fallbacks)
}

/// A log as text without what may differ between runs: times and attempts.
pub fn timeless(rows: &[Row]) -> Vec<String> {
    let text = |row: &Row| {
        serde_json::to_string(&Row {
            attempt: 0,
            time: String::new(),
            ..row.clone()
        })
        .unwrap()
    };
    rows.iter().map(text).collect()
}

/// The log of the run at `path`.
pub fn log(path: &Path) -> Vec<String> {
    let view = Reader::open(path).unwrap();
    assert_eq!(view.warnings, Vec::<String>::new());
    timeless(&view.rows)
}

/// Copies a directory, as a crash would leave it: locks are not copied.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A folder for runs, in memory where the system has one: the tests sync a lot.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
