//! Numbers as JSON: finite ones as numbers, the others as the strings `"NaN"`, `"Infinity"` and
//! `"-Infinity"`, so that every line stays JSON and every value comes back as it was.
//!
//! Use with `#[serde(with = "number")]` on an `f64` and `#[serde(with = "number::map")]` on
//! numbers by name.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Writes one number.
///
/// # Errors
/// As the serializer.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match name(*value) {
        Some(name) => serializer.serialize_str(name),
        None => serializer.serialize_f64(*value),
    }
}

/// Reads one number.
///
/// # Errors
/// What is neither a number nor the name of one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Number::deserialize(deserializer)?.0)
}

/// Returns the string that stands for a number that is not finite.
#[must_use]
pub fn name(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("Infinity")
    } else if value == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

/// Returns the number that a string stands for.
#[must_use]
pub fn named(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A number that may be written as a string.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = f64;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
                Ok(value)
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
                Ok(value as f64)
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
                Ok(value as f64)
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<f64, E> {
                named(value)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(value), &self))
            }
        }
        deserializer.deserialize_any(Visitor).map(Number)
    }
}

/// Numbers by name.
pub mod map {
    use super::{BTreeMap, Cow, Deserialize, Deserializer, Number, Serializer};

    /// Writes the numbers in order of their names.
    ///
    /// # Errors
    /// As the serializer.
    pub fn serialize<S: Serializer>(
        values: &BTreeMap<String, f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(values.iter().map(|(name, value)| (name, Number(*value))))
    }

    /// Reads the numbers.
    ///
    /// # Errors
    /// What is no map, or has a value that is no number.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, f64>, D::Error> {
        let values = BTreeMap::<Cow<'de, str>, Number>::deserialize(deserializer)?;
        Ok(values
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value.0))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "super::map")]
        many: BTreeMap<String, f64>,
    }

    #[test]
    fn every_number_comes_back_with_its_bits() {
        let numbers = [
            0.1,
            -0.0,
            5e-324,
            f64::MAX,
            1.0 / 3.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            3.0,
        ];
        for one in numbers {
            let many = BTreeMap::from([("val/loss".into(), one)]);
            let text = serde_json::to_string(&Holder { one, many }).unwrap();
            let back: Holder = serde_json::from_str(&text).unwrap();
            assert_eq!(back.one.to_bits(), one.to_bits(), "{text}");
            assert_eq!(back.many["val/loss"].to_bits(), one.to_bits(), "{text}");
            let tree: serde_json::Value = serde_json::from_str(&text).unwrap();
            let back: Holder = serde_json::from_value(tree).unwrap();
            assert_eq!(back.one.to_bits(), one.to_bits(), "{text} as a value");
        }
    }

    #[test]
    fn other_strings_are_no_numbers() {
        let message = serde_json::from_str::<Holder>(r#"{"one":"nan","many":{}}"#)
            .err()
            .unwrap()
            .to_string();
        assert!(message.contains("expected a number"), "{message}");
    }
}
