//! `plateau`: a lower rate when a metric stops improving.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    direction::Direction,
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, Rule, ThresholdMode, Watched,
        language::{Watch, reaction},
    },
    units::Span,
};

/// Lowers the rate when a metric stops improving. The rate is multiplied by `factor` when the
/// metric has not improved for more than `patience` evaluations. NaN never improves.
/// Formula: `f = a·s`, where the state `s` is 1 and then `max(min, factor·s)` after each such time.
/// Source: PyTorch's `ReduceLROnPlateau`, whose relative margin is `threshold·best` where here it is `threshold·|best|`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// The metric, as `split/name`. Default "val/loss", or "train/loss" without a validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"val/loss")]
    pub metric: Option<String>,
    /// Direction of better values: small (min) or large (max). Default: what fits the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Direction>,
    /// Number that the state is multiplied by. Default 0.1. Between 0 and 1.
    #[serde(default = "tenth")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub factor: f64,
    /// Time without an improvement that is tolerated. Default "10 evals".
    #[serde(default = "ten_evals")]
    pub patience: Span,
    /// Time after a change in which nothing counts. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Span>,
    /// Difference that an improvement has to exceed. Default 1e-4. At least 0.
    #[serde(default = "threshold")]
    #[schemars(range(min = 0.0))]
    pub threshold: f64,
    /// Kind of the threshold: a share of the best value ("rel") or in the metric's unit ("abs").
    /// Default "rel".
    #[serde(default)]
    pub threshold_mode: ThresholdMode,
    /// The smallest state: a factor of the base. Default 0. From 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min: f64,
    /// The smallest change of the state that is made. Default 1e-8. At least 0.
    #[serde(default = "eps")]
    #[schemars(range(min = 0.0))]
    pub eps: f64,
    /// "torch" for PyTorch's relative threshold, by which a negative metric always improves. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<Compat>,
}

/// Whose rule a detail follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compat {
    /// PyTorch's.
    Torch,
}

fn tenth() -> f64 {
    0.1
}

pub(crate) fn ten_evals() -> Span {
    Span::Evals(10)
}

pub(crate) fn threshold() -> f64 {
    1e-4
}

pub(crate) fn eps() -> f64 {
    1e-8
}

impl Curve for Plateau {
    fn formula(&self, _: &Frame) -> Formula {
        Formula::new(|x| x.from * x.state)
    }

    fn check_in(&self, frame: &Frame) -> Vec<KeyFault> {
        reaction::impatient(self.patience, frame)
    }

    fn check(&self) -> Vec<KeyFault> {
        reaction::uncountable([
            ("patience", Some(self.patience)),
            ("cooldown", self.cooldown),
        ])
    }

    fn watches(&self) -> Option<Watch<'_>> {
        Some((self.metric.as_deref(), self.mode))
    }

    fn reacts(&self, frame: &Frame, watched: &Watched) -> Option<Rule> {
        Some(Rule {
            watched: reaction::named(self.watches(), watched),
            factor: self.factor,
            patience: reaction::evals(Some(self.patience), frame),
            cooldown: reaction::evals(self.cooldown, frame),
            upward: None,
            threshold: self.threshold,
            threshold_mode: self.threshold_mode,
            signed: self.compat == Some(Compat::Torch),
            min: self.min,
            max: 1.0,
            eps: self.eps,
        })
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}
