//! Spec → Plan: what a config means. A value: it serialises to a complete TOML that resolves to the
//! same Plan, and its hash names the experiment. Nothing here touches a device.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    checkpoint::CheckpointKeys,
    cost::Cost,
    diagnostic::{ConfigError, Diagnostics},
    environment::FromEnv,
    extensions::Extensions,
    init::Fit,
    length::Length,
    node::{parts, value_at},
    old_meaning::{self, OLD_MEANINGS},
    paths::{PathKey, relative},
    registry::Component,
    resolver::Resolver,
    spec::{Overrides, Spec, Written},
    top::{ModelKeys, Top},
    train::TrainKeys,
};
use crate::{
    data::{DatasetKeys, DatasetSpec, Facts, TransformSpec},
    kernel::Init as FirstValues,
    layer::Architecture,
    model::{Io, ModelSpec},
    objective::{LossSpec, MetricSpec},
    optim::{OptimizerKeys, OptimizerSpec},
    schedule,
};

/// A checked experiment.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Keys before the first table.
    pub top: Top,
    /// `[model]`.
    pub model: Component<dyn ModelSpec>,
    /// Common keys of `[model]`.
    pub model_keys: ModelKeys,
    /// `[dataset]`.
    pub dataset: Component<dyn DatasetSpec>,
    /// Common keys of `[dataset]`.
    pub dataset_keys: DatasetKeys,
    /// `[[dataset.transform]]`, in order.
    pub transforms: Vec<Component<dyn TransformSpec>>,
    /// `[loss]`.
    pub loss: Component<dyn LossSpec>,
    /// Metrics by name.
    pub metrics: Vec<(String, Arc<dyn MetricSpec>)>,
    /// `[optimizer]`.
    pub optimizer: Component<dyn OptimizerSpec>,
    /// Common keys of `[optimizer]`.
    pub optimizer_keys: OptimizerKeys,
    /// `[[schedule]]`, in order, with all keys.
    pub schedule: Vec<toml::Table>,
    /// `[train]`.
    pub train: TrainKeys,
    /// `[checkpoint]`.
    pub checkpoint: CheckpointKeys,
    /// What the data is: shape, task, samples.
    pub facts: Facts,
    /// What goes into the model and comes out.
    pub io: Io,
    /// The model's layers and parameters, without numbers.
    pub architecture: Architecture,
    /// The part of the weights to start from that the model takes, where they have been looked at.
    pub init: Option<Fit>,
    /// First values of parameters, by name, where they are not the model's own.
    pub start: BTreeMap<String, FirstValues>,
    /// Names of the parameters that keep their values.
    pub frozen: Vec<String>,
    /// Steps of an epoch, of the run, of the curves.
    pub length: Length,
    /// The schedules, resolved to steps.
    pub schedules: schedule::Schedules,
    /// FLOPs and memory, estimated.
    pub cost: Cost,
    /// What the reader should know although the config runs.
    pub warnings: Diagnostics,
    /// The texts that it came from.
    pub written: Written,
    /// Keys whose values are paths, and where these lead.
    pub paths: Vec<PathKey>,
    /// The folders that relative paths in it start from, absolute; the first is the config's own.
    pub(super) folders: Vec<PathBuf>,
    /// Texts that hold values of the environment.
    pub(super) from_env: Vec<FromEnv>,
}

impl Plan {
    /// The key of the folders that relative paths start from.
    pub const PATHS_FROM: &'static str = "paths_from";

    /// Reads a file and resolves it.
    ///
    /// # Errors
    /// All faults of the config, each with its place.
    pub fn load(
        path: &Path,
        overrides: &Overrides,
        extensions: &Extensions,
    ) -> Result<Self, ConfigError> {
        Self::resolve(&Spec::load(path, overrides), extensions)
    }

    /// Reads a text and resolves it; relative paths start from the current folder.
    ///
    /// # Errors
    /// All faults of the config, each with its place.
    pub fn parse(text: &str, extensions: &Extensions) -> Result<Self, ConfigError> {
        let spec = Spec::parse("config.toml", text, &Overrides::default());
        Self::resolve(&spec, extensions)
    }

    /// The same plan with `overrides` laid over it.
    ///
    /// # Errors
    /// All faults of the new plan.
    pub fn with(
        &self,
        overrides: &Overrides,
        extensions: &Extensions,
    ) -> Result<Self, ConfigError> {
        let spec = Spec::parse("plan.toml", &self.to_toml(), overrides).stored();
        let mut plan = Self::resolve(&spec, extensions)?;
        let laid_over = std::mem::replace(&mut plan.written, self.written.clone());
        plan.written.overrides.extend(laid_over.overrides);
        Ok(plan)
    }

