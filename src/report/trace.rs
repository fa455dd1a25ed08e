//! Lines of `trace.jsonl`: what `tracing` recorded, for people, and which of them are wanted.

use std::str::FromStr;

use serde_json::Value;

use super::{Ink, Palette, number::moment, sanitize, short};
use crate::run::RunInfo;

/// One event of the trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceLine {
    /// When: RFC 3339, UTC.
    pub time: String,
    /// How serious.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// The epoch of the event, or of a span around it.
    pub epoch: Option<u64>,
    fields: Vec<(String, Value)>,
}

impl TraceLine {
    /// Reads one line of a run of this format; `None` where it is no event. Epochs count from 1
    /// afterwards.
    #[must_use]
    pub fn parse(line: &str, format: u32) -> Option<Self> {
        let missing = 1 - RunInfo::first_epoch(format);
        let mut event: serde_json::Map<String, Value> = serde_json::from_str(line).ok()?;
        let level = event.get("level")?.as_str()?.parse().ok()?;
        let time = event
            .get("timestamp")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string();
        let Some(Value::Object(mut fields)) = event.remove("fields") else {
            return None;
        };
        let message = fields
            .shift_remove("message")
            .map(plain)
            .unwrap_or_default();
        let count = |fields: &Value| fields.get("epoch").and_then(Value::as_u64);
        let epoch = |fields: &Value| Some(count(fields)?.saturating_add(missing));
        if let Some(own) = fields.get_mut("epoch")
            && let Some(number) = own.as_u64()
        {
            *own = number.saturating_add(missing).into();
        }
        let around = event
            .get("spans")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let epoch = fields
            .get("epoch")
            .and_then(Value::as_u64)
            .or_else(|| event.get("span").and_then(epoch))
            .or_else(|| around.rev().find_map(epoch));
        Some(Self {
            time,
            level,
            message,
            epoch,
            fields: fields.into_iter().collect(),
        })
    }

    /// `2026-11-22T09:40:11Z  INFO epoch  epoch=1 step=20 lr=0.02 …`, without a newline. Numbers are
    /// rounded; a group is named only where its learning rate is another one.
    #[must_use]
    pub fn text(&self, palette: Palette) -> String {
        let level = format!("{:>5}", self.level.name());
        let mut text = format!(
            "{} {} {}",
            palette.paint(Ink::Dim, &sanitize(&moment(&self.time))),
            palette.paint(self.level.ink(), &level),
            sanitize(&self.message)
        );
        let lr = self.fields.iter().find(|(key, _)| key == "lr");
        let lr = lr.map(|(_, value)| value);
        let told = self.fields.iter();
        let told = told.filter(|(key, value)| !key.starts_with("lr/") || Some(value) != lr);
        for (i, (key, value)) in told.enumerate() {
            let field = format!("{key}={}", rounded(value));
            text += if i == 0 { "  " } else { " " };
            text += &sanitize(&field);
        }
        text
    }
}

/// A number that is not whole with few digits, as elsewhere on the screen; anything else as it is.
fn rounded(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, short),
        other => plain(other.clone()),
    }
}

/// A text without its quotes, anything else as JSON.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// How serious an event is, the least serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every detail.
    Trace,
    /// Each logged update.
    Debug,
    /// Epochs and checkpoints.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    fn ink(self) -> Ink {
        match self {
            Self::Trace | Self::Debug => Ink::Dim,
            Self::Info => Ink::Good,
            Self::Warn => Ink::Notice,
            Self::Error => Ink::Bad,
        }
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
        ];
        all.into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub struct TraceFilter {
    /// This level and the more serious ones.
    pub level: Option<Level>,
    /// Events of these epochs.
    pub epochs: Option<EpochRange>,
    /// Events whose line for people contains this.
    pub grep: Option<String>,
}

impl TraceFilter {
    /// Returns whether `line` is wanted.
    #[must_use]
    pub fn wants(&self, line: &TraceLine) -> bool {
        self.level.is_none_or(|least| line.level >= least)
            && self
                .epochs
                .is_none_or(|range| line.epoch.is_some_and(|epoch| range.contains(epoch)))
            && self
                .grep
                .as_ref()
                .is_none_or(|wanted| line.text(Palette::PLAIN).contains(wanted))
    }
}

/// Epochs, counted from 1: `3`, `3..5` (3, 4 and 5), `3..`, `..5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochRange {
    first: u64,
    last: u64,
}

