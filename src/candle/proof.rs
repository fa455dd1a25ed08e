//! The proofs that a foreign model must pass before its first update, and their messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A proof that a model must pass before the first update; `[model] allow` leaves it out.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Every parameter that is not frozen gets a gradient.
    NoGradient,
    /// The model computes with its parameters as they are now, not with copies of them.
    StaleCopy,
    /// Two training passes over one batch at one step give the same numbers.
    RandomForward,
    /// A forward pass changes buffers only.
    MovingParameter,
    /// The statistics of a batch norm follow the batches.
    StillStatistics,
}

impl Proof {
    /// Its name in `[model] allow`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoGradient => "no_gradient",
            Self::StaleCopy => "stale_copy",
            Self::RandomForward => "random_forward",
            Self::MovingParameter => "moving_parameter",
            Self::StillStatistics => "still_statistics",
        }
    }
}

/// A proof that a model did not pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The proof.
    pub proof: Proof,
    /// The result.
    pub message: String,
    /// The remedy.
    pub hint: String,
}

/// All failures as one text, the remedies last.
#[must_use]
pub fn told(failures: &[Failure]) -> String {
    let join = |parts: Vec<&str>| parts.join("; ");
    let messages = join(failures.iter().map(|f| f.message.as_str()).collect());
    let hints = join(failures.iter().map(|f| f.hint.as_str()).collect());
    let names: Vec<String> = failures
        .iter()
        .map(|f| format!("\"{}\"", f.proof.name()))
        .collect();
    format!(
        "{messages}; hint: {hints}; where all this is meant, `allow = [{}]` in `[model]`",
        names.join(", ")
    )
}
