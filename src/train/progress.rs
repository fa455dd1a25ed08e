//! How far a run has come: every counter that training depends on and that is not a tensor.

use crate::units::counted;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::precision::Scale;
use super::recipe::{BestPolicy, Changed, EarlyStop};
use crate::event::{Best, Metrics};
use crate::number;
use crate::schedule::Reactions;

/// The counters of a run. They hold no time, so that a run that was killed and resumed has the
/// same ones as one that never was; a checkpoint keeps them as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    /// Updates applied.
    pub step: u64,
    /// The epoch under way (0-based).
    pub epoch: u64,
    /// Batches of that epoch already used.
    pub batch: u64,
    /// Updates applied before that epoch.
    pub epoch_start: u64,
    /// Whether everything that was due after the last update has been done. It has not where a
    /// signal interrupted the evaluation.
    pub settled: bool,
    /// `step` at the last evaluation; 0 before the first.
    pub evaluated: u64,
    /// Sum of the losses of the epoch's applied updates.
    #[serde(with = "number")]
    pub loss_sum: f64,
    /// Sum of their weights.
    #[serde(with = "number")]
    pub weight_sum: f64,
    /// Updates left out in a row because they were not finite.
    pub skipped: u32,
    /// How often the run went back because an update was not finite.
    pub rollbacks: u32,
    /// The loss scale; in f16 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Last value of every metric.
    #[serde(with = "number::map")]
    pub metrics: Metrics,
    /// What early stopping remembers.
    pub patience: Patience,
    /// Best value of the metric that is worth checkpoints.
    pub best: Option<Best>,
    /// What schedules that follow a metric remember; none in most runs.
    #[serde(default, skip_serializing_if = "Reactions::is_empty")]
    pub reactions: Reactions,
}

/// What early stopping remembers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patience {
    /// The best value so far.
    pub best: Option<f64>,
    /// Values since then.
    pub bad: u64,
}

impl Progress {
    /// Before the first update.
    pub fn new() -> Self {
        Self {
            step: 0,
            epoch: 0,
            batch: 0,
            epoch_start: 0,
            settled: true,
            evaluated: 0,
            loss_sum: 0.0,
            weight_sum: 0.0,
            skipped: 0,
            rollbacks: 0,
            scale: None,
            metrics: BTreeMap::new(),
            patience: Patience::default(),
            best: None,
            reactions: Reactions::new(),
        }
    }

    /// Mean loss of the epoch's applied updates; NaN before the first.
    pub fn mean_loss(&self) -> f64 {
        self.loss_sum / self.weight_sum
    }

    /// Adds the loss of an applied update: the sum over its samples, and their weight.
    pub fn add_loss(&mut self, sum: f64, weight: f64) {
        self.loss_sum += sum;
        self.weight_sum += weight;
    }

    /// Goes on to the next epoch.
    pub fn next_epoch(&mut self) {
        self.epoch += 1;
        self.batch = 0;
        self.epoch_start = self.step;
        self.loss_sum = 0.0;
        self.weight_sum = 0.0;
    }

    /// Forgets what was measured by rules that have changed.
    pub fn forget(&mut self, changed: &Changed) {
        if changed.early_stop {
            self.patience = Patience::default();
        }
        if changed.best {
            self.best = None;
        }
        self.reactions
            .retain(|entry, _| !changed.phases.contains(entry));
        for (entry, reaction) in &mut self.reactions {
            if changed.metrics.contains(entry) {
                reaction.watch_anew();
            }
        }
    }

    /// Takes new values of metrics. Says whether one is a new best, worth a checkpoint.
    pub fn observe(
        &mut self,
        values: &Metrics,
        early_stop: Option<&EarlyStop>,
        best: Option<&BestPolicy>,
    ) -> bool {
        self.metrics.extend(values.clone());
        if let Some(rule) = early_stop
            && let Some(value) = values.get(&rule.metric)
        {
            self.patience.observe(*value, rule);
        }
        if let Some(rule) = best
            && let Some(value) = values.get(&rule.metric)
            && rule
                .mode
                .improves(*value, self.best.as_ref().map(|best| best.value), 0.0)
        {
            self.best = Some(Best {
                metric: rule.metric.clone(),
                value: *value,
                step: self.step,
            });
            return true;
        }
        false
    }
}

impl Patience {
    fn observe(&mut self, value: f64, rule: &EarlyStop) {
        if rule.mode.improves(value, self.best, rule.min_delta) {
            self.best = Some(value);
            self.bad = 0;
        } else {
            self.bad += 1;
        }
    }

