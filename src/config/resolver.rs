//! The one pass over a Spec that finds every fault and, where there is none, makes the Plan.

use std::sync::Arc;

use super::{
    checkpoint::{BestKeys, CheckpointKeys},
    cost::Cost,
    diagnostic::{ConfigError, Diagnostics},
    extensions::Extensions,
    groups,
    length::Length,
    node::{Node, Table, Value},
    plan::{FromEnv, Plan},
    registry::{Component, read_keys, schema_of, write_keys},
    resolve::{Loaded, Tables},
    schedule_view::ScheduleView,
    spec::Spec,
    suggest,
    top::{ModelKeys, Top},
    train::{Better, Precision, TrainKeys},
    validate,
};
use crate::{
    data::{DatasetKeys, DatasetSpec, Facts, TransformSpec},
    error::{KeyFault, Severity},
    layer::{Architecture, Builder, LayerError},
    model::{Io, ModelSpec},
    objective::{self, LossSpec, MetricSpec},
    optim::{OptimizerKeys, OptimizerSpec},
    schedule::{self, Curve},
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

pub(super) struct Resolver<'a> {
    pub(super) tables: Tables<'a>,
    pub(super) extensions: &'a Extensions,
}

type ModelParts = (Component<dyn ModelSpec>, ModelKeys);
type DataParts = (
    Component<dyn DatasetSpec>,
    DatasetKeys,
    Vec<Component<dyn TransformSpec>>,
);
type OptimizerParts = (Component<dyn OptimizerSpec>, OptimizerKeys);
pub(super) type ScheduleParts = (Vec<schedule::Entry>, Vec<toml::Table>);
type Metrics = Vec<(String, Arc<dyn MetricSpec>)>;

impl<'a> Resolver<'a> {
    pub(super) fn new(spec: &'a Spec, extensions: &'a Extensions) -> Self {
        Self {
            tables: Tables::new(spec),
            extensions,
        }
    }