    /// What a Spec means.
    ///
    /// # Errors
    /// All faults of the config, each with its place.
    pub fn resolve(spec: &Spec, extensions: &Extensions) -> Result<Self, ConfigError> {
        Resolver::new(spec, extensions).plan()
    }

    /// The whole plan as TOML, every default filled in; resolving it gives the same plan.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.to_table()).unwrap_or_default()
    }

    /// The same for a file in `folder`: relative paths start at the same place seen from there, so
    /// that both can be moved together, and else at the place's whole path.
    #[must_use]
    pub fn to_toml_in(&self, folder: &Path) -> String {
        let mut table = self.to_table();
        let near = self.folders.first().and_then(|base| relative(folder, base));
        if let (Some(toml::Value::Array(all)), Some(near)) = (table.get_mut(Self::PATHS_FROM), near)
        {
            all.insert(0, near.to_string_lossy().as_ref().into());
        }
        toml::to_string(&table).unwrap_or_default()
    }

    /// BLAKE3 over the plan, in hexadecimal: the experiment's name. Labels (`name`, `notes`, `tags`)
    /// and `threads` do not change results and are left out, and so are the folders that relative
    /// paths start from.
    #[must_use]
    pub fn hash(&self) -> String {
        hash(self.to_table())
    }

    /// The hash of the plan that this text is, as [`to_toml`](Self::to_toml) wrote it, without
    /// resolving it; `None` where it is no TOML.
    #[must_use]
    pub fn hash_of_text(text: &str) -> Option<String> {
        text.parse().ok().map(hash)
    }

    /// The plan as a TOML table.
    #[must_use]
    pub fn to_table(&self) -> toml::Table {
        let mut root = keys(&self.top);
        let names = self
            .metrics
            .iter()
            .map(|(name, _)| name.as_str().into())
            .collect();
        root.insert("metrics".into(), toml::Value::Array(names));
        if self.paths.iter().any(PathKey::is_relative) {
            let folders = self.folders.iter().map(|folder| folder.to_string_lossy());
            let folders = folders.map(|folder| toml::Value::from(folder.as_ref()));
            root.insert(
                Self::PATHS_FROM.into(),
                toml::Value::Array(folders.collect()),
            );
        }
        let mut put = |key: &str, table| root.insert(key.into(), toml::Value::Table(table));
        put("model", component(&self.model, &keys(&self.model_keys)));
        let mut dataset = component(&self.dataset, &keys(&self.dataset_keys));
        if !self.transforms.is_empty() {
            let none = toml::Table::new();
            let list = self
                .transforms
                .iter()
                .map(|t| component(t, &none).into())
                .collect();
            dataset.insert("transform".into(), toml::Value::Array(list));
        }
        put("dataset", dataset);
        put("loss", component(&self.loss, &toml::Table::new()));
        put(
            "optimizer",
            component(&self.optimizer, &keys(&self.optimizer_keys)),
        );
        put("train", keys(&self.train));
        put("checkpoint", keys(&self.checkpoint));
        if !self.schedule.is_empty() {
            let list = self
                .schedule
                .iter()
                .cloned()
                .map(toml::Value::Table)
                .collect();
            root.insert("schedule".into(), toml::Value::Array(list));
        }
        for path in &self.paths {
            if let Some(value) = value_at(&mut root, &parts(&path.key)) {
                *value = path.written.as_str().into();
            }
        }
        for text in &self.from_env {
            text.put_back(&mut root);
        }
        root
    }
}

impl Written {
    /// A plan that is all there is, as the file `plan.toml`.
    #[must_use]
    pub fn plan(plan: &Plan) -> Self {
        Self {
            files: vec![("plan.toml".into(), plan.to_toml())],
            overrides: Vec::new(),
        }
    }
}

/// A component's table: `type`, its own keys, the common keys.
fn component<T: ?Sized>(component: &Component<T>, common: &toml::Table) -> toml::Table {
    let mut table = toml::Table::new();
    table.insert("type".into(), component.kind.as_str().into());
    table.extend(component.keys.clone());
    table.extend(common.clone());
    table
}

/// BLAKE3 of a plan's table without its labels, and without keys that hold their old meaning.
fn hash(mut table: toml::Table) -> String {
    old_meaning::leave_out(&mut table, OLD_MEANINGS);
    for label in ["name", "notes", "tags", Plan::PATHS_FROM] {
        table.remove(label);
    }
    if let Some(toml::Value::Table(train)) = table.get_mut("train") {
        train.remove("threads");
    }
    let text = toml::to_string(&table).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn keys(keys: &impl serde::Serialize) -> toml::Table {
    toml::Table::try_from(keys).unwrap_or_default()
}
