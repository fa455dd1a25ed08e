//! The keys at the top of a file.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    init::{self, Init},
    start::StartKeys,
};
use crate::{candle::Proof, objective::MetricEntry};

/// The keys before the first table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// Name of the experiment; run directories begin with it. Default: the file's name.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"digits-poly")]
    pub name: String,
    /// Seed of every random stream: init, shuffle, split, dropout, augmentation. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0), example = 42)]
    pub seed: u64,
    /// Device to train on: `auto`, `cpu`, `cuda`, `cuda:N` or `metal`. `auto` takes the first
    /// accelerator that this build and this machine have. Default `auto`.
    #[serde(default = "auto")]
    #[schemars(example = &"cpu")]
    pub device: String,
    /// Free text, kept with the run.
    #[schemars(example = &"a smaller hidden layer")]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// Labels, kept with the run; `trainer ls --tag` filters by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["baseline"])]
    pub tags: Vec<String>,
    /// Files that this one builds on: a path or a list, relative to this file. Tables merge, arrays
    /// and scalars replace.
    #[serde(default, skip_serializing)]
    pub extends: Option<Extends>,
    /// Folders that relative paths in this file start from, relative to this file: a folder or a
    /// list, of which the first that has the file counts. Default: the file's own folder. A stored
    /// plan names the folder of its config here.
    #[serde(default, skip_serializing)]
    pub paths_from: Option<PathsFrom>,
    /// Metrics of every evaluation: names, or tables with keys. Default: what fits the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!(["accuracy", { "type": "f1", "average": "weighted" }]))]
    pub metrics: Option<Vec<MetricEntry>>,
}

/// One base file or several; read before anything else, so never seen here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Extends {}

impl JsonSchema for Extends {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Extends".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "format": "path" },
            { "type": "array", "items": { "type": "string", "format": "path" } },
        ], "examples": ["base.toml"] })
    }
}

/// One folder or several; read with the file, so never seen here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PathsFrom {}

impl JsonSchema for PathsFrom {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PathsFrom".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "format": "path" },
            { "type": "array", "items": { "type": "string", "format": "path" } },
        ], "examples": [".."] })
    }
}

/// Common keys of `[model]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelKeys {
    /// Weights to start from: a safetensors file; a run, by id, name or `last`, for its newest
    /// checkpoint, or `RUN@best` or `RUN@STEP`; the folder of a run or checkpoint; or a file of the
    /// Hugging Face hub, `hf://owner/repo/file.safetensors`, of a branch, tag or commit with
    /// `hf://owner/repo@revision/file.safetensors`. Names and shapes must be the model's; the table
    /// with `path` says otherwise. Of a run with `train.ema` the averages are taken. F16, BF16 and
    /// F64 become F32. The plan records the file that a run stood for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "init::schema", example = &"weights/model.safetensors")]
    pub init: Option<Init>,
    /// Globs over parameter names; what matches keeps its values, bit for bit: no gradient, no
    /// decay, no optimizer state. A batch norm whose weight and bias are both frozen, here, by a
    /// group or by a learning rate of 0, keeps its running statistics, too: see
    /// `freeze_statistics`. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["*norm*"])]
    pub freeze: Vec<String>,
    /// A frozen batch norm keeps its running statistics and normalises by them in training, as in
    /// Keras, or as with `BatchNorm2d.eval()` in PyTorch. With false it normalises by its batches and the
    /// statistics follow these, as in PyTorch where only `requires_grad` is off. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = false)]
    pub freeze_statistics: Option<bool>,
    /// First values for parameters by name, in place of the model's own; of two entries that match a
    /// parameter the later one counts. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!([{ "match": "*.weight", "normal": 0.02 }]))]
    pub start: Vec<StartKeys>,
    /// Proofs that a model written for candle_nn need not pass before its first update; docs/candle.md
    /// lists them. With `no_gradient`, parameters that get no gradient keep their values.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["still_statistics"])]
    pub allow: Vec<Proof>,
    /// Names of tensors that the constructor of a model written for candle_nn finds where it looks
    /// for them, with `vb.contains_tensor`. Default: those of the file of `init`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["lm_head.weight"])]
    pub found: Option<Vec<String>>,
}

fn auto() -> String {
    "auto".into()
}
