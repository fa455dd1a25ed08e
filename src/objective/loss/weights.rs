//! Weights of classes or labels: written down, or taken from the training split.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Weights of a loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Weights {
    /// Those that make every class count the same in the training split.
    Balanced(Balanced),
    /// These; none for 1 each.
    Each(Vec<f64>),
}

/// `"balanced"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balanced {
    /// The only name there is.
    Balanced,
}

impl Weights {
    /// `"balanced"`.
    pub const BALANCED: Self = Self::Balanced(Balanced::Balanced);

    /// The weights that are written down; none before balanced ones are known.
    pub(super) fn each(&self) -> &[f64] {
        match self {
            Self::Balanced(_) => &[],
            Self::Each(weights) => weights,
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl JsonSchema for Weights {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Weights".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "array", "items": { "type": "number", "minimum": 0.0 } },
            { "enum": ["balanced"] },
        ] })
    }
}

/// Weights above 0.
pub(super) fn above_zero(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "array", "items": { "type": "number", "exclusiveMinimum": 0.0 } },
        { "enum": ["balanced"] },
    ] })
}

/// The targets of the training split, from which balanced weights are made.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainTargets {
    /// Number of samples, or of their tokens, in each class, with the classes' names.
    Classes(Vec<u64>, Vec<String>),
    /// The sum of the targets of each output, over so many samples.
    Values(Vec<f64>, u64),
}
