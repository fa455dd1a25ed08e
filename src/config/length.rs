//! How long a run is, in steps.

use super::train::TrainKeys;
use crate::{
    error::KeyFault,
    units::{Clock, Span},
};

/// Steps of everything. One step is one optimizer update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Length {
    /// Batches of one epoch.
    pub batches_per_epoch: u64,
    /// Updates of one epoch: batches over `grad_accumulation`, rounded up.
    pub steps_per_epoch: u64,
    /// Updates of the run.
    pub total_steps: u64,
    /// Updates that the schedules refer to.
    pub horizon: u64,
    /// Updates between evaluations.
    pub eval_every: u64,
    /// Updates between logged steps.
    pub log_every: u64,
}

impl Length {
    /// Resolves the lengths of `[train]`; `before_flags` is the length that the file says where a
    /// flag changed it. Faults have keys of `[train]`.
    ///
    /// # Errors
    /// Every span that makes no sense.
    pub fn resolve(
        train: &TrainKeys,
        before_flags: Option<(Option<u64>, Option<u64>)>,
        batches_per_epoch: u64,
    ) -> Result<Self, Vec<KeyFault>> {
        let steps_per_epoch = batches_per_epoch
            .div_ceil(train.grad_accumulation as u64)
            .max(1);
        let total = |epochs: Option<u64>, steps: Option<u64>| {
            steps.or(epochs.map(|epochs| epochs.saturating_mul(steps_per_epoch)))
        };
        let total_steps = total(train.epochs, train.steps).unwrap_or(0);
        if total_steps > LONGEST {
            return Err(vec![too_long(train)]);
        }
        let mut faults = Vec::new();
        let mut steps = |key: &str, span: Span, steps_per_eval: u64| {
            let clock = Clock {
                steps_per_epoch,
                whole: total_steps,
                steps_per_eval,
            };
            steps_of(key, span, &clock).unwrap_or_else(|fault| {
                faults.push(fault);
                1
            })
        };
        let eval_every = match train.eval_every {
            Span::Evals(_) => 1,
            span => steps("eval_every", span, 1),
        };
        let log_every = steps("log_every", train.log_every, eval_every);
        if let Some(stop) = &train.early_stop {
            steps("early_stop.patience", stop.patience, eval_every);
        }
        let before = before_flags.and_then(|(epochs, steps)| total(epochs, steps));
        let horizon = match train.horizon {
            Some(span) => steps("horizon", span, eval_every),
            None => before.map_or(total_steps, |before| before.max(total_steps)),
        };
        if let Span::Evals(_) = train.eval_every {
            faults.insert(0, own_unit(train.eval_every));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            batches_per_epoch,
            steps_per_epoch,
            total_steps,
            horizon,
            eval_every,
            log_every,
        })
    }

    /// Epochs of the run, rounded up.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.total_steps.div_ceil(self.steps_per_epoch)
    }

    /// What turns a schedule's spans into steps.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock {
            steps_per_epoch: self.steps_per_epoch,
            whole: self.horizon,
            steps_per_eval: self.eval_every,
        }
    }
}

/// More steps than any run takes; sums of spans stay exact below it.
const LONGEST: u64 = 1 << 48;

/// A run of more than [`LONGEST`] steps.
fn too_long(train: &TrainKeys) -> KeyFault {
    let key = match train.epochs {
        Some(_) => "epochs",
        None => "steps",
    };
    KeyFault::error(key, format!("the run would take more than {LONGEST} steps"))
}

/// The fault of evaluations that are counted in evaluations.
fn own_unit(span: Span) -> KeyFault {
    let message =
        format!("`eval_every` says how often there is an evaluation, so it cannot be `{span}`");
    KeyFault::error("eval_every", message).hint("count in epochs, steps or %")
}

/// A span of `[train]` in steps, rounded, at least one.
fn steps_of(key: &str, span: Span, clock: &Clock) -> Result<u64, KeyFault> {
    let name = key.rsplit('.').next().unwrap_or(key);
    let hint = "count in epochs, steps or %";
    let fault = |message: String| KeyFault::error(key, message).hint(hint);
    let steps = match (span, span.steps(clock)) {
        (_, Some(steps)) => steps,
        (Span::Rest, None) => return Err(fault(format!("`{name}` cannot be \"rest\""))),
        (_, None) => return Err(fault(format!("`{name}` cannot be counted in time"))),
    };
    if steps <= 0.0 {
        return Err(fault(format!(
            "`{name}` must be more than nothing, found `{span}`"
        )));
    }
    Ok((steps.round() as u64).clamp(1, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(toml: &str, before: Option<(Option<u64>, Option<u64>)>) -> Result<Length, String> {
        let keys: TrainKeys = toml::from_str(toml).map_err(|e| e.to_string())?;
        Length::resolve(&keys, before, 10).map_err(|faults| {
            let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
            texts.join(" | ")
        })
    }

    #[test]
    fn accumulated_batches_make_one_step_and_the_last_may_be_smaller() {
        let length = length("epochs = 3\ngrad_accumulation = 4", None).unwrap();
        assert_eq!((length.steps_per_epoch, length.total_steps), (3, 9));
        assert_eq!((length.horizon, length.epochs()), (9, 3));
    }

    #[test]
    fn a_shorter_run_keeps_the_horizon_and_a_longer_one_moves_it() {
        let horizon = |toml, before| length(toml, Some(before)).unwrap().horizon;
        assert_eq!(horizon("steps = 5", (Some(3), None)), 30);
        assert_eq!(horizon("epochs = 1", (None, Some(12))), 12);
        assert_eq!(horizon("epochs = 5", (Some(3), None)), 50);
        let given = "steps = 5\nhorizon = \"2 epochs\"";
        assert_eq!(horizon(given, (Some(3), None)), 20);
    }

    #[test]
    fn spans_that_make_no_sense_are_all_told() {
        let text =
            "epochs = 1\neval_every = \"0 steps\"\nlog_every = \"5 min\"\nhorizon = \"rest\"";
        assert_eq!(
            length(text, None).unwrap_err(),
            "`eval_every`: `eval_every` must be more than nothing, found `0 steps`; hint: count in epochs, steps or % | \
             `log_every`: `log_every` cannot be counted in time; hint: count in epochs, steps or % | \
             `horizon`: `horizon` cannot be \"rest\"; hint: count in epochs, steps or %"
        );
        assert_eq!(
            length("epochs = 1\neval_every = \"2 evals\"", None).unwrap_err(),
            "`eval_every`: `eval_every` says how often there is an evaluation, so it cannot be `2 evals`; hint: count in epochs, steps or %"
        );
        assert!(length("epochs = 9000000000000000000", None).is_err());
    }
}
