//! `greedy`: less where a metric stops improving, more where it keeps improving.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plateau::{eps, ten_evals, threshold};
use crate::{
    direction::Direction,
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, Rule, ThresholdMode, Watched,
        language::{Watch, reaction},
    },
    units::Span,
};

/// Lowers or raises the rate as a metric stalls or improves. The rate is multiplied by `factor`
/// when the metric has not improved for more than `patience` evaluations, and divided by it when
/// the metric has improved in more than `patience` evaluations in a row.
/// Formula: `f = a·s`, where the state `s` is 1, `max(min, factor·s)` after the one, `min(max, s/factor)` after the other.
/// Source: GreedyLR (arXiv 2512.14527) as in transformers, without its smoothing and its reset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Greedy {
    /// The metric, as `split/name`. Default "val/loss", or "train/loss" without a validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"val/loss")]
    pub metric: Option<String>,
    /// Direction of better values: small (min) or large (max). Default: what fits the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Direction>,
    /// Number that the state is multiplied or divided by. Default 0.95. Between 0 and 1.
    #[serde(default = "gentle")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub factor: f64,
    /// Time that a streak is waited through before the state changes. Default "10 evals".
    #[serde(default = "ten_evals")]
    pub patience: Span,
    /// Time after a change downwards in which nothing counts. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Span>,
    /// Time after a change upwards in which nothing counts. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Span>,
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
    /// The largest state: a factor of the base. Default 10. At least 1.
    #[serde(default = "ten")]
    #[schemars(range(min = 1.0))]
    pub max: f64,
    /// The smallest change of the state that is made. Default 1e-8. At least 0.
    #[serde(default = "eps")]
    #[schemars(range(min = 0.0))]
    pub eps: f64,
}

fn gentle() -> f64 {
    0.95
}

fn ten() -> f64 {
    10.0
}

impl Curve for Greedy {
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
            ("warmup", self.warmup),
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
            upward: Some(reaction::evals(self.warmup, frame)),
            threshold: self.threshold,
            threshold_mode: self.threshold_mode,
            signed: false,
            min: self.min,
            max: self.max,
            eps: self.eps,
        })
    }

    fn conventions(&self) -> Conventions {
        Conventions::COUNTING
    }
}
