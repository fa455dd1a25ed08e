//! One run, and everything that can be asked about it by key: `--where`, `--sort` and `--columns`
//! use the same keys.
//!
//! | key | is |
//! |---|---|
//! | `id`, `name`, `status`, `path`, `created`, `plan_hash`, `parent`, `notes`, `device` | texts |
//! | `tag` (or `tags`) | all labels |
//! | `step`, `epoch` (or `epochs`) | updates and epochs done |
//! | `time`, `samples_per_s`, `attempts` | seconds, speed, processes |
//! | `best`, `best_metric`, `best_step` | the best value of the watched metric, its name, when |
//! | `val/accuracy`, … | the last value of a metric |
//! | `lr` | short for `optimizer.lr` |
//! | `optimizer.lr`, `model.hidden`, `schedule.1.power`, … | any key of the plan |

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Field;
use crate::{
    event::{Metrics, key},
    run::{Attempt, BestSummary, RunStatus, RunView},
};

/// A run with its plan's keys.
#[derive(Debug, Clone)]
pub struct Record {
    /// The run.
    pub view: RunView,
    plan: BTreeMap<String, Vec<Field>>,
}

/// The keys that every run has, plan and metrics aside.
const OWN: [&str; 20] = [
    "id",
    "name",
    "status",
    "path",
    "created",
    "plan_hash",
    "parent",
    "notes",
    "device",
    "tag",
    "tags",
    "step",
    "epoch",
    "epochs",
    "time",
    key::SAMPLES_PER_S,
    "attempts",
    "best",
    "best_metric",
    "best_step",
];

/// Every key that a run of this plan, with these metrics, knows.
#[must_use]
pub fn keys_of(plan_toml: &str, metrics: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let own = OWN.into_iter().chain([key::LR]).map(String::from);
    let plan = plan_keys(plan_toml).into_keys();
    plan.chain(metrics).chain(own).collect()
}

/// The values of a plan by their dotted paths; none where it is no TOML.
fn plan_keys(text: &str) -> BTreeMap<String, Vec<Field>> {
    let mut plan = BTreeMap::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        flatten(String::new(), &toml::Value::Table(table), &mut plan);
    }
    plan
}

impl Record {
    /// The run `view`, with the keys of its `plan.toml` if that can be read.
    #[must_use]
    pub fn new(view: RunView) -> Self {
        let plan = plan_keys(&view.plan);
        Self { view, plan }
    }

    /// The values of a key: none where the run does not have it.
    #[must_use]
    pub fn values(&self, key: &str) -> Vec<Field> {
        if let Some(values) = self.own(key) {
            return values;
        }
        if let Some(value) = self.metrics().get(key) {
            return vec![Field::Number(*value)];
        }
        let key = if key == key::LR { "optimizer.lr" } else { key };
        self.plan.get(key).cloned().unwrap_or_default()
    }