    /// Why the run should end early, where it should. `watched` is the best checkpoint's value,
    /// whose step is known where it is of the same metric.
    pub fn exhausted(&self, rule: &EarlyStop, watched: Option<&Best>) -> Option<String> {
        if self.bad < rule.patience.max(1) {
            return None;
        }
        let (EarlyStop { metric, .. }, bad) = (rule, self.bad);
        let bad = counted(bad, "evaluation");
        let least = match rule.min_delta {
            0.0 => String::new(),
            delta => format!(" by more than {delta}"),
        };
        let best = match (watched.filter(|best| best.metric == *metric), self.best) {
            (Some(best), _) => format!("best {} at step {}", rounded(best.value), best.step),
            (None, Some(best)) => format!("best {}", rounded(best)),
            (None, None) => return Some(format!("{metric} was not finite in {bad}")),
        };
        Some(format!("{metric} did not improve{least} in {bad}; {best}"))
    }
}

/// A number with four significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direction::Direction;

    fn rule(patience: u64, min_delta: f64) -> EarlyStop {
        EarlyStop {
            metric: "val/loss".into(),
            mode: Direction::Min,
            patience,
            min_delta,
        }
    }

    fn stops_after(values: &[f64], rule: &EarlyStop) -> Option<usize> {
        let mut progress = Progress::new();
        values.iter().position(|value| {
            progress.observe(
                &Metrics::from([("val/loss".into(), *value)]),
                Some(rule),
                None,
            );
            progress.patience.exhausted(rule, None).is_some()
        })
    }

    #[test]
    fn patience_counts_values_that_do_not_improve_in_a_row() {
        let nan = f64::NAN;
        assert_eq!(stops_after(&[1.0, 1.0, 1.0], &rule(2, 0.0)), Some(2));
        assert_eq!(stops_after(&[1.0, 1.0, 0.9, 0.95], &rule(2, 0.0)), None);
        assert_eq!(stops_after(&[1.0, 0.95, 0.91], &rule(2, 0.1)), Some(2));
        assert_eq!(stops_after(&[1.0, nan, nan], &rule(2, 0.0)), Some(2));
        assert_eq!(stops_after(&[nan, nan, 1.0], &rule(2, 0.0)), Some(1));
        assert_eq!(stops_after(&[nan, 2.0, 1.0], &rule(2, 0.0)), None);
        assert_eq!(stops_after(&[1.0, 1.0], &rule(0, 0.0)), Some(1));
    }

    #[test]
    fn why_it_ends_names_the_best_value_and_its_step() {
        let mut patience = Patience {
            best: Some(0.123456),
            bad: 5,
        };
        let best = |metric: &str| Best {
            metric: metric.into(),
            value: 0.123456,
            step: 400,
        };
        let why = |patience: &Patience, rule: &EarlyStop, best: Option<&Best>| {
            patience.exhausted(rule, best).unwrap()
        };
        assert_eq!(
            why(&patience, &rule(5, 0.0), Some(&best("val/loss"))),
            "val/loss did not improve in 5 evaluations; best 0.1235 at step 400"
        );
        assert_eq!(
            why(&patience, &rule(5, 0.01), Some(&best("val/accuracy"))),
            "val/loss did not improve by more than 0.01 in 5 evaluations; best 0.1235"
        );
        patience = Patience { best: None, bad: 1 };
        assert_eq!(
            why(&patience, &rule(1, 0.0), None),
            "val/loss was not finite in 1 evaluation"
        );
    }

    #[test]
    fn another_metric_is_no_reason_to_lose_patience() {
        let mut progress = Progress::new();
        let values = Metrics::from([("train/loss".into(), 1.0)]);
        for _ in 0..5 {
            progress.observe(&values, Some(&rule(1, 0.0)), None);
        }
        assert_eq!(progress.patience, Patience::default());
    }

    #[test]
    fn the_best_value_is_kept_with_its_step() {
        let policy = BestPolicy {
            metric: "val/accuracy".into(),
            mode: Direction::Max,
        };
        let mut progress = Progress::new();
        let news = [0.5, 0.5, f64::NAN, 0.75, 0.6].map(|value| {
            progress.step += 10;
            let values = Metrics::from([("val/accuracy".into(), value)]);
            progress.observe(&values, None, Some(&policy))
        });
        assert_eq!(news, [true, false, false, true, false]);
        let best = progress.best.unwrap();
        assert_eq!((best.value, best.step), (0.75, 40));
    }

    #[test]
    fn counters_survive_json_bit_for_bit() {
        let mut progress = Progress::new();
        progress.loss_sum = 0.1 + 0.2;
        progress.metrics.insert("val/loss".into(), f64::INFINITY);
        let text = serde_json::to_string(&progress).unwrap();
        let back: Progress = serde_json::from_str(&text).unwrap();
        assert_eq!(back, progress);
        let tree = serde_json::to_value(&progress).unwrap();
        assert_eq!(serde_json::to_string(&tree).unwrap(), text);
    }
}
