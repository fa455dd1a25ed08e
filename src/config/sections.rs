//! The language as data: every table with its keys and components, from the same structs that read
//! a config. The reference, the JSON Schema and `explain` are made of it.

use serde_json::Value as Schema;

use super::{
    checkpoint::CheckpointKeys,
    extensions::Extensions,
    registry::{Registry, schema_of},
    top::{ModelKeys, Top},
    train::TrainKeys,
    validate::{allowed_names, first_sentence},
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
            "What is minimised. Default: `cross_entropy` for classification, `mse` for regression.",
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
        .map(|(name, _)| (name.clone(), "of this program".to_string()));
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

/// What a key takes, in words: `number ≥ 0`, `span`, `one of relu, gelu`.
#[must_use]
pub fn type_text(schema: &Schema) -> String {
    if let Some(names) = allowed_names(schema) {
        return format!("one of {}", names.join(", "));
    }
    if let Some(list) = schema["anyOf"].as_array() {
        let words: Vec<String> = list
            .iter()
            .filter(|s| s["type"] != "null")
            .map(type_text)
            .collect();
        return words.join(" or ");
    }
    let kind = match &schema["type"] {
        Schema::String(kind) => kind.as_str(),
        Schema::Array(kinds) => kinds
            .iter()
            .filter_map(Schema::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("any"),
        _ => "any",
    };
    let word = match kind {
        "string" if schema["format"] == "span" => "span".to_string(),
        "string" if schema["format"] == "path" => "path".to_string(),
        "array" => format!("list of {}", type_text(&schema["items"])),
        "object" => "table".to_string(),
        other => other.to_string(),
    };
    word + &bounds_text(schema)
}

fn bounds_text(schema: &Schema) -> String {
    let bound = |name: &str, sign: &str| {
        let limit = schema[name]
            .as_f64()
            .filter(|n| n.abs() < u32::MAX as f64)?;
        Some(format!("{sign} {limit}"))
    };
    let parts: Vec<String> = [
        bound("minimum", "≥"),
        bound("exclusiveMinimum", ">"),
        bound("maximum", "≤"),
        bound("exclusiveMaximum", "<"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" {}", parts.join(", "))
    }
}

/// A key's default as TOML; `required` where it has none and must be there.
#[must_use]
pub fn default_text(key: &str, schema: &Schema, table: &Schema) -> String {
    let required = table["required"].as_array();
    if required.is_some_and(|list| list.iter().any(|name| name == key)) {
        return "required".into();
    }
    match schema.get("default") {
        Some(Schema::Null) | None => String::new(),
        Some(value) => inline(value),
    }
}

/// A JSON value in TOML's inline form.
#[must_use]
pub fn inline(value: &Schema) -> String {
    match value {
        Schema::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(inline).collect::<Vec<_>>().join(", ")
            )
        }
        Schema::Object(table) => {
            let pairs: Vec<String> = table
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| format!("{key} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", ")).replace("{  }", "{}")
        }
        other => other.to_string(),
    }
}

/// An example of a key: its own, its default, else one that fits its type.
#[must_use]
pub fn example_text(key: &str, schema: &Schema) -> String {
    let value = match (schema["examples"].get(0), schema.get("default")) {
        (Some(example), _) => inline(example),
        (None, Some(default)) if !default.is_null() => inline(default),
        _ => made_up(schema),
    };
    format!("{key} = {value}")
}

fn made_up(schema: &Schema) -> String {
    if let Some(first) = allowed_names(schema).and_then(|names| names.first().copied()) {
        return format!("\"{first}\"");
    }
    if let Some(first) = schema["anyOf"].get(0) {
        return made_up(first);
    }
    match type_text(schema).split(' ').next().unwrap_or_default() {
        "span" => "\"5 epochs\"".into(),
        "path" => "\"data/file\"".into(),
        "string" => "\"text\"".into(),
        "boolean" => "true".into(),
        "list" => format!("[{}]", made_up(&schema["items"])),
        "table" => "{ }".into(),
        "integer" => schema["minimum"].as_i64().unwrap_or(1).max(1).to_string(),
        _ => "0.5".into(),
    }
}

/// One line about a component or key.
#[must_use]
pub fn about(schema: &Schema) -> String {
    first_sentence(schema)
}