    /// Everything: tables first, then what must hold between them.
    pub(super) fn plan(mut self) -> Result<Plan, ConfigError> {
        if self.tables.spec.is_broken {
            return self.finish(None);
        }
        let top = self.top();
        let model = self.model();
        let dataset = self.dataset();
        let loss = self.loss();
        let optimizer = self.optimizer();
        let schedule = self.schedule();
        let train = self.train();
        let checkpoint = self.checkpoint();

        let seed = top.as_ref().map_or(0, |top| top.seed);
        let facts = dataset
            .as_ref()
            .and_then(|dataset| self.facts(dataset, seed));
        let loss = loss.and_then(|loss| self.fitting_loss(loss, facts.as_ref()));
        let shape = match (&facts, &dataset) {
            (Some(facts), Some((_, _, transforms))) => self.shape(facts, transforms),
            _ => None,
        };
        let io = match (&facts, &loss, shape) {
            (Some(facts), Some(loss), Some(input)) => {
                let task = &facts.task;
                let outputs = loss.spec.outputs(task.is_classification(), task.outputs());
                Some(Io { input, outputs })
            }
            _ => None,
        };
        let built = match (&model, &io) {
            (Some((model, _)), Some(io)) => self.architecture(model, io),
            _ => None,
        };
        let metrics = top
            .as_ref()
            .and_then(|top| self.metrics(top, facts.as_ref()));
        let length = match (&train, &facts, &dataset) {
            (Some(train), Some(facts), Some((_, keys, _))) => self
                .batches(facts, keys)
                .and_then(|batches| self.length(train, batches)),
            _ => None,
        };
        let frozen = match (&model, &built) {
            (Some((_, keys)), Some(built)) => self.frozen(keys, built),
            _ => None,
        };
        let schedules = match (&schedule, &optimizer, &length, &built, &train) {
            (Some((entries, _)), Some(optimizer), Some(length), Some(built), Some(train)) => {
                let names: Vec<String> =
                    built.params.iter().map(|p| p.name().to_string()).collect();
                let mut frozen = frozen.clone().unwrap_or_default();
                let parts = (&*optimizer.0.spec, &optimizer.1, train);
                let schedules = groups::schedules(
                    &mut self.tables,
                    entries,
                    parts,
                    &length.clock(),
                    &names,
                    &mut frozen,
                );
                schedules.map(|schedules| (schedules, frozen))
            }
            _ => None,
        };
        let watched = match (train, checkpoint, &metrics, &facts) {
            (Some(train), Some(checkpoint), Some(metrics), Some(facts)) => {
                Some(self.watched(train, checkpoint, metrics, facts))
            }
            _ => None,
        };
        let parts = (|| {
            let ((model, model_keys), (dataset, dataset_keys, transforms)) = (model?, dataset?);
            let ((optimizer, optimizer_keys), (_, schedule)) = (optimizer?, schedule?);
            let (train, checkpoint) = watched?;
            let (architecture, length) = (built?, length?);
            let (schedules, frozen) = schedules?;
            let state = optimizer.spec.state_arrays() + usize::from(train.ema.is_some());
            let cost = Cost::estimate(
                &architecture,
                dataset_keys.batch_size,
                train.grad_accumulation,
                state,
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
                facts: facts?,
                io: io?,
                architecture,
                frozen,
                length,
                schedules,
                cost,
                warnings: Diagnostics::default(),
                from_env: Vec::new(),
            })
        })();
        self.finish(parts)
    }

    /// The schedules alone, for epochs of `steps_per_epoch` updates.
    pub(super) fn schedules(mut self, steps_per_epoch: u64) -> Result<ScheduleView, ConfigError> {
        let root = &self.tables.spec.root;
        let parts = (!self.tables.spec.is_broken).then(|| {
            let _ = self.top();
            let (optimizer, schedule, train) = (self.optimizer()?, self.schedule()?, self.train()?);
            let batches = steps_per_epoch * train.grad_accumulation as u64;
            let length = self.length(&train, batches)?;
            // A glob stands for the parameters that it would match, `other` for all the rest.
            let globs = |list: &Node, key: &str| -> Vec<String> {
                let globs = list
                    .items()
                    .into_iter()
                    .flatten()
                    .filter_map(|t| t.table()?.get(key)?.items());
                globs
                    .flatten()
                    .filter_map(|glob| glob.text().map(String::from))
                    .collect()
            };
            let mut names = globs(root.nearest("optimizer.group"), "match");
            names.extend(globs(root.nearest("schedule"), "groups"));
            names.push("other".into());
            let parts = (&*optimizer.0.spec, &optimizer.1, &train);
            let (clock, mut frozen) = (length.clock(), Vec::new());
            let schedules = groups::schedules(
                &mut self.tables,
                &schedule.0,
                parts,
                &clock,
                &names,
                &mut frozen,
            )?;
            Some((schedules, length))
        });
        let warnings = self.found();
        match parts.flatten() {
            Some((schedules, length)) if !warnings.is_refused() => Ok(ScheduleView {
                schedules,
                length,
                warnings,
            }),
            _ => Err(ConfigError(warnings)),
        }
    }

    /// Faults in order of their places.
    fn found(self) -> Diagnostics {
        let mut list = self.tables.faults;
        list.sort_by_key(|d| d.place.as_ref().map(|p| (p.source, p.range.start)));
        list.dedup();
        Diagnostics {
            sources: self.tables.spec.sources.clone(),
            list,
        }
    }

    /// The plan, where there is no error; warnings go with it.
    fn finish(self, parts: Option<Plan>) -> Result<Plan, ConfigError> {
        let from_env = from_env(&self.tables.spec.root);
        let found = self.found();
        match parts {
            Some(plan) if !found.is_refused() => Ok(Plan {
                from_env,
                warnings: found,
                ..plan
            }),
            _ => Err(ConfigError(found)),
        }
    }

    pub(super) fn top(&mut self) -> Option<Top> {
        let root = self.tables.spec.root.table()?;
        let schema = schema_of::<Top>();
        let properties = schema["properties"].as_object()?;
        let allowed: Vec<String> = properties
            .keys()
            .cloned()
            .chain(TABLES.map(String::from))
            .collect();
        for (key, place, _) in root
            .iter()
            .filter(|(key, ..)| !allowed.iter().any(|a| a == key))
        {
            let fault = validate::unknown_key("", key, place, allowed.iter());
            self.tables.faults.push(fault);
        }
        let own = root.only(|key| properties.contains_key(key));
        let place = &self.tables.spec.root.place;
        let mut top: Top = self.tables.keys("", "", place, &own, &schema)?;
        if top.name.is_empty() {
            let stem = self.tables.spec.path.file_stem();
            top.name = stem.map_or("run".into(), |stem| stem.to_string_lossy().into_owned());
        }
        if let Some(fault) = device_fault(&top.device) {
            self.tables.key_fault("", fault);
        }
        Some(top)
    }

    fn model(&mut self) -> Option<ModelParts> {
        let found = self.required_table("model", "for example `[model]` with `type = \"mlp\"`")?;
        let registry = &self.extensions.models;
        let common = schema_of::<ModelKeys>();
        let loaded = self
            .tables
            .component("`[model]`", "model", found, registry, &common)?;
        let keys = self.common("model", loaded.common)?;
        let component = self.checked("model", loaded.component, |spec| spec.check())?;
        Some((component, keys))
    }

    fn dataset(&mut self) -> Option<DataParts> {
        let found = self.required_table(
            "dataset",
            "for example `[dataset]` with `type = \"digits\"`",
        )?;
        let registry = &self.extensions.datasets;
        let (node, table) = found;
        let transforms = match table.get("transform") {
            Some(list) => self.transforms(list),
            None => Some(Vec::new()),
        };
        let without = table.only(|key| key != "transform");
        let found = (node, &without);
        let common = schema_of::<DatasetKeys>();
        let loaded = self
            .tables
            .component("`[dataset]`", "dataset", found, registry, &common)?;
        let keys: DatasetKeys = self.common("dataset", loaded.common)?;
        self.tables.key_faults("dataset", keys.check());
        let keys = keys.filled(&loaded.component.spec.defaults());
        let component = self.checked("dataset", loaded.component, |spec| spec.check())?;
        Some((component, keys, transforms?))
    }

    fn transforms(&mut self, list: &'a Node) -> Option<Vec<Component<dyn TransformSpec>>> {
        let registry = &self.extensions.transforms;
        let none = serde_json::json!({ "properties": {} });
        let tables = self.tables.list("dataset.transform", "transform", list);
        let mut all = Some(Vec::new());
        for (path, node, table) in tables {
            let what = "`[[dataset.transform]]`";
            let loaded = self
                .tables
                .component(what, &path, (node, table), registry, &none);
            let checked =
                loaded.and_then(|l| self.checked(&path, l.component, |spec| spec.check()));
            match (checked, &mut all) {
                (Some(component), Some(list)) => list.push(component),
                _ => all = None,
            }
        }
        all
    }

    /// `Some(None)` where the task decides.
    fn loss(&mut self) -> Option<Option<Component<dyn LossSpec>>> {
        let Some(node) = self.tables.spec.root.table()?.get("loss") else {
            return Some(None);
        };
        let found = (node, self.tables.table("loss")?.1);
        let registry = &self.extensions.losses;
        let none = serde_json::json!({ "properties": {} });
        let loaded = self
            .tables
            .component("`[loss]`", "loss", found, registry, &none)?;
        self.checked("loss", loaded.component, |spec| spec.check())
            .map(Some)
    }

    fn optimizer(&mut self) -> Option<OptimizerParts> {
        let hint = "for example `[optimizer]` with `type = \"sgd\"` and `lr = 0.1`";
        let found = self.required_table("optimizer", hint)?;
        let registry = &self.extensions.optimizers;
        let common = schema_of::<OptimizerKeys>();
        let loaded =
            self.tables
                .component("`[optimizer]`", "optimizer", found, registry, &common)?;
        let keys = self.common("optimizer", loaded.common)?;
        let component = self.checked("optimizer", loaded.component, |spec| spec.check())?;
        Some((component, keys))
    }

    pub(super) fn schedule(&mut self) -> Option<ScheduleParts> {
        let Some(node) = self.tables.spec.root.table()?.get("schedule") else {
            return Some((Vec::new(), Vec::new()));
        };
        let registry = &self.extensions.schedules;
        let common = schema_of::<schedule::Keys>();
        let mut all = Some((Vec::new(), Vec::new()));
        for (path, node, table) in self.tables.list("schedule", "schedule", node) {
            let what = "`[[schedule]]`";
            let loaded = self
                .tables
                .component(what, &path, (node, table), registry, &common);
            let factors = self.factors(&path, table);
            let entry = loaded
                .zip(factors)
                .and_then(|(loaded, times)| self.entry(&path, loaded, times));
            match (entry, &mut all) {
                (Some((entry, table)), Some((entries, tables))) => {
                    entries.push(entry);
                    tables.push(table);
                }
                _ => all = None,
            }
        }
        all
    }

    /// One entry and its complete table.
    fn entry(
        &mut self,
        path: &str,
        Loaded { component, common }: Loaded<dyn Curve>,
        times: Vec<(schedule::Factor, toml::Table)>,
    ) -> Option<(schedule::Entry, toml::Table)> {
        let keys: schedule::Keys = self.common(path, common)?;
        let mut table = toml::Table::new();
        table.insert("type".into(), component.kind.as_str().into());
        table.extend(write_keys(&keys).ok()?);
        table.extend(component.keys);
        let (times, tables): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        if !tables.is_empty() {
            let list = tables.into_iter().map(toml::Value::Table).collect();
            table.insert("times".into(), toml::Value::Array(list));
        }
        let entry = schedule::Entry {
            kind: component.kind,
            keys,
            curve: component.spec,
            times,
        };
        let faults = entry.check();
        let refused = faults.iter().any(|fault| fault.severity == Severity::Error);
        self.tables.key_faults(path, faults);
        (!refused).then_some((entry, table))
    }

    /// The factors of an entry's `times`, each with its complete table.
    fn factors(
        &mut self,
        path: &str,
        table: &'a Table,
    ) -> Option<Vec<(schedule::Factor, toml::Table)>> {
        let Some(list) = table.get("times") else {
            return Some(Vec::new());
        };
        let registry = &self.extensions.schedules;
        let common = schema_of::<schedule::FactorKeys>();
        let mut all = Some(Vec::new());
        for (path, node, table) in self.tables.list(&format!("{path}.times"), "times", list) {
            let loaded = self
                .tables
                .component("`times`", &path, (node, table), registry, &common);
            let factor = loaded.and_then(|Loaded { component, common }| {
                let keys: schedule::FactorKeys = self.common(&path, common)?;
                let mut table = toml::Table::new();
                table.insert("type".into(), component.kind.as_str().into());
                table.extend(write_keys(&keys).ok()?);
                table.extend(component.keys);
                Some((
                    schedule::Factor {
                        kind: component.kind,
                        keys,
                        curve: component.spec,
                    },
                    table,
                ))
            });
            match (factor, &mut all) {
                (Some(factor), Some(list)) => list.push(factor),
                _ => all = None,
            }
        }
        all
    }

    pub(super) fn train(&mut self) -> Option<TrainKeys> {
        let (node, table) =
            self.required_table("train", "for example `[train]` with `epochs = 10`")?;
        let schema = schema_of::<TrainKeys>();
        let keys: TrainKeys =
            self.tables
                .keys("`[train]`", "train", &node.place, table, &schema)?;
        match (keys.epochs, keys.steps) {
            (None, None) => {
                let fault = KeyFault::error("", "missing key `epochs` or `steps` in `[train]`");
                self.tables
                    .key_fault("train", fault.hint("add, for example, `epochs = 10`"));
            }
            (Some(_), Some(_)) => {
                let fault = KeyFault::error("steps", "`epochs` and `steps` are both given");
                self.tables
                    .key_fault("train", fault.hint("keep one of them"));
            }
            _ => {}
        }
        if keys.precision != Precision::F32 {
            let fault = KeyFault::error("precision", "this version trains in `f32` only");
            self.tables
                .key_fault("train", fault.hint("leave `precision` out"));
        }
        Some(keys)
    }

    fn checkpoint(&mut self) -> Option<CheckpointKeys> {
        if self.tables.spec.root.table()?.get("checkpoint").is_none() {
            return Some(CheckpointKeys::default());
        }
        let (node, table) = self.tables.table("checkpoint")?;
        let schema = schema_of::<CheckpointKeys>();
        let keys: CheckpointKeys =
            self.tables
                .keys("`[checkpoint]`", "checkpoint", &node.place, table, &schema)?;
        if keys.every == crate::units::Span::Rest {
            let fault = KeyFault::error("every", "`every` cannot be \"rest\"");
            self.tables.key_fault(
                "checkpoint",
                fault.hint("count in epochs, steps, % or minutes"),
            );
        }
        Some(keys)
    }

    fn required_table(&mut self, key: &str, example: &str) -> Option<(&'a Node, &'a Table)> {
        if self.tables.spec.root.table()?.get(key).is_none() {
            self.tables
                .missing(format!("missing table `[{key}]`"), example);
            return None;
        }
        self.tables.table(key)
    }

    fn common<C: serde::de::DeserializeOwned>(
        &mut self,
        path: &str,
        table: toml::Table,
    ) -> Option<C> {
        match read_keys(table) {
            Ok(keys) => Some(keys),
            Err(fault) => {
                let (message, hint) = validate::split_hint(&fault.message);
                let mut key_fault = KeyFault::error(fault.key, message);
                key_fault.hint = hint;
                self.tables.key_fault(path, key_fault);
                None
            }
        }
    }

    /// The component, unless it refuses its own keys.
    fn checked<T: ?Sized>(
        &mut self,
        path: &str,
        component: Component<T>,
        check: impl Fn(&T) -> Vec<KeyFault>,
    ) -> Option<Component<T>> {
        let faults = check(&component.spec);
        let refused = faults.iter().any(|fault| fault.severity == Severity::Error);
        self.tables.key_faults(path, faults);
        (!refused).then_some(component)
    }

    /// The shape of a sample after the transforms.
    fn shape(
        &mut self,
        facts: &Facts,
        transforms: &[Component<dyn TransformSpec>],
    ) -> Option<Vec<usize>> {
        let mut shape = facts.shape.clone();
        for (i, transform) in transforms.iter().enumerate() {
            match transform.spec.output(&shape) {
                Ok(output) => shape = output,
                Err(fault) => {
                    self.tables
                        .key_fault(&format!("dataset.transform[{i}]"), fault);
                    return None;
                }
            }
        }
        Some(shape)
    }

    fn facts(&mut self, (dataset, keys, _): &DataParts, seed: u64) -> Option<Facts> {
        match dataset.spec.describe(keys, seed) {
            Ok(facts) => Some(facts),
            Err(error) => {
                self.tables.key_faults("dataset", error.faults());
                None
            }
        }
    }

    /// The model's layers for this data, without numbers.
    fn architecture(&mut self, model: &Component<dyn ModelSpec>, io: &Io) -> Option<Architecture> {
        let builder = Builder::plan();
        match model.spec.build(&builder, io) {
            Ok(_) => Some(builder.finish()),
            Err(LayerError::Shape(fault)) => {
                self.tables.key_fault("model", fault);
                None
            }
            Err(error) => {
                self.tables
                    .key_fault("model", KeyFault::error("", error.to_string()));
                None
            }
        }
    }

    fn fitting_loss(
        &mut self,
        loss: Option<Component<dyn LossSpec>>,
        facts: Option<&Facts>,
    ) -> Option<Component<dyn LossSpec>> {
        let facts = facts?;
        let loss = match loss {
            Some(loss) => loss,
            None => {
                let name = objective::default_loss(facts.task.is_classification());
                self.extensions
                    .losses
                    .get(name)?
                    .load(toml::Table::new())
                    .ok()?
            }
        };
        let fault = loss
            .spec
            .fits(facts.task.is_classification(), facts.task.outputs());
        let fits = fault.is_none();
        self.tables.key_faults("loss", fault.into_iter().collect());
        fits.then_some(loss)
    }

    fn metrics(&mut self, top: &Top, facts: Option<&Facts>) -> Option<Metrics> {
        let names = match (&top.metrics, facts) {
            (Some(names), _) => names.clone(),
            (None, Some(facts)) => objective::default_metrics(facts.task.is_classification())
                .iter()
                .map(|name| name.to_string())
                .collect(),
            (None, None) => return None,
        };
        let mut all = Some(Vec::new());
        for (i, name) in names.iter().enumerate() {
            match (self.metric(i, name, facts), &mut all) {
                (Some(metric), Some(list)) => list.push((name.clone(), metric)),
                _ => all = None,
            }
        }
        all
    }

    fn metric(
        &mut self,
        i: usize,
        name: &str,
        facts: Option<&Facts>,
    ) -> Option<Arc<dyn MetricSpec>> {
        let key = format!("metrics[{i}]");
        let own = self.extensions.metrics.iter().find(|(own, _)| own == name);
        let metric: Arc<dyn MetricSpec> = match own {
            Some((_, metric)) => metric.clone(),
            None => match objective::metric(name) {
                Ok(metric) => metric.into(),
                Err(fault) => {
                    self.tables.key_fault("", KeyFault { key, ..fault });
                    return None;
                }
            },
        };
        let facts = facts?;
        match metric.fits(facts.task.is_classification(), facts.task.outputs()) {
            Some(fault) => {
                self.tables.key_fault("", KeyFault { key, ..fault });
                None
            }
            None => Some(metric),
        }
    }

    /// Batches of one epoch.
    fn batches(&mut self, facts: &Facts, keys: &DatasetKeys) -> Option<u64> {
        let batches = match keys.drop_last {
            true => facts.train / keys.batch_size,
            false => facts.train.div_ceil(keys.batch_size),
        };
        if batches == 0 {
            let message = format!(
                "`batch_size` {} with `drop_last` leaves no batch of {} training samples",
                keys.batch_size, facts.train
            );
            self.tables
                .key_fault("dataset", KeyFault::error("batch_size", message));
            return None;
        }
        Some(batches as u64)
    }

    fn length(&mut self, train: &TrainKeys, batches_per_epoch: u64) -> Option<Length> {
        let before = self.tables.spec.length_before_flags.as_ref().map(|table| {
            let number = |key: &str| match table.get(key).map(|node| &node.value) {
                Some(Value::Integer(n)) => u64::try_from(*n).ok(),
                _ => None,
            };
            (number("epochs"), number("steps"))
        });
        match Length::resolve(train, before, batches_per_epoch) {
            Ok(length) => Some(length),
            Err(faults) => {
                let known = faults
                    .into_iter()
                    .filter(|fault| !fault.key.is_empty())
                    .collect();
                self.tables.key_faults("train", known);
                None
            }
        }
    }

    /// Parameters that `freeze` matches.
    fn frozen(&mut self, keys: &ModelKeys, built: &Architecture) -> Option<Vec<String>> {
        let mut frozen = Vec::new();
        for (i, text) in keys.freeze.iter().enumerate() {
            let key = format!("freeze[{i}]");
            let glob = match globset::Glob::new(text) {
                Ok(glob) => glob.compile_matcher(),
                Err(error) => {
                    let fault = KeyFault::error(key, format!("`{text}` is not a glob: {error}"));
                    self.tables.key_fault("model", fault);
                    return None;
                }
            };
            let names: Vec<&str> = built
                .params
                .iter()
                .map(|p| p.name())
                .filter(|name| glob.is_match(name))
                .collect();
            if names.is_empty() {
                let all: Vec<&str> = built.params.iter().map(|p| p.name()).collect();
                let fault = KeyFault::error(key, format!("`{text}` matches no parameter"));
                self.tables
                    .key_fault("model", fault.hint(suggest::hint(text, all)));
                return None;
            }
            frozen.extend(names.into_iter().map(String::from));
        }
        frozen.sort();
        frozen.dedup();
        Some(frozen)
    }

    /// Fills in the watched metrics of `best` and `early_stop`, and checks that they exist.
    fn watched(
        &mut self,
        mut train: TrainKeys,
        mut checkpoint: CheckpointKeys,
        metrics: &Metrics,
        facts: &Facts,
    ) -> (TrainKeys, CheckpointKeys) {
        let first = metrics.first().map_or("loss", |(name, _)| name);
        let default = format!("val/{first}");
        if checkpoint.best.is_none() && facts.val > 0 {
            checkpoint.best = Some(BestKeys {
                metric: None,
                mode: None,
                keep: 1,
            });
        }
        let mut watched = default.clone();
        if let Some(best) = &mut checkpoint.best {
            let metric = best.metric.get_or_insert(default).clone();
            self.watch(
                "checkpoint",
                "best.metric",
                &metric,
                &mut best.mode,
                metrics,
                facts,
            );
            watched = metric;
        }
        if let Some(stop) = &mut train.early_stop {
            let metric = stop.metric.get_or_insert(watched).clone();
            self.watch(
                "train",
                "early_stop.metric",
                &metric,
                &mut stop.mode,
                metrics,
                facts,
            );
        }
        (train, checkpoint)
    }

    fn watch(
        &mut self,
        table: &str,
        key: &str,
        metric: &str,
        mode: &mut Option<Better>,
        metrics: &Metrics,
        facts: &Facts,
    ) {
        let names: Vec<String> = std::iter::once("val/loss".to_string())
            .chain(metrics.iter().map(|(name, _)| format!("val/{name}")))
            .collect();
        if facts.val == 0 {
            let fault = KeyFault::error(
                key,
                format!("`{metric}` needs a validation split, and there is none"),
            );
            let hint = "set `split = { val = \"10%\" }` in `[dataset]`";
            return self.tables.key_fault(table, fault.hint(hint));
        }
        if !names.iter().any(|name| name == metric) {
            let fault = KeyFault::error(key, format!("`{metric}` is not measured"));
            let hint = suggest::hint(metric, names.iter().map(String::as_str).collect::<Vec<_>>());
            return self.tables.key_fault(table, fault.hint(hint));
        }
        let name = metric.trim_start_matches("val/");
        let higher = metrics
            .iter()
            .any(|(own, spec)| own == name && spec.higher_is_better());
        mode.get_or_insert(if higher { Better::Max } else { Better::Min });
    }
}

fn device_fault(device: &str) -> Option<KeyFault> {
    let ok = matches!(device, "auto" | "cpu" | "cuda" | "metal")
        || device
            .strip_prefix("cuda:")
            .is_some_and(|n| n.parse::<usize>().is_ok());
    (!ok).then(|| {
        let names = ["auto", "cpu", "cuda", "cuda:0", "metal"];
        KeyFault::error("device", format!("unknown device `{device}`"))
            .hint(suggest::hint(device, names))
    })
}

/// Texts that the environment gave a part of.
fn from_env(root: &Node) -> Vec<FromEnv> {
    fn walk(node: &Node, path: &str, out: &mut Vec<FromEnv>) {
        match &node.value {
            Value::String(filled) => out.extend(node.raw.clone().map(|raw| FromEnv {
                path: path.into(),
                raw,
                filled: filled.clone(),
            })),
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}[{i}]"), out);
                }
            }
            Value::Table(table) => {
                for (key, _, node) in table.iter() {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(node, &format!("{path}{dot}{key}"), out);
                }
            }
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(root, "", &mut out);
    out
}
