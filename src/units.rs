//! Quantities with a unit: spans of training time and file paths, as the config writes them.

use std::{
    borrow::Cow,
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A stretch of training with its unit: `"5 epochs"`, `"500 steps"`, `"10%"`, `"rest"`,
/// `"3 evals"`, `"30 min"`. One step is one applied optimizer update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// Passes over the training split; fractions allowed.
    Epochs(f64),
    /// Applied optimizer updates.
    Steps(u64),
    /// A share of the whole, in percent (0–100).
    Percent(f64),
    /// Evaluations; each stands for the steps between two of them.
    Evals(u64),
    /// Wall-clock seconds.
    Seconds(f64),
    /// What is left.
    Rest,
}

/// What turns spans into steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Optimizer updates in one epoch; at least 1.
    pub steps_per_epoch: u64,
    /// Updates that a percentage refers to.
    pub whole: u64,
    /// Updates between two evaluations.
    pub steps_per_eval: u64,
}

impl Span {
    /// Is true of a stretch of length zero.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match *self {
            Self::Epochs(n) | Self::Percent(n) | Self::Seconds(n) => n <= 0.0,
            Self::Steps(n) | Self::Evals(n) => n == 0,
            Self::Rest => false,
        }
    }

    /// The span in steps, not yet rounded; `None` for `rest` and for wall-clock time.
    #[must_use]
    pub fn steps(&self, clock: &Clock) -> Option<f64> {
        match *self {
            Self::Epochs(n) => Some(n * clock.steps_per_epoch as f64),
            Self::Steps(n) => Some(n as f64),
            Self::Percent(n) => Some(n / 100.0 * clock.whole as f64),
            Self::Evals(n) => Some(n as f64 * clock.steps_per_eval as f64),
            Self::Seconds(_) | Self::Rest => None,
        }
    }
}

/// Why a text is not a span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// A number without a unit.
    #[error("`{0}` has no unit; hint: write \"{0} epochs\" or \"{0} steps\"")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("unknown unit `{0}`; hint: one of epochs, steps, %, evals, s, min, h, or \"rest\"")]
    Unit(String),
    /// Not a number, negative or not finite.
    #[error(
        "`{0}` is not a span; hint: for example \"5 epochs\", \"500 steps\", \"10%\" or \"rest\""
    )]
    Number(String),
    /// A fraction of something counted in whole numbers.
    #[error("`{0}` must be a whole number of {1}")]
    Whole(String, &'static str),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let text = text.trim();
        if text == "rest" {
            return Ok(Self::Rest);
        }
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || "._+-".contains(c)))
            .unwrap_or(text.len());
        let (digits, unit) = (text[..end].replace('_', ""), text[end..].trim());
        let number: f64 = digits.parse().map_err(|_| SpanError::Number(text.into()))?;
        if !number.is_finite() || number < 0.0 {
            return Err(SpanError::Number(text.into()));
        }
        let whole = |what| {
            if number.fract() == 0.0 && number <= 2f64.powi(53) {
                Ok(number as u64)
            } else {
                Err(SpanError::Whole(digits.clone(), what))
            }
        };
        match unit {
            "" => Err(SpanError::NoUnit(digits)),
            "epoch" | "epochs" => Ok(Self::Epochs(number)),
            "step" | "steps" => Ok(Self::Steps(whole("steps")?)),
            "%" => Ok(Self::Percent(number)),
            "eval" | "evals" => Ok(Self::Evals(whole("evals")?)),
            "s" | "sec" | "second" | "seconds" => Ok(Self::Seconds(number)),
            "min" | "minute" | "minutes" => Ok(Self::Seconds(number * 60.0)),
            "h" | "hour" | "hours" => Ok(Self::Seconds(number * 3600.0)),
            other => Err(SpanError::Unit(other.into())),
        }
    }
}

/// A number of things: `1 step`, `2 steps`, `3 batches`, `4 entries`. The noun is in the singular.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let stem = noun.strip_suffix('y').filter(|_| !noun.ends_with("ay"));
    match (count, stem) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ if noun.ends_with(['s', 'x', 'h']) => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

/// The first few names in backticks, and how many more there are.
#[must_use]
pub fn first_few(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A number of things that may be a fraction: `1 step`, `2.5 steps`. The noun takes an `s`.
#[must_use]
pub fn number_of(number: f64, noun: &str) -> String {
    match number {
        1.0 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Epochs(n) => f.write_str(&number_of(n, "epoch")),
            Self::Steps(n) => f.write_str(&counted(n, "step")),
            Self::Percent(n) => write!(f, "{n}%"),
            Self::Evals(n) => f.write_str(&counted(n, "eval")),
            Self::Seconds(n) => write!(f, "{n} s"),
            Self::Rest => f.write_str("rest"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "format": "span", "examples": ["5 epochs", "500 steps", "10%"],
            "pattern": r"^\s*(rest|[0-9._]+\s*(%|epochs?|steps?|evals?|s|sec|seconds?|min|minutes?|h|hours?))\s*$|\$\{env:",
        })
    }
}

/// A path in a config: relative to the file that names it, made absolute when the config is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FilePath(pub PathBuf);

impl JsonSchema for FilePath {
    fn schema_name() -> Cow<'static, str> {
        "Path".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "path" })
    }
}

/// `a/x/../b` → `a/b`, without asking the file system.
#[must_use]
pub fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_number() {
        let told = [
            (1, "step"),
            (2, "step"),
            (0, "batch"),
            (3, "class"),
            (4, "entry"),
        ];
        let told = told.map(|(count, noun)| counted(count, noun));
        assert_eq!(
            told,
            ["1 step", "2 steps", "0 batches", "3 classes", "4 entries"]
        );
    }

    #[test]
    fn spans_read_and_print_the_same() {
        for text in [
            "5 epochs",
            "1 epoch",
            "0.5 epochs",
            "500 steps",
            "1 step",
            "10%",
            "rest",
            "3 evals",
        ] {
            assert_eq!(
                text.parse::<Span>().map(|s| s.to_string()),
                Ok(text.to_string())
            );
        }
        assert_eq!("30 min".parse(), Ok(Span::Seconds(1800.0)));
        assert_eq!("1_000 steps".parse(), Ok(Span::Steps(1000)));
    }

    #[test]
    fn a_path_is_cleaned_without_looking_at_files() {
        for (path, clean) in [
            ("a/x/../b", "a/b"),
            ("./a/./b", "a/b"),
            ("../a", "../a"),
            ("/x/../../y", "/../y"),
            ("a/..", ""),
        ] {
            assert_eq!(lexical(Path::new(path)), Path::new(clean), "{path}");
        }
    }

    #[test]
    fn a_bare_number_names_both_readings() {
        let message = "50".parse::<Span>().map_err(|e| e.to_string());
        assert_eq!(
            message,
            Err("`50` has no unit; hint: write \"50 epochs\" or \"50 steps\"".into())
        );
        assert!("-1 epochs".parse::<Span>().is_err());
        assert!("1.5 steps".parse::<Span>().is_err());
        assert!("5 parsecs".parse::<Span>().is_err());
    }
}
