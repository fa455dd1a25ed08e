//! The axis of a curve: from a step in a phase to the share of the curve that is done.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// Maps a local step to the curve's own coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// Length of the curve in steps, D > 0.
    pub length: f64,
    /// Which end points are executed.
    pub include: Include,
    /// What happens beyond D.
    pub past: Past,
}

impl Axis {
    /// (u, p) at `u` steps into the phase, with what lies beyond the curve folded back into it.
    pub fn at(&self, u: f64) -> (f64, f64) {
        match self.past {
            Past::Clamp | Past::Error => (
                u.min(self.length),
                self.include.share(u, self.length).min(1.0),
            ),
            Past::Mirror => (
                fold(u, self.length),
                fold(self.include.share(u, self.length), 1.0),
            ),
            Past::Repeat => {
                let u = u % self.length;
                (u, self.include.share(u, self.length).min(1.0))
            }
        }
    }
}

/// There and back again: 0 → `length` → 0 → …
fn fold(x: f64, length: f64) -> f64 {
    let around = x % (2.0 * length);
    if around <= length {
        around
    } else {
        2.0 * length - around
    }
}

/// Which of the curve's two end points are executed: `start` (p = u/D, the default of most types),
/// `end` ((u+1)/D), `both` (u/(D−1)) or `neither` ((u+1)/(D+1)), with u the step in the phase and D
/// the curve's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Include {
    /// p = u/D: the first update uses `from`; the next phase begins at `to`.
    Start,
    /// p = (u+1)/D: the last update uses `to`.
    End,
    /// p = u/(D−1): the first update uses `from`, the last one `to`.
    Both,
    /// p = (u+1)/(D+1): neither is used.
    Neither,
}

impl Include {
    /// The share of a curve of `length` steps that is done at its step `u`; above 1 beyond its end.
    #[must_use]
    pub fn share(self, u: f64, length: f64) -> f64 {
        match self {
            Self::Start => u / length,
            Self::End => (u + 1.0) / length,
            Self::Both if length > 1.0 => u / (length - 1.0),
            // A single step that must include both ends is the end.
            Self::Both => 1.0,
            Self::Neither => (u + 1.0) / (length + 1.0),
        }
    }

    /// Whether the curve's end point is its last executed step, and not the step after it.
    pub(crate) fn executes_end(self) -> bool {
        matches!(self, Self::End | Self::Both)
    }
}

/// What a curve does beyond its length (`over`): `clamp` holds its end, `mirror` runs it back and
/// forth, `repeat` starts it again, `error` refuses a phase that is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Past {
    /// Holds the end.
    #[default]
    Clamp,
    /// Runs back and forth, as PyTorch's cosine does beyond `T_max`.
    Mirror,
    /// Starts again.
    Repeat,
    /// Is refused when the config is read.
    Error,
}

/// How often the value changes: at every `step`, or once an `epoch` (the staircase that holds the
/// value of the epoch's first step, as PyTorch does when it is stepped once per epoch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Every {
    /// Each update has its own value.
    #[default]
    Step,
    /// All updates of an epoch use the value of its first.
    Epoch,
}

/// Makes the schema of an enum of names a plain `enum`, whose meaning stands in its description.
pub(crate) fn names_only(schema: &mut Schema) {
    let Some(variants) = schema.remove("oneOf") else {
        return;
    };
    let names: Vec<_> = variants
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|variant| variant.get("const").cloned())
        .collect();
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), names.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(include: Include, past: Past, length: f64, steps: u32) -> Vec<f64> {
        let axis = Axis {
            length,
            include,
            past,
        };
        (0..steps).map(|u| axis.at(f64::from(u)).1).collect()
    }

    #[test]
    fn the_four_conventions() {
        let four = |include| shares(include, Past::Clamp, 4.0, 4);
        assert_eq!(four(Include::Start), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(four(Include::End), [0.25, 0.5, 0.75, 1.0]);
        assert_eq!(four(Include::Both), [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(four(Include::Neither), [0.2, 0.4, 0.6, 0.8]);
        assert_eq!(shares(Include::Both, Past::Clamp, 1.0, 1), [1.0]);
    }

    #[test]
    fn beyond_the_curve() {
        let beyond = |past| shares(Include::Start, past, 2.0, 7);
        assert_eq!(beyond(Past::Clamp), [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(beyond(Past::Mirror), [0.0, 0.5, 1.0, 0.5, 0.0, 0.5, 1.0]);
        assert_eq!(beyond(Past::Repeat), [0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0]);
        assert_eq!(
            shares(Include::End, Past::Repeat, 2.0, 4),
            [0.5, 1.0, 0.5, 1.0]
        );
        let axis = Axis {
            length: 3.0,
            include: Include::Start,
            past: Past::Mirror,
        };
        let us: Vec<f64> = (0..8).map(|u| axis.at(f64::from(u)).0).collect();
        assert_eq!(us, [0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn the_schema_names_the_choices() {
        let schema = schemars::schema_for!(Include);
        assert_eq!(
            schema.get("enum").map(ToString::to_string).as_deref(),
            Some(r#"["start","end","both","neither"]"#)
        );
        assert_eq!(schema.get("type").and_then(|t| t.as_str()), Some("string"));
    }
}