    /// The single number at a key.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.values(key).as_slice() {
            [Field::Number(number)] => Some(*number),
            [Field::Integer(integer)] => Some(*integer as f64),
            _ => None,
        }
    }

    /// The keys of its plan.
    pub fn plan_keys(&self) -> impl Iterator<Item = &str> {
        self.plan.keys().map(String::as_str)
    }

    /// Every key that this run knows.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<String> {
        let metrics = self.metrics().into_keys();
        let own = OWN.into_iter().chain([key::LR]).map(String::from);
        self.plan
            .keys()
            .cloned()
            .chain(metrics)
            .chain(own)
            .collect()
    }

    /// The last value of every metric.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.view.metrics()
    }

    /// The best value of the watched metric; of an unfinished run, as its newest best checkpoint has
    /// it.
    #[must_use]
    pub fn best(&self) -> Option<BestSummary> {
        if let Some(summary) = &self.view.summary {
            return summary.best.clone();
        }
        self.view.checkpoints.iter().rev().find_map(|checkpoint| {
            let (metric, value) = checkpoint.best()?;
            let relative = checkpoint
                .path
                .strip_prefix(&self.view.path)
                .unwrap_or(&checkpoint.path);
            Some(BestSummary {
                metric: metric.into(),
                value,
                step: checkpoint.step,
                checkpoint: Some(relative.to_string_lossy().into_owned()),
            })
        })
    }

    /// Updates done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.view.step()
    }

    /// Epochs done.
    #[must_use]
    pub fn epoch(&self) -> f64 {
        match &self.view.summary {
            Some(summary) => summary.epoch,
            None => self
                .view
                .rows
                .iter()
                .map(|row| row.epoch)
                .fold(0.0, f64::max),
        }
    }

    /// Seconds of all attempts together: of the one that runs, until now; of one that crashed, until
    /// its last row.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        if let Some(summary) = &self.view.summary {
            return summary.wall_s;
        }
        let last = match self.view.status {
            RunStatus::Running => Some(Timestamp::now()),
            _ => self.view.rows.last().and_then(|row| row.time.parse().ok()),
        };
        let seconds = |attempt: &Attempt| -> Option<f64> {
            let start: Timestamp = attempt.start.parse().ok()?;
            let end = match &attempt.end {
                Some(end) => end.parse().ok()?,
                None => last?,
            };
            Some(end.duration_since(start).as_secs_f64().max(0.0))
        };
        let attempts = self.view.info.attempts.iter();
        attempts
            .filter_map(seconds)
            .fold(0.0, |sum, seconds| sum + seconds)
    }

    fn own(&self, key: &str) -> Option<Vec<Field>> {
        let RunView { info, summary, .. } = &self.view;
        let text = |text: &str| Some(vec![Field::from(text)]);
        let number = |number: f64| Some(vec![Field::Number(number)]);
        let count = |number: u64| Some(vec![Field::count(number)]);
        // Present or not, these are the run's own: the plan's key of the same name is not meant.
        let maybe = |value: Option<Field>| Some(value.into_iter().collect());
        match key {
            "id" => text(&info.run),
            "name" => text(&info.name),
            "status" => text(self.view.status.name()),
            "path" => text(&self.view.path.to_string_lossy()),
            "created" => text(&info.created),
            "plan_hash" => text(&info.plan_hash),
            "parent" => maybe(info.parent.as_deref().map(Field::from)),
            "notes" => maybe(info.notes.as_deref().map(Field::from)),
            "device" => maybe(
                info.attempts
                    .last()
                    .map(|attempt| attempt.device.as_str().into()),
            ),
            "tag" | "tags" => Some(info.tags.iter().map(|tag| tag.as_str().into()).collect()),
            "step" => count(self.step()),
            "epoch" | "epochs" => number(self.epoch()),
            "time" => number(self.seconds()),
            key::SAMPLES_PER_S => {
                maybe(summary.as_ref().map(|summary| summary.samples_per_s.into()))
            }
            "attempts" => count(info.attempts.len() as u64),
            "best" => maybe(self.best().map(|best| best.value.into())),
            "best_metric" => maybe(self.best().map(|best| best.metric.as_str().into())),
            "best_step" => maybe(self.best().map(|best| Field::count(best.step))),
            _ => None,
        }
    }
}

/// Adds `value` and what is inside it under dotted paths; array elements both by index and, if
/// they are plain, together as the values of the array.
fn flatten(path: String, value: &toml::Value, plan: &mut BTreeMap<String, Vec<Field>>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_string()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(below(key), value, plan);
            }
        }
        toml::Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                flatten(below(&i.to_string()), item, plan);
            }
            let plain: Vec<Field> = items.iter().filter_map(leaf).collect();
            if !plain.is_empty() {
                plan.insert(path, plain);
            }
        }
        _ => {
            plan.insert(path, leaf(value).into_iter().collect());
        }
    }
}

fn leaf(value: &toml::Value) -> Option<Field> {
    match value {
        toml::Value::String(text) => Some(text.as_str().into()),
        toml::Value::Integer(number) => Some(Field::Integer(*number)),
        toml::Value::Float(number) => Some((*number).into()),
        toml::Value::Boolean(value) => Some(value.to_string().into()),
        toml::Value::Datetime(when) => Some(when.to_string().into()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}