impl EpochRange {
    /// Returns the first of them.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Returns whether `epoch` is one of them.
    #[must_use]
    pub fn contains(&self, epoch: u64) -> bool {
        (self.first..=self.last).contains(&epoch)
    }
}

/// Why a text is no range of epochs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write an epoch `3` or a range `3..5`, `3..` or `..5`; epochs count from 1 and both ends belong to it"
)]
pub struct EpochRangeError;

impl FromStr for EpochRange {
    type Err = EpochRangeError;

    fn from_str(text: &str) -> Result<Self, EpochRangeError> {
        let end = |text: &str, absent: u64| match text.trim() {
            "" => Ok(absent),
            "0" => Err(EpochRangeError),
            number => number.parse().map_err(|_| EpochRangeError),
        };
        let range = match text.split_once("..") {
            Some((first, last)) => Self {
                first: end(first, 0)?,
                last: end(last, u64::MAX)?,
            },
            None if text.trim().is_empty() => return Err(EpochRangeError),
            None => {
                let only = end(text, 0)?;
                Self {
                    first: only,
                    last: only,
                }
            }
        };
        if range.first <= range.last {
            Ok(range)
        } else {
            Err(EpochRangeError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: &str = r#"{"timestamp":"2026-11-22T09:40:11.123456Z","level":"INFO","fields":{"message":"epoch","epoch":3,"lr":0.02,"train/loss":1.25,"note":"a\u001b[2Jb"},"target":"trainer","span":{"name":"run"},"spans":[{"name":"run"}]}"#;
    const STEP: &str = r#"{"timestamp":"2026-11-22T09:40:12Z","level":"DEBUG","fields":{"message":"step","step":61},"target":"trainer","span":{"split":"val","name":"eval"},"spans":[{"id":"x","name":"run"},{"epoch":4,"name":"epoch"},{"split":"val","name":"eval"}]}"#;

    #[test]
    fn lines_for_people() {
        let text = |line| TraceLine::parse(line, 2).unwrap().text(Palette::PLAIN);
        insta::assert_snapshot!(text(EPOCH), @r"2026-11-22T09:40:11Z  INFO epoch  epoch=3 lr=0.02 train/loss=1.25 note=a\u{1b}[2Jb");
        insta::assert_snapshot!(text(STEP), @"2026-11-22T09:40:12Z DEBUG step  step=61");
        assert_eq!(TraceLine::parse("{\"timestamp\":\"2026-", 2), None);
        assert_eq!(TraceLine::parse("[1]", 2), None);
    }

    #[test]
    fn the_epochs_of_an_older_run_are_shown_from_1() {
        let epoch = TraceLine::parse(EPOCH, 1).unwrap();
        assert_eq!(epoch.epoch, Some(4));
        assert!(epoch.text(Palette::PLAIN).contains("epoch=4"));
        assert_eq!(TraceLine::parse(STEP, 1).unwrap().epoch, Some(5));
        assert_eq!(TraceLine::parse(STEP, 2).unwrap().epoch, Some(4));
    }

    #[test]
    fn filters_by_level_epoch_and_text() {
        let lines = [EPOCH, STEP].map(|line| TraceLine::parse(line, 2).unwrap());
        let wants = |filter: TraceFilter| [0, 1].map(|i| filter.wants(&lines[i]));
        let all = TraceFilter::default();
        assert_eq!(wants(all.clone()), [true, true]);
        assert_eq!(
            wants(TraceFilter {
                level: Some(Level::Info),
                ..all.clone()
            }),
            [true, false]
        );
        assert_eq!(
            wants(TraceFilter {
                epochs: "4..".parse().ok(),
                ..all.clone()
            }),
            [false, true]
        );
        assert_eq!(
            wants(TraceFilter {
                grep: Some("lr=0.02".into()),
                ..all
            }),
            [true, false]
        );
    }

    #[test]
    fn ranges_include_both_ends() {
        let inside = |range: &str| {
            (0..8)
                .filter(|e| range.parse::<EpochRange>().unwrap().contains(*e))
                .collect::<Vec<u64>>()
        };
        assert_eq!(inside("3..5"), [3, 4, 5]);
        assert_eq!(inside("3"), [3]);
        assert_eq!(inside("6.."), [6, 7]);
        assert_eq!(inside("..1"), [0, 1]);
        for wrong in ["5..3", "x", "", "-1", "1..x", "0", "0..2"] {
            assert_eq!(wrong.parse::<EpochRange>(), Err(EpochRangeError), "{wrong}");
        }
    }
}
