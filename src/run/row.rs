//! One line of `metrics.jsonl`.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use crate::number;

/// One object of `metrics.jsonl`: what happened when, and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Position in the log, from 0, without gaps.
    pub seq: u64,
    /// Which attempt at the run wrote it, from 1.
    pub attempt: u32,
    /// `step`, `epoch`, `eval`, `checkpoint` or `warning`.
    pub kind: String,
    /// Optimizer updates done (1 after the first).
    pub step: u64,
    /// Epochs done, as a fraction; of an `epoch` row so also its number, from 1.
    pub epoch: f64,
    /// When it was written: RFC 3339, UTC, milliseconds.
    pub time: String,
    /// Everything else in it, by key.
    pub values: BTreeMap<String, Value>,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number; those that are not finite are read back from their strings.
    Number(f64),
    /// A text.
    Text(String),
}

impl Row {
    /// The number at `key`, if there is one; `step` and `epoch` are keys too.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<f64> {
        match (key, self.values.get(key)) {
            ("step", _) => Some(self.step as f64),
            ("epoch", _) => Some(self.epoch),
            (_, Some(Value::Number(number))) => Some(*number),
            _ => None,
        }
    }

    /// The text at `key`, if there is one.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A number where it is one; a text quoted by nobody.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => match number::name(*number) {
                Some(name) => f.write_str(name),
                None => write!(f, "{number}"),
            },
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number::serialize(number, serializer),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Value;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a string")
            }
            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Number(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Number(value as f64))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Number(value as f64))
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(number::named(value).map_or_else(|| Value::Text(value.into()), Value::Number))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            seq,
            attempt,
            step,
            epoch,
            ..
        } = *self;
        let values = self.values.iter().map(|(key, value)| (key.as_str(), value));
        Line {
            seq,
            attempt,
            kind: &self.kind,
            step,
            epoch,
            time: &self.time,
            values,
        }
        .serialize(serializer)
    }
}

/// A row as it is written: keys in the order of the fields, an epoch row's epoch as a whole number.
pub struct Line<'a, I> {
    /// See [`Row`].
    pub seq: u64,
    /// See [`Row`].
    pub attempt: u32,
    /// See [`Row`].
    pub kind: &'a str,
    /// See [`Row`].
    pub step: u64,
    /// See [`Row`].
    pub epoch: f64,
    /// See [`Row`].
    pub time: &'a str,
    /// See [`Row`].
    pub values: I,
}

impl<'a, I: Iterator<Item = (&'a str, &'a Value)> + Clone> Serialize for Line<'a, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("attempt", &self.attempt)?;
        map.serialize_entry("kind", self.kind)?;
        map.serialize_entry("step", &self.step)?;
        if self.kind == "epoch" && self.epoch >= 0.0 && self.epoch.fract() == 0.0 {
            map.serialize_entry("epoch", &(self.epoch as u64))?;
        } else {
            map.serialize_entry("epoch", &Value::Number(self.epoch))?;
        }
        map.serialize_entry("time", self.time)?;
        for (key, value) in self.values.clone() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Refuses a row that lacks one of the six fields or has a key twice.
impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> de::Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with seq, attempt, kind, step, epoch and time")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let (mut seq, mut attempt, mut kind, mut step, mut epoch, mut time) =
            (None, None, None, None, None, None);
        let mut values = BTreeMap::new();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let twice = match key.as_ref() {
                "seq" => seq.replace(map.next_value()?).is_some(),
                "attempt" => attempt.replace(map.next_value()?).is_some(),
                "kind" => kind.replace(map.next_value()?).is_some(),
                "step" => step.replace(map.next_value()?).is_some(),
                "epoch" => epoch.replace(map.next_value()?).is_some(),
                "time" => time.replace(map.next_value()?).is_some(),
                _ => values.insert(key.to_string(), map.next_value()?).is_some(),
            };
            if twice {
                return Err(de::Error::custom(format_args!("key `{key}` twice")));
            }
        }
        let missing = de::Error::missing_field;
        let Value::Number(epoch) = epoch.ok_or_else(|| missing("epoch"))? else {
            return Err(de::Error::custom("`epoch` is not a number"));
        };
        Ok(Row {
            seq: seq.ok_or_else(|| missing("seq"))?,
            attempt: attempt.ok_or_else(|| missing("attempt"))?,
            kind: kind.ok_or_else(|| missing("kind"))?,
            step: step.ok_or_else(|| missing("step"))?,
            epoch,
            time: time.ok_or_else(|| missing("time"))?,
            values,
        })
    }
}
