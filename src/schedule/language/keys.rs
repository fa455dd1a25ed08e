//! The keys that every `[[schedule]]` has, whatever its type.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{period_fault, span_fault};
use crate::{
    error::KeyFault,
    schedule::{Every, Include, Past, Target},
    units::Span,
};

/// Keys that all schedules share: how long a phase runs, where it starts and ends, what it moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Length of the phase: epochs, steps, evals, % of the horizon, or "rest" (what the chain's other
    /// phases leave). Default "rest"; only one phase of a chain can take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#for: Option<Span>,
    /// Length of the curve, where it is not the length of the phase. Default: that of the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
    /// Behaviour beyond `over`. Default "clamp".
    #[serde(default)]
    pub past: Past,
    /// End points of the curve that are executed. Default "start"; "end" for warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Include>,
    /// Interval between changes of the value. Default "step".
    #[serde(default)]
    pub every: Every,
    /// Start of the curve: a factor of the base, "carry" (the previous phase's end), "base" (the base itself)
    /// or "last" (the last executed value). Default "carry", which is the base for a chain's first phase; 0 for warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// Start of the curve, in the target's own unit. At least 0. Instead of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub from_value: Option<f64>,
    /// End of the curve: a factor of the base. At least 0. Default 0; 1 for warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub to: Option<f64>,
    /// End of the curve, in the target's own unit. At least 0. Instead of `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub to_value: Option<f64>,
    /// Smallest result while the phase runs: a factor of the base. At least 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub floor: Option<f64>,
    /// Smallest result while the phase runs, in the target's own unit. At least 0. Instead of `floor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub floor_value: Option<f64>,
    /// Largest result while the phase runs: a factor of the base. At least 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub ceil: Option<f64>,
    /// Largest result while the phase runs, in the target's own unit. At least 0. Instead of `ceil`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub ceil_value: Option<f64>,
    /// Factors that multiply this phase: tables with a `type`, its own keys, and `from`, `to`, `over`, `past`, `include`,
    /// on the phase's local clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [[{ "type": "cosine", "to": 0.1 }]]))]
    pub times: Vec<Map<String, Value>>,
    /// Name of the chain's track; chains on different tracks multiply. Default "main".
    #[serde(default = "main_track")]
    pub track: String,
    /// Value that the schedule moves. Default "lr".
    #[serde(default)]
    pub target: Target,
    /// Parameter groups: names, or globs over parameter names in which `*` crosses dots. Default: all.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Keys of one factor in `times`: numbers only, since a factor has no base of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorKeys {
    /// Length of the curve. Default: the length of the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
    /// Behaviour beyond `over`. Default "clamp".
    #[serde(default)]
    pub past: Past,
    /// End points of the curve that are executed. Default "start"; "end" for warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Include>,
    /// The factor at the start. At least 0. Default 1; 0 for warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub from: Option<f64>,
    /// The factor at the end. At least 0. Default 0; 1 for warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub to: Option<f64>,
}

fn main_track() -> String {
    "main".into()
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            r#for: None,
            over: None,
            past: Past::default(),
            include: None,
            every: Every::default(),
            from: None,
            from_value: None,
            to: None,
            to_value: None,
            floor: None,
            floor_value: None,
            ceil: None,
            ceil_value: None,
            times: Vec::new(),
            track: main_track(),
            target: Target::default(),
            groups: Vec::new(),
        }
    }
}

impl Keys {
    /// Faults that show without knowing the length of the run.
    #[must_use]
    pub fn check(&self) -> Vec<KeyFault> {
        let from = match self.from {
            Some(Origin::Factor(factor)) => Some(factor),
            _ => None,
        };
        let numbers = [
            ("from", from),
            ("from_value", self.from_value),
            ("to", self.to),
            ("to_value", self.to_value),
            ("floor", self.floor),
            ("floor_value", self.floor_value),
            ("ceil", self.ceil),
            ("ceil_value", self.ceil_value),
        ];
        let pairs = [
            ("from", self.from.is_some(), self.from_value.is_some()),
            ("to", self.to.is_some(), self.to_value.is_some()),
            ("floor", self.floor.is_some(), self.floor_value.is_some()),
            ("ceil", self.ceil.is_some(), self.ceil_value.is_some()),
        ];
        let length = match self.r#for {
            None | Some(Span::Rest) => None,
            Some(span) => span_fault("for", span),
        };
        numbers
            .into_iter()
            .filter_map(|(key, number)| number_fault(key, number?))
            .chain(
                pairs
                    .into_iter()
                    .filter(|(_, factor, value)| *factor && *value)
                    .map(|(key, ..)| pair_fault(key)),
            )
            .chain(length)
            .chain(self.groups_fault())
            .chain(self.over.and_then(|span| period_fault("over", span)))
            .collect()
    }

    /// The fault of groups for a target that is one number for all of them.
    fn groups_fault(&self) -> Option<KeyFault> {
        let single = matches!(self.target, Target::ClipNorm | Target::EmaDecay);
        let message = format!("`{}` is one number for all parameters", self.target);
        (single && !self.groups.is_empty())
            .then(|| KeyFault::error("groups", message).hint("leave `groups` out"))
    }

    /// Whether the entry names anything in the target's own unit.
    #[must_use]
    pub fn absolute(&self) -> bool {
        [
            self.from_value,
            self.to_value,
            self.floor_value,
            self.ceil_value,
        ]
        .iter()
        .any(Option::is_some)
    }
}

