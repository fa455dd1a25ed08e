//! What a schedule moves.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names_only;

/// What a schedule moves: `lr`, `momentum` (SGD's momentum or Adam's beta1), `weight_decay`,
/// `beta2`, `ema_decay` or `clip_norm`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Target {
    /// The learning rate.
    #[default]
    Lr,
    /// SGD's momentum or Adam's beta1; below 1.
    Momentum,
    /// The weight decay.
    WeightDecay,
    /// Adam's beta2; below 1.
    Beta2,
    /// The decay of the exponential moving average of the weights; at most 1.
    EmaDecay,
    /// The gradient's largest norm.
    ClipNorm,
}

impl Target {
    /// Every target, in order.
    pub const ALL: [Self; 6] = [
        Self::Lr,
        Self::Momentum,
        Self::WeightDecay,
        Self::Beta2,
        Self::EmaDecay,
        Self::ClipNorm,
    ];

    /// Its name in configs, logs and CSV columns.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lr => "lr",
            Self::Momentum => "momentum",
            Self::WeightDecay => "weight_decay",
            Self::Beta2 => "beta2",
            Self::EmaDecay => "ema_decay",
            Self::ClipNorm => "clip_norm",
        }
    }

    /// What is wrong with a value that this target can never take, if something is.
    #[must_use]
    pub fn refuses(self, value: f64) -> Option<&'static str> {
        match self {
            _ if !value.is_finite() => Some("is not a finite number"),
            _ if value < 0.0 => Some("is negative"),
            Self::Momentum | Self::Beta2 if value >= 1.0 => Some("is not below 1"),
            Self::EmaDecay if value > 1.0 => Some("is above 1"),
            _ => None,
        }
    }

    /// Where its base is set in a config.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Lr => "set `lr` in [optimizer]",
            Self::Momentum => "choose an optimizer that has momentum or betas",
            Self::WeightDecay => "set `weight_decay` in [optimizer]",
            Self::Beta2 => "choose an optimizer that has betas",
            Self::EmaDecay => "set `ema = { decay = … }` in [train]",
            Self::ClipNorm => "set `clip_norm` in [train]",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_config() {
        for (place, target) in Target::ALL.into_iter().enumerate() {
            assert_eq!(
                serde_json::to_value(target).ok(),
                Some(target.name().into())
            );
            assert_eq!(target as usize, place);
        }
    }

    #[test]
    fn impossible_values_are_named() {
        assert_eq!(Target::Lr.refuses(7.0), None);
        assert_eq!(Target::Lr.refuses(-1e-9), Some("is negative"));
        assert_eq!(Target::Lr.refuses(f64::NAN), Some("is not a finite number"));
        assert_eq!(Target::Momentum.refuses(1.0), Some("is not below 1"));
        assert_eq!(Target::EmaDecay.refuses(1.0), None);
        assert_eq!(Target::EmaDecay.refuses(1.1), Some("is above 1"));
    }
}
