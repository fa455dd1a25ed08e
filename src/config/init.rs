//! `[model] init`: weights to start from, in a safetensors file of this disk or of the Hugging Face
//! hub, and what of them the model takes.

mod file;
mod fit;
mod hints;
mod hub;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use file::stored;
pub use fit::Fit;
pub use hub::HubFile;

use crate::{
    error::{Fault, KeyFault},
    layer::Architecture,
    suggest::did_you_mean,
};

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightFile {
    /// A file of this disk.
    Local(PathBuf),
    /// A file of the hub.
    Hub(HubFile),
}

impl WeightFile {
    fn read(text: &str) -> Result<Self, String> {
        match text.starts_with(HubFile::SCHEME) {
            true => text.parse().map(Self::Hub),
            false => Ok(Self::Local(text.into())),
        }
    }
}

impl fmt::Display for WeightFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Hub(file) => file.fmt(f),
        }
    }
}

/// Weights to start from, and how their names become the model's. In a config it is a path, or a
/// table of these keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Init {
    /// The file.
    pub source: WeightFile,
    /// Globs over the model's names: what matches keeps its first values, and is not looked for.
    pub skip: Vec<String>,
    /// Names of the file and the model's names for them; each may hold one `*`.
    pub rename: BTreeMap<String, String>,
    /// True where every name must be on both sides.
    pub strict: bool,
    /// The weights to take of a run with averages.
    pub weights: Option<Weights>,
}

/// The two weights of a run with averages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// The averages, which evaluations use.
    Average,
    /// The parameters that the optimizer moves.
    Parameters,
}

/// The table as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skip: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rename: BTreeMap<String, String>,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    strict: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weights: Option<Weights>,
}

/// A path alone, or the table.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Path(String),
    Keys(Keys),
}

impl Init {
    /// All of the file at `source`, under its own names.
    #[must_use]
    pub fn all(source: WeightFile) -> Self {
        Self {
            source,
            skip: Vec::new(),
            rename: BTreeMap::new(),
            strict: true,
            weights: None,
        }
    }

    /// Checks a text that names weights.
    ///
    /// # Errors
    /// Where it begins like an address of the hub and is none.
    pub fn check_source(text: &str) -> Result<(), String> {
        WeightFile::read(text).map(drop)
    }

    fn written(&self, path: String) -> Written {
        let keys = Keys {
            path,
            skip: self.skip.clone(),
            rename: self.rename.clone(),
            strict: self.strict,
            weights: self.weights,
        };
        let plain = keys.skip.is_empty() && keys.rename.is_empty() && keys.strict;
        match plain && keys.weights.is_none() {
            true => Written::Path(keys.path),
            false => Written::Keys(keys),
        }
    }

    /// The key as one would write it, for the weights that the config calls `path`.
    fn line(&self, path: &str) -> String {
        let value = serde_json::to_value(self.written(path.into())).unwrap_or_default();
        format!("init = {}", super::schema_text::inline(&value))
    }
}

impl Serialize for Init {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written(self.source.to_string()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Init {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |path: &str| WeightFile::read(path).map_err(serde::de::Error::custom);
        Ok(match Written::deserialize(deserializer)? {
            Written::Path(path) => Self::all(read(&path)?),
            Written::Keys(keys) => Self {
                source: read(&keys.path)?,
                skip: keys.skip,
                rename: keys.rename,
                strict: keys.strict,
                weights: keys.weights,
            },
        })
    }
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

/// The names that the tensors of a file would have in a model; none where the file cannot be read,
/// which [`compare`] tells.
pub(super) fn names(init: &Init) -> Vec<String> {
    match &init.source {
        WeightFile::Local(path) => {
            let found = stored(path).ok();
            let names = found.and_then(|found| fit::names(init, &found).ok());
            names.unwrap_or_default()
        }
        WeightFile::Hub(_) => Vec::new(),
    }
}

/// The schema of the key: a text, or the table.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "string", "format": "weights", "minLength": 1 },
        { "type": "object", "required": ["path"], "additionalProperties": false, "properties": {
            "path": {
                "type": "string", "format": "weights", "minLength": 1,
                "examples": ["weights/model.safetensors"],
                "description": "The weights, as the plain text names them.",
            },
            "skip": {
                "type": "array", "items": { "type": "string" }, "examples": [["out.*"]],
                "description": "Globs over the model's names. What matches is not taken from the file and keeps its first values: the last layer of a model with another number of outputs, say. Default: none.",
            },
            "rename": {
                "type": "object", "additionalProperties": { "type": "string" },
                "examples": [{ "module.*": "*" }],
                "description": "Names of the file, and the model's names for them. A `*` stands for the same text on both sides; of several that match a name, the longest counts. Default: none.",
            },
            "strict": {
                "type": "boolean", "default": true,
                "description": "Each name must be on both sides. With false, names that only the model has keep their first values, and names that only the file has are left out; shapes must fit all the same.",
            },
            "weights": {
                "enum": ["average", "parameters"],
                "description": "The weights to take of a run with `train.ema`: its averages, or the parameters that the optimizer moved. Default: the averages, where the file has some.",
            },
        } },
    ] })
}

/// Looks at the header of the file at `path` and says what of it the model takes; `written` is its
/// name in the config, `shown` the path as messages have it.
///
/// # Errors
/// A file that cannot be read, or does not fit the model.
pub fn compare(
    init: &Init,
    path: &Path,
    (written, shown): (&str, &str),
    model: &Architecture,
) -> Result<Fit, KeyFault> {
    let found = stored(path).map_err(|Fault { message, hint }| {
        let near = match path.exists() {
            true => None,
            false => super::paths::similar(path, written),
        };
        let near = near.map(did_you_mean);
        let plain = "a safetensors file, such as the `model.safetensors` of a checkpoint";
        KeyFault::error("init", format!("cannot start from `{shown}`: {message}"))
            .hint(near.or(hint).unwrap_or_else(|| plain.into()))
    })?;
    Fit::new(init, &found, model, written).map_err(|fault| {
        let key = match fault.key.as_str() {
            "" => "init".to_string(),
            key => format!("init.{key}"),
        };
        let message = format!("`{shown}` does not fit the model: {}", fault.message);
        let message = if fault.key.is_empty() {
            message
        } else {
            fault.message
        };
        KeyFault {
            key,
            message,
            ..fault
        }
    })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod written_tests {
    use super::*;

    fn read(text: &str) -> Init {
        let table: toml::Table = text.parse().unwrap();
        table["init"].clone().try_into().unwrap()
    }

    #[test]
    fn a_text_and_a_table_are_written_as_they_were_read() {
        for text in [
            "init = \"a/b.safetensors\"",
            "init = \"hf://me/net/m.safetensors\"",
            "init = { path = \"m.safetensors\", rename = { \"module.*\" = \"*\" }, skip = [\"out.*\"], strict = false, weights = \"parameters\" }",
        ] {
            let init = read(text);
            assert_eq!(
                read(&format!("init = {}", toml::Value::try_from(&init).unwrap())),
                init
            );
            assert_eq!(read(&init.line(&init.source.to_string())), init);
        }
        assert!(read("init = { path = \"a\" }") == read("init = \"a\""));
    }
}
