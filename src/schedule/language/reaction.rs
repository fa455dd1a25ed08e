//! What phases that follow a metric remember: [`Plateau`](crate::schedule::Plateau) and
//! [`Greedy`](crate::schedule::Greedy).
//!
//! The schedule stays a function of the update index: a [`Reaction`] is the list of changes so far,
//! each with the update from which it is in force.

use serde::{Deserialize, Serialize};

use crate::event::key;
use crate::units::counted;
use crate::{direction::Direction, error::KeyFault, schedule::Frame, units::Span};

/// The metric that a type's keys name, and which of its values they say are good.
pub type Watch<'a> = (Option<&'a str>, Option<Direction>);

/// What the threshold of an improvement is measured in.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMode {
    /// Shares of the best value so far.
    #[default]
    Rel,
    /// The metric's own unit.
    Abs,
}

/// The metric that a phase watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// `split/name`.
    pub metric: String,
    /// Which values are good.
    pub mode: Direction,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            metric: key::VAL_LOSS.into(),
            mode: Direction::Min,
        }
    }
}

/// How a phase reacts to its metric; all counts in evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it watches.
    pub watched: Watched,
    /// What the state is multiplied by, and in an upward change divided by.
    pub factor: f64,
    /// Evaluations in a row, beyond which the state changes.
    pub patience: u64,
    /// Evaluations that count for nothing after a downward change.
    pub cooldown: u64,
    /// Evaluations that count for nothing after an upward change; `None` where there is none.
    pub upward: Option<u64>,
    /// Difference that an improvement has to exceed.
    pub threshold: f64,
    /// Its unit.
    pub threshold_mode: ThresholdMode,
    /// Whether a relative threshold has the sign of the best value, as in PyTorch.
    pub signed: bool,
    /// The smallest state.
    pub min: f64,
    /// The largest state.
    pub max: f64,
    /// The smallest change of the state that is made.
    pub eps: f64,
}

/// What the phases that follow a metric remember, by the places of their entries in the list.
pub type Reactions = std::collections::BTreeMap<usize, Reaction>;

/// A change of a state.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The place of its entry in the list.
    pub entry: usize,
    /// Its `type`.
    pub kind: String,
    /// The metric that it follows.
    pub metric: String,
    /// The state until now.
    pub old: f64,
    /// The state from now on.
    pub new: f64,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            entry,
            kind,
            metric,
            old,
            new,
        } = self;
        let why = match new < old {
            true => "does not improve",
            false => "keeps improving",
        };
        write!(
            f,
            "`{metric}` {why}: the factor of schedule[{entry}] ({kind}) goes from {old} to {new}"
        )
    }
}

/// What one phase remembers of its metric; a part of every checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaction {
    /// The best value so far; always finite.
    best: Option<f64>,
    /// Evaluations in a row that were no improvement.
    bad: u64,
    /// Evaluations in a row that were one.
    good: u64,
    /// Evaluations still to come that count for nothing.
    rest: u64,
    /// (update, state from that update on), in order.
    changes: Vec<(u64, f64)>,
}

impl Reaction {
    /// Forgets the values so far, which are of another metric; the state stays.
    pub fn watch_anew(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        *self = Self {
            changes,
            ..Self::default()
        };
    }

    /// Returns the state in force at update `t`: 1 before the first change.
    #[must_use]
    pub fn at(&self, t: u64) -> f64 {
        let after = self.changes.partition_point(|(from, _)| *from <= t);
        match after.checked_sub(1) {
            Some(index) => self.changes[index].1,
            None => 1.0,
        }
    }

    /// Takes the metric of an evaluation after `step` updates; returns (old, new) where the state
    /// changes, from update `step` on.
    pub fn observe(&mut self, rule: &Rule, step: u64, value: f64) -> Option<(f64, f64)> {
        let old = self.changes.last().map_or(1.0, |(_, state)| *state);
        let new = self.next(rule, value, old)?;
        self.changes.push((step, new));
        Some((old, new))
    }

    /// Returns the state after one more value.
    fn next(&mut self, rule: &Rule, value: f64, old: f64) -> Option<f64> {
        if rule.upward.is_some() && self.rest > 0 {
            // GreedyLR does not even look at what it waits through.
            self.rest -= 1;
            (self.bad, self.good) = (0, 0);
            return None;
        }
        if rule.improves(value, self.best) {
            self.best = Some(value);
            self.bad = 0;
            self.good += 1;
        } else {
            self.bad += 1;
            self.good = 0;
        }
        if self.rest > 0 {
            self.rest -= 1;
            self.bad = 0;
        }
        if let Some(rest) = rule.upward
            && self.good > rule.patience
        {
            (self.good, self.rest) = (0, rest);
            let new = (old / rule.factor).min(rule.max);
            return (new - old > rule.eps).then_some(new);
        }
        if self.bad > rule.patience {
            (self.bad, self.rest) = (0, rule.cooldown);
            let new = (old * rule.factor).max(rule.min);
            return (old - new > rule.eps).then_some(new);
        }
        None
    }
}

impl Rule {
    /// Returns whether a value is better than the best so far by the threshold; what is not finite
    /// never is.
    fn improves(&self, value: f64, best: Option<f64>) -> bool {
        let sign = match self.watched.mode {
            Direction::Min => -1.0,
            Direction::Max => 1.0,
        };
        let bound = best.map(|best| match self.threshold_mode {
            ThresholdMode::Abs => best + sign * self.threshold,
            ThresholdMode::Rel if self.signed || best >= 0.0 => {
                best * (1.0 + sign * self.threshold)
            }
            ThresholdMode::Rel => best * (1.0 - sign * self.threshold),
        });
        self.watched.mode.improves(value, bound, 0.0)
    }
}

/// Returns the metric of a type's keys, and what they leave out from elsewhere.
pub(crate) fn named(own: Option<Watch<'_>>, watched: &Watched) -> Watched {
    let (metric, mode) = own.unwrap_or_default();
    Watched {
        metric: metric.map_or_else(|| watched.metric.clone(), str::to_owned),
        mode: mode.unwrap_or(watched.mode),
    }
}

/// Returns a span in evaluations, rounded.
pub(crate) fn evals(span: Option<Span>, frame: &Frame) -> u64 {
    match span {
        Some(Span::Evals(n)) => n,
        Some(span) => {
            let between = frame.clock.steps_per_eval.max(1) as f64;
            (frame.steps(span) / between).round() as u64
        }
        None => 0,
    }
}

/// Returns the faults of spans that cannot be counted in evaluations.
pub(crate) fn uncountable<const N: usize>(spans: [(&str, Option<Span>); N]) -> Vec<KeyFault> {
    let faults = spans.into_iter().filter_map(|(key, span)| {
        let message = match span? {
            Span::Rest => format!("`{key}` cannot be \"rest\""),
            Span::Seconds(_) => format!("`{key}` cannot be counted in time"),
            _ => return None,
        };
        Some(KeyFault::error(key, message).hint("count in evals, epochs or steps"))
    });
    faults.collect()
}

/// Returns the warning of a patience that the phase ends before.
pub(crate) fn impatient(patience: Span, frame: &Frame) -> Vec<KeyFault> {
    let left = frame.steps / frame.clock.steps_per_eval.max(1);
    let patience = evals(Some(patience), frame);
    let message = format!(
        "it never acts: it waits through {}, and {left} are left",
        counted(patience, "evaluation")
    );
    let warning = (patience >= left).then(|| KeyFault::warning("patience", message));
    warning.into_iter().collect()
}
