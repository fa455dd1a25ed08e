//! One factor for all layers, or a list with one for each.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use crate::error::KeyFault;

/// One factor for all layers, or a list with one for each: `2` or `[1, 2]`. Each is 1 to 256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factors {
    /// The same for all.
    All(usize),
    /// One for each, in order.
    Each(Vec<usize>),
}

impl Factors {
    /// The factor of the `i`-th layer; 1 where the list is too short.
    #[must_use]
    pub fn of(&self, i: usize) -> usize {
        match self {
            Self::All(factor) => *factor,
            Self::Each(factors) => factors.get(i).copied().unwrap_or(1),
        }
    }

    /// A fault at `key` where a list is not as long as there are `layers`.
    pub(super) fn fits(&self, key: &str, layers: usize, what: &str) -> Option<KeyFault> {
        match self {
            Self::Each(factors) if factors.len() != layers => {
                let message = format!("`{}` factors for `{layers}` {what}", factors.len());
                let hint = "one for each, or a number for all; 1 is none";
                Some(KeyFault::error(key, message).hint(hint))
            }
            _ => None,
        }
    }

    /// Where the factor of the `i`-th layer is written, below `key`.
    pub(super) fn path(&self, key: &str, i: usize) -> String {
        match self {
            Self::All(_) => key.to_owned(),
            Self::Each(_) => format!("{key}[{i}]"),
        }
    }
}

impl Serialize for Factors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(factor) => factor.serialize(serializer),
            Self::Each(factors) => factors.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Factors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FactorOrList)
    }
}

struct FactorOrList;

impl<'de> Visitor<'de> for FactorOrList {
    type Value = Factors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or a list of whole numbers")
    }

    fn visit_i64<E: Error>(self, factor: i64) -> Result<Factors, E> {
        usize::try_from(factor).map(Factors::All).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, factor: u64) -> Result<Factors, E> {
        usize::try_from(factor).map(Factors::All).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Factors, A::Error> {
        let mut factors = Vec::new();
        while let Some(factor) = list.next_element()? {
            factors.push(factor);
        }
        Ok(Factors::Each(factors))
    }
}

impl JsonSchema for Factors {
    fn schema_name() -> Cow<'static, str> {
        "Factors".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let factor = serde_json::json!({ "type": "integer", "minimum": 1, "maximum": 256 });
        json_schema!({
            "anyOf": [factor.clone(), { "type": "array", "items": factor, "minItems": 1 }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Table {
        pool: Factors,
    }

    #[test]
    fn a_number_or_a_list_comes_back_as_it_was_written() {
        for (text, factors) in [
            ("pool = 3\n", Factors::All(3)),
            ("pool = [1, 2]\n", Factors::Each(vec![1, 2])),
        ] {
            let table: Table = toml::from_str(text).unwrap();
            assert_eq!(table.pool, factors);
            assert_eq!(toml::to_string(&table).unwrap(), text);
        }
        assert!(toml::from_str::<Table>("pool = -1").is_err());
        assert!(toml::from_str::<Table>("pool = \"2\"").is_err());
    }

    #[test]
    fn each_layer_has_its_factor() {
        assert_eq!(Factors::All(2).of(7), 2);
        let each = Factors::Each(vec![1, 4]);
        assert_eq!((each.of(0), each.of(1), each.of(2)), (1, 4, 1));
        assert_eq!(each.fits("pool", 2, "convolutions"), None);
        assert_eq!(
            each.fits("pool", 3, "convolutions").unwrap().to_string(),
            "`pool`: `2` factors for `3` convolutions; hint: one for each, or a number for all; \
             1 is none"
        );
    }
}
