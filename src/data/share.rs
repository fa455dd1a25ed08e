//! How much of a dataset: `"10%"` or `"500 samples"`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A part of a dataset, as a share of its samples or as their number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// Percent of all samples (0–100), rounded to the nearest whole sample, at least one unless 0%.
    Percent(f64),
    /// A number of samples.
    Samples(u64),
}

impl Share {
    /// Returns how many of `samples` that is; may be more than there are.
    #[must_use]
    pub fn of(self, samples: usize) -> usize {
        match self {
            Self::Percent(0.0) => 0,
            Self::Percent(p) => ((samples as f64 * p / 100.0).round() as usize).max(1),
            Self::Samples(n) => usize::try_from(n).unwrap_or(usize::MAX),
        }
    }
}

/// Why a text is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// A number without a unit.
    #[error("`{0}` has no unit; hint: write \"{0}%\" or \"{0} samples\"")]
    NoUnit(String),
    /// Not a number of percent or samples.
    #[error("`{0}` is not a share of the data; hint: for example \"10%\" or \"500 samples\"")]
    Malformed(String),
    /// More than everything.
    #[error("`{0}` is not between 0% and 100%")]
    Percent(String),
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let text = text.trim();
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || "._+-".contains(c)))
            .unwrap_or(text.len());
        let (digits, unit) = (text[..end].replace('_', ""), text[end..].trim());
        let malformed = || ShareError::Malformed(text.into());
        let number: f64 = digits.parse().map_err(|_| malformed())?;
        match unit {
            "" => Err(ShareError::NoUnit(digits)),
            // The sum makes "-0%" the zero that it means.
            "%" if (0.0..=100.0).contains(&number) => Ok(Self::Percent(number + 0.0)),
            "%" => Err(ShareError::Percent(text.into())),
            "sample" | "samples" => digits.parse().map(Self::Samples).map_err(|_| malformed()),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(p) => write!(f, "{p}%"),
            Self::Samples(1) => f.write_str("1 sample"),
            Self::Samples(n) => write!(f, "{n} samples"),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "share", "examples": ["10%", "500 samples"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_prints_and_counts() {
        for (text, share, of_179) in [
            ("10%", Share::Percent(10.0), 18),
            ("12.5%", Share::Percent(12.5), 22),
            ("0%", Share::Percent(0.0), 0),
            ("0.1%", Share::Percent(0.1), 1),
            ("500 samples", Share::Samples(500), 500),
            ("1 sample", Share::Samples(1), 1),
        ] {
            assert_eq!(text.parse(), Ok(share));
            assert_eq!(share.to_string(), text);
            assert_eq!(share.of(179), of_179, "{text}");
        }
        for (text, plain) in [
            ("1 samples", "1 sample"),
            ("1_000 samples", "1000 samples"),
            (" 10 % ", "10%"),
            ("-0%", "0%"),
            ("100%", "100%"),
        ] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), plain, "{text}");
        }
    }

    /// A share is never more than a half sample from its percentage, and never nothing of something.
    #[test]
    fn small_shares_of_small_data_are_at_least_one() {
        for samples in 1..=60 {
            for tenths in 0..=1000 {
                let percent = f64::from(tenths) / 10.0;
                let found = Share::Percent(percent).of(samples);
                let exact = samples as f64 * percent / 100.0;
                let is_near = (found as f64 - exact).abs() <= 0.5;
                assert!(
                    is_near || (found == 1 && exact < 0.5),
                    "{percent}% of {samples}"
                );
                assert_eq!(found == 0, tenths == 0, "{percent}% of {samples}");
                assert!(found <= samples, "{percent}% of {samples}");
            }
        }
    }

    #[test]
    fn refuses_what_it_cannot_mean() {
        let message = |text: &str| text.parse::<Share>().unwrap_err().to_string();
        assert_eq!(
            message("10"),
            "`10` has no unit; hint: write \"10%\" or \"10 samples\""
        );
        assert_eq!(message("101%"), "`101%` is not between 0% and 100%");
        for text in [
            "",
            "%",
            "-1%",
            "1.5 samples",
            "-3 samples",
            "5 epochs",
            "1e3%",
            "99999999999999999999 samples",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
