//! The one pass over a Spec that finds every fault and, where there is none, makes the Plan: first
//! each table for itself, then what must hold between them.

mod chain;
mod components;
mod fit;
mod measure;
mod pair;
mod settings;

pub use fit::short_path;

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use super::{
    checkpoint::CheckpointKeys,
    cost::Cost,
    diagnostic::{ConfigError, Diagnostics},
    environment,
    extensions::Extensions,
    length::Length,
    paths::{PathKey, canonical},
    plan::Plan,
    registry::Component,
    schedule_view::ScheduleView,
    spec::Spec,
    tables::Tables,
    top::{ModelKeys, Top},
    train::TrainKeys,
};
use crate::{
    data::{DatasetKeys, DatasetSpec, TransformSpec},
    model::ModelSpec,
    objective::{LossSpec, MetricSpec},
    optim::{OptimizerKeys, OptimizerSpec},
    schedule,
    units::Span,
};

/// The tables of a config, in the order of the reference.
pub const TABLES: [&str; 7] = [
    "model",
    "dataset",
    "loss",
    "optimizer",
    "schedule",
    "train",
    "checkpoint",
];

/// Reads a Spec table by table and collects faults on the way. A part with faults is `None`; what
/// depends on it is then left out, so that one mistake is told once.
pub(super) struct Resolver<'a> {
    tables: Tables<'a>,
    extensions: &'a Extensions,
    /// The first target that is no label, where the loss has been held against all of them.
    soft: Option<(String, f32)>,
}

type ModelParts = (Component<dyn ModelSpec>, ModelKeys);
type DataParts = (
    Component<dyn DatasetSpec>,
    DatasetKeys,
    Vec<Component<dyn TransformSpec>>,
);
type OptimizerParts = (Component<dyn OptimizerSpec>, OptimizerKeys);
type ScheduleParts = (Vec<schedule::Entry>, Vec<toml::Table>);
/// A metric under its short name.
type NamedMetric = (String, Arc<dyn MetricSpec>);
type Metrics = Vec<NamedMetric>;

/// The tables, each read for itself.
struct Written {
    top: Option<Top>,
    model: Option<ModelParts>,
    dataset: Option<DataParts>,
    /// `Some(None)` where the task decides.
    loss: Option<Option<Component<dyn LossSpec>>>,
    optimizer: Option<OptimizerParts>,
    schedule: Option<ScheduleParts>,
    train: Option<TrainKeys>,
    checkpoint: Option<CheckpointKeys>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(spec: &'a Spec, extensions: &'a Extensions) -> Self {
        Self {
            tables: Tables::new(spec),
            extensions,
            soft: None,
        }
    }

    /// Everything: the plan, or all faults.
    pub(super) fn plan(mut self) -> Result<Plan, ConfigError> {
        let plan = if self.is_readable() {
            let written = self.written();
            self.meaning(written)
        } else {
            None
        };
        let from_env = environment::references(&self.tables.spec.root);
        let (paths, folders) = self.paths();
        let warnings = self.found();
        match plan {
            Some(plan) if !warnings.is_refused() => Ok(Plan {
                from_env,
                paths,
                folders,
                warnings,
                ..plan
            }),
            _ => Err(ConfigError(warnings)),
        }
    }

    /// The schedules alone, for epochs of `steps_per_epoch` updates; no data is read.
    pub(super) fn schedules(mut self, steps_per_epoch: u64) -> Result<ScheduleView, ConfigError> {
        let parts = if self.is_readable() {
            self.schedule_parts(steps_per_epoch)
        } else {
            None
        };
        let warnings = self.found();
        match parts {
            Some((schedules, entries, length)) if !warnings.is_refused() => Ok(ScheduleView {
                schedules,
                entries,
                length,
                warnings,
            }),
            _ => Err(ConfigError(warnings)),
        }
    }

    fn schedule_parts(
        &mut self,
        steps_per_epoch: u64,
    ) -> Option<(schedule::Schedules, Vec<toml::Table>, Length)> {
        let (_, optimizer) = (self.top(), self.optimizer());
        let (schedule, train) = (self.schedule(), self.train());
        let batches = steps_per_epoch.saturating_mul(train.as_ref()?.grad_accumulation as u64);
        let length = self.length(train.as_ref(), Some(batches))?;
        let found = self.scheduled(
            schedule.as_ref(),
            optimizer.as_ref(),
            train.as_ref(),
            Some(&length),
            None,
            Vec::new(),
        );
        Some((found?.0, schedule?.1, length))
    }

    /// Whether there is text to check at all; an empty config is one fault, not one for each table.
    fn is_readable(&mut self) -> bool {
        let spec = self.tables.spec;
        let is_empty = spec
            .root
            .table()
            .is_none_or(|root| root.iter().next().is_none());
        if !spec.is_broken && is_empty {
            let hint = "`trainer new NAME` writes one to start from";
            self.tables.missing("the config is empty".into(), hint);
        }
        !spec.is_broken && !is_empty
    }

    fn written(&mut self) -> Written {
        Written {
            top: self.top(),
            model: self.model(),
            dataset: self.dataset(),
            loss: self.loss(),
            optimizer: self.optimizer(),
            schedule: self.schedule(),
            train: self.train(),
            checkpoint: self.checkpoint(),
        }
    }

