//! The language as data: every table with its keys and components, from the same structs that read
//! a config. The reference, the JSON Schema and `explain` are made of it.

use serde_json::Value as Schema;

use super::{
    checkpoint::CheckpointKeys,
    extensions::Extensions,
    registry::{Registry, schema_of},
    top::{ModelKeys, Top},
    train::TrainKeys,
};
use crate::{data::DatasetKeys, objective, optim::OptimizerKeys, schedule};

/// One table of the language.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its path: empty for the top, `model`, `dataset.transform`, `schedule`.
    pub path: &'static str,
    /// How it is written: `[model]`, `[[schedule]]`.
    pub header: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// What `trainer list` calls its components, where it has any.
    pub plural: Option<&'static str>,
    /// Keys that all its components share.
    pub common: Schema,
    /// Its components: `type` name and keys.
    pub kinds: Vec<(String, Schema)>,
}

/// All tables, in the order of the reference.
#[must_use]
pub fn sections(extensions: &Extensions) -> Vec<Section> {
    let section = |path, header, about, plural, common, kinds| Section {
        path,
        header,
        about,
        plural,
        common,
        kinds,
    };
    let none = || serde_json::json!({ "properties": {} });
    vec![
        section(
            "",
            "top level",
            "Keys before the first table.",
            None,
            schema_of::<Top>(),
            Vec::new(),
        ),
        section(
            "model",
            "[model]",
            "What is trained. Its input and output follow the data.",
            Some("models"),
            schema_of::<ModelKeys>(),
            kinds(&extensions.models),
        ),
        section(
            "dataset",
            "[dataset]",
            "What it is trained on, and how samples become batches.",
            Some("datasets"),
            schema_of::<DatasetKeys>(),
            kinds(&extensions.datasets),
        ),
        section(
            "dataset.transform",
            "[[dataset.transform]]",
            "What happens to a sample on its way into a batch, in order.",
            Some("transforms"),
            none(),
            kinds(&extensions.transforms),
        ),
        section(
            "loss",
            "[loss]",
            "What is minimised. Default: `cross_entropy` for classification, `bce` for several labels, `mse` for regression.",
            Some("losses"),
            none(),
            kinds(&extensions.losses),
        ),
        section(
            "optimizer",
            "[optimizer]",
            "How gradients become updates; `[[optimizer.group]]` for parameters of their own.",
            Some("optimizers"),
            schema_of::<OptimizerKeys>(),
            kinds(&extensions.optimizers),
        ),
        section(
            "schedule",
            "[[schedule]]",
            "How the learning rate (or another target) changes. Entries are chained in file order.",
            Some("schedules"),
            schema_of::<schedule::Keys>(),
            kinds(&extensions.schedules),
        ),
        section(
            "train",
            "[train]",
            "How long, and what happens around a step.",
            None,
            schema_of::<TrainKeys>(),
            Vec::new(),
        ),
        section(
            "checkpoint",
            "[checkpoint]",
            "What is kept of a run's states.",
            None,
            schema_of::<CheckpointKeys>(),
            Vec::new(),
        ),
    ]
}

/// Names and descriptions of the built-in metrics and a user's own.
#[must_use]
pub fn metrics(extensions: &Extensions) -> Vec<(String, String)> {
    let own = extensions
        .metrics
        .iter()
        .map(|(name, _)| (name.clone(), "A metric of this program.".to_string()));
    let built_in = objective::METRICS
        .iter()
        .map(|(name, about)| (name.to_string(), about.to_string()));
    built_in.chain(own).collect()
}

fn kinds<T: ?Sized + 'static>(registry: &Registry<T>) -> Vec<(String, Schema)> {
    registry
        .kinds()
        .map(|kind| (kind.name.clone(), kind.schema()))
        .collect()
}