impl FactorKeys {
    /// Faults that show without knowing the length of the run.
    #[must_use]
    pub fn check(&self) -> Vec<KeyFault> {
        [("from", self.from), ("to", self.to)]
            .into_iter()
            .filter_map(|(key, number)| number_fault(key, number?))
            .chain(self.over.and_then(|span| period_fault("over", span)))
            .collect()
    }
}

fn number_fault(key: &str, number: f64) -> Option<KeyFault> {
    let what = if !number.is_finite() {
        "is not a finite number"
    } else if number < 0.0 {
        "is negative"
    } else {
        return None;
    };
    Some(KeyFault::error(key, format!("`{number}` {what}")))
}

fn pair_fault(key: &str) -> KeyFault {
    KeyFault::error(
        format!("{key}_value"),
        format!("`{key}` and `{key}_value` exclude each other"),
    )
    .hint(format!(
        "`{key}` is a factor of the base, `{key}_value` an absolute value; keep one of them"
    ))
}

/// Where a phase starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin {
    /// The previous phase's value at its end point; the base for the first phase.
    Carry,
    /// The base itself, as PyTorch's restarts do.
    Base,
    /// The last executed value; the base for the first phase.
    Last,
    /// A factor of the base.
    Factor(f64),
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Carry => serializer.serialize_str("carry"),
            Self::Base => serializer.serialize_str("base"),
            Self::Last => serializer.serialize_str("last"),
            Self::Factor(factor) => serializer.serialize_f64(factor),
        }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OriginVisitor)
    }
}

struct OriginVisitor;

impl de::Visitor<'_> for OriginVisitor {
    type Value = Origin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a factor, \"carry\", \"base\" or \"last\"")
    }
    fn visit_str<E: de::Error>(self, name: &str) -> Result<Origin, E> {
        match name {
            "carry" => Ok(Origin::Carry),
            "base" => Ok(Origin::Base),
            "last" => Ok(Origin::Last),
            _ => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
        }
    }
    fn visit_f64<E>(self, factor: f64) -> Result<Origin, E> {
        Ok(Origin::Factor(factor))
    }
    fn visit_i64<E>(self, factor: i64) -> Result<Origin, E> {
        Ok(Origin::Factor(factor as f64))
    }
    fn visit_u64<E>(self, factor: u64) -> Result<Origin, E> {
        Ok(Origin::Factor(factor as f64))
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "enum": ["carry", "base", "last"] },
            { "type": "number", "minimum": 0.0 },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Keys {
        toml::from_str(text).expect(text)
    }

    fn faults(text: &str) -> Vec<String> {
        read(text).check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn from_is_a_name_or_a_factor() {
        for (text, origin) in [
            ("from = \"carry\"", Origin::Carry),
            ("from = \"base\"", Origin::Base),
            ("from = \"last\"", Origin::Last),
            ("from = 0.5", Origin::Factor(0.5)),
            ("from = 1", Origin::Factor(1.0)),
        ] {
            assert_eq!(read(text).from, Some(origin));
        }
        let error = toml::from_str::<Keys>("from = \"bass\"").map_err(|e| e.message().to_string());
        assert_eq!(
            error,
            Err(
                "invalid value: string \"bass\", expected a factor, \"carry\", \"base\" or \"last\""
                    .into()
            )
        );
    }

    #[test]
    fn a_complete_table_reads_back_the_same() {
        let keys = read(
            r#"
            for = "5 epochs"
            over = "10%"
            past = "mirror"
            include = "both"
            every = "epoch"
            from = "last"
            to_value = 1e-6
            floor = 0.01
            groups = ["backbone.*"]
            times = [{ type = "cosine", to = 0.5 }]
            "#,
        );
        let written = toml::to_string(&keys).expect("keys are plain TOML");
        assert_eq!(read(&written), keys, "{written}");
        let defaults = toml::to_string(&Keys::default()).expect("keys are plain TOML");
        assert_eq!(
            defaults,
            "past = \"clamp\"\nevery = \"step\"\ntrack = \"main\"\ntarget = \"lr\"\ngroups = []\n"
        );
        assert_eq!(read(""), Keys::default());
    }

    #[test]
    fn every_bad_number_is_found() {
        assert_eq!(
            faults("from = nan\nto = -1.0\nfloor = inf"),
            [
                "`from`: `NaN` is not a finite number",
                "`to`: `-1` is negative",
                "`floor`: `inf` is not a finite number"
            ]
        );
    }

    #[test]
    fn a_factor_and_a_value_exclude_each_other() {
        assert_eq!(
            faults("to = 0.1\nto_value = 1e-6"),
            [
                "`to_value`: `to` and `to_value` exclude each other; hint: `to` is a factor of the base, `to_value` an absolute value; keep one of them"
            ]
        );
        assert_eq!(faults("from = \"base\"\nfrom_value = 1e-6").len(), 1);
    }

    #[test]
    fn lengths_are_training_time() {
        assert_eq!(
            faults("for = \"30 min\""),
            [
                "`for`: `1800 s` is wall-clock time, which a reproducible schedule cannot follow; hint: use epochs, steps, % or evals"
            ]
        );
        assert_eq!(
            faults("over = \"rest\""),
            ["`over`: `rest` is not a length here; hint: use epochs, steps, % or evals"]
        );
        assert_eq!(faults("for = \"0 epochs\"").len(), 0);
        assert_eq!(faults("over = \"0 steps\"").len(), 1);
    }
}