    /// What the tables mean together.
    fn meaning(&mut self, written: Written) -> Option<Plan> {
        let Written {
            top,
            model,
            dataset,
            optimizer,
            mut schedule,
            train,
            ..
        } = written;
        let seed = top.as_ref().map_or(0, |top| top.seed);
        let dataset = Self::for_loss(dataset, written.loss.as_ref());
        let dataset = Self::for_model(dataset, model.as_ref());
        let facts = self.facts(dataset.as_ref(), seed);
        let loss = self.fitting_loss(written.loss, facts.as_ref());
        let loss = self.loss_of_targets(loss, (facts.as_ref(), dataset.as_ref()), seed);
        let io = self.io(facts.as_ref(), dataset.as_ref(), loss.as_ref());
        let built = self.architecture(
            model.as_ref(),
            (facts.as_ref(), dataset.as_ref()),
            io.as_ref(),
        );
        self.precision_fits(model.as_ref(), train.as_ref());
        let metrics = self.metrics(top.as_ref(), facts.as_ref(), loss.as_ref());
        let batches = self.batches(facts.as_ref(), dataset.as_ref());
        let length = self.length(train.as_ref(), batches);
        let init = self.init(model.as_ref(), built.as_ref());
        let start = self.start(model.as_ref(), built.as_ref(), init.as_ref());
        let frozen = self.frozen(model.as_ref(), built.as_ref());
        self.followed(schedule.as_mut(), metrics.as_ref(), facts.as_ref());
        self.batch_fits(
            built.as_ref(),
            (facts.as_ref(), dataset.as_ref()),
            (length.as_ref(), train.as_ref()),
        );
        let schedules = self.scheduled(
            schedule.as_ref(),
            optimizer.as_ref(),
            train.as_ref(),
            length.as_ref(),
            built.as_ref(),
            frozen.clone().unwrap_or_default(),
        );
        let watched = self.watched(train, written.checkpoint, metrics.as_ref(), facts.as_ref());
        let (start, _) = (start?, frozen?);
        let ((mut train, checkpoint), (schedules, frozen)) = (watched?, schedules?);
        let length = length?;
        if length.horizon != length.total_steps {
            // A flag cut the run short: the plan says what its schedules refer to.
            let horizon = Span::Steps(length.horizon);
            train.horizon.get_or_insert(horizon);
        }
        let ((model, mut model_keys), (dataset, dataset_keys, transforms)) = (model?, dataset?);
        let ((optimizer, optimizer_keys), (_, schedule)) = (optimizer?, schedule?);
        let (architecture, facts) = (built?, facts?);
        // Not beside faults: who has those first wants to read them.
        self.tables
            .key_faults("dataset", facts.class_warnings(&dataset_keys));
        if !architecture.buffers.is_empty() {
            model_keys.freeze_statistics.get_or_insert(true);
        }
        if !architecture.found.is_empty() {
            model_keys.found = Some(architecture.found.clone());
        }
        let state = optimizer.spec.state_arrays() + usize::from(train.ema.is_some());
        let (batch, batches) = (dataset_keys.batch_size, train.grad_accumulation);
        let cost = Cost::estimate(
            &architecture,
            batch,
            batches,
            state,
            train.precision.bytes(),
        );
        Some(Plan {
            top: top?,
            model,
            model_keys,
            dataset,
            dataset_keys,
            transforms,
            loss: loss?,
            metrics: metrics?,
            optimizer,
            optimizer_keys,
            schedule,
            train,
            checkpoint,
            facts,
            io: io?,
            architecture,
            init,
            start,
            frozen,
            length,
            schedules,
            cost,
            warnings: Diagnostics::default(),
            written: self.tables.spec.written.clone(),
            paths: Vec::new(),
            folders: Vec::new(),
            from_env: Vec::new(),
        })
    }

    /// The paths of the plan, and the folders that they start from: first the one that has a file.
    fn paths(&mut self) -> (Vec<PathKey>, Vec<PathBuf>) {
        let paths = std::mem::take(&mut self.tables.paths);
        if paths.is_empty() {
            return (paths, Vec::new());
        }
        let mut folders = self.tables.plan_folders();
        let holds = |folder: &PathBuf| paths.iter().any(|path| path.starts_at(folder));
        if let Some(base) = folders.iter().position(holds) {
            let base = folders.remove(base);
            folders.insert(0, base);
        }
        let mut folders: Vec<_> = folders.iter().map(|f| canonical(f)).collect();
        let copies = folders.clone();
        let mut index = 0..;
        folders.retain(|folder| !copies[..index.next().unwrap_or(0)].contains(folder));
        (paths, folders)
    }

    /// Faults in order of their places, each once.
    fn found(self) -> Diagnostics {
        let mut list = self.tables.faults;
        list.sort_by_key(|d| d.place.as_ref().map(|p| (p.source, p.range.start)));
        let mut seen = HashSet::new();
        list.retain(|d| seen.insert(d.clone()));
        Diagnostics {
            sources: self.tables.spec.sources.clone(),
            list,
        }
    }
}
