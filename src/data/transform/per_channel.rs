//! One number for all channels, or a list with one for each.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use crate::error::KeyFault;

/// One number for all channels, or a list with one for each: `0.5` or `[0.49, 0.48, 0.45]`.
#[derive(Debug, Clone, PartialEq)]
pub enum PerChannel {
    /// The same for all.
    All(f64),
    /// One for each, in order.
    Each(Vec<f64>),
}

impl PerChannel {
    /// The numbers that were written.
    #[must_use]
    pub fn numbers(&self) -> &[f64] {
        match self {
            Self::All(number) => std::slice::from_ref(number),
            Self::Each(numbers) => numbers,
        }
    }

    /// The number for a channel.
    #[must_use]
    pub fn of(&self, channel: usize) -> f64 {
        match self {
            Self::All(number) => *number,
            Self::Each(numbers) => numbers[channel],
        }
    }

    /// A fault at `key` where a list is not as long as there are channels.
    pub(super) fn fits(&self, key: &str, channels: usize) -> Result<(), KeyFault> {
        match self {
            Self::Each(numbers) if numbers.len() != channels => Err(KeyFault::error(
                key,
                format!("`{}` numbers for `{channels}` channels", numbers.len()),
            )),
            _ => Ok(()),
        }
    }
}

impl Serialize for PerChannel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(number) => number.serialize(serializer),
            Self::Each(numbers) => numbers.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PerChannel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrList)
    }
}

struct NumberOrList;

impl<'de> Visitor<'de> for NumberOrList {
    type Value = PerChannel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a list of numbers")
    }

    fn visit_f64<E>(self, number: f64) -> Result<PerChannel, E> {
        Ok(PerChannel::All(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<PerChannel, E> {
        Ok(PerChannel::All(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<PerChannel, E> {
        Ok(PerChannel::All(number as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PerChannel, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = list.next_element()? {
            numbers.push(number);
        }
        Ok(PerChannel::Each(numbers))
    }
}

impl JsonSchema for PerChannel {
    fn schema_name() -> Cow<'static, str> {
        "PerChannel".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "number" },
                { "type": "array", "items": { "type": "number" }, "minItems": 1 }
            ]
        })
    }
}
