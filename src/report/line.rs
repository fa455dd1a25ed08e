//! Events as lines for people: what training says while it runs.

use std::time::Duration;

use super::{duration, short};
use crate::event::{Ending, EpochRow, Metrics, Status, StepRow};

/// `epoch   1/100  step 20  lr 0.02  train/loss 1.234  …`: the columns of successive epochs line up.
#[must_use]
pub fn epoch_line(row: &EpochRow, epochs: u64) -> String {
    let digits = epochs.to_string().len();
    let mut line = format!(
        "epoch {:>digits$}/{epochs}  step {}  lr {:<6}",
        row.epoch + 1,
        row.step,
        short(row.lr)
    );
    line += &values(&row.extra);
    line += &values(&row.metrics);
    line + &format!("  {} samples/s", short(row.samples_per_s.round()))
}

/// `step 11  lr 0.001  …  1.5 ms`.
#[must_use]
pub fn step_line(row: &StepRow) -> String {
    let mut line = format!("step {}  lr {:<6}", row.step, short(row.lr));
    line += &values(&row.extra);
    let known = [("train/loss", row.loss), ("grad_norm", row.grad_norm)];
    line += &values(
        &known
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), value?)))
            .collect(),
    );
    line + &format!("  {:.1} ms", row.step_time_ms)
}

/// `  name value` for each: training first, then validation; within a split the loss first.
fn values(metrics: &Metrics) -> String {
    let mut named: Vec<(&String, &f64)> = metrics.iter().collect();
    named.sort_by_key(|(name, _)| {
        let (split, metric) = name.split_once('/').unwrap_or(("", name));
        (split, metric != "loss", metric)
    });
    named
        .iter()
        .map(|(name, value)| format!("  {name} {:<6}", short(**value)))
        .collect()
}

/// `completed after 2000 steps in 1m 03s; best val/accuracy 0.9722 at step 1980`.
///
/// Why a run failed is left to the error that follows.
#[must_use]
pub fn ending_line(ending: &Ending, elapsed: Duration) -> String {
    let after = format!(
        "after {} step{} in {}",
        ending.step,
        if ending.step == 1 { "" } else { "s" },
        duration(elapsed.as_secs_f64())
    );
    let line = match &ending.status {
        Status::Completed => format!("completed {after}"),
        Status::Stopped { why, .. } => format!("stopped {after}: {why}"),
        // Why is an error, and the last thing that is said.
        Status::Diverged { .. } => format!("diverged {after}"),
        Status::Failed { .. } => format!("failed {after}"),
    };
    match &ending.best {
        Some(best) => format!(
            "{line}; best {} {} at step {}",
            best.metric,
            short(best.value),
            best.step
        ),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Best;

    #[test]
    fn the_ending_names_the_best() {
        let best = Best {
            metric: "val/accuracy".into(),
            value: 0.97222,
            step: 40,
        };
        let mut ending = Ending {
            status: Status::Completed,
            step: 40,
            epoch: 2.0,
            metrics: Metrics::new(),
            best: Some(best),
            state_hash: String::new(),
            samples_per_s: 1.0,
            ledger: Metrics::new(),
        };
        let minute = Duration::from_secs(63);
        insta::assert_snapshot!(ending_line(&ending, minute), @"completed after 40 steps in 1m 03s; best val/accuracy 0.9722 at step 40");
        ending.best = None;
        ending.status = Status::Diverged {
            why: "the loss is NaN at step 40".into(),
        };
        insta::assert_snapshot!(ending_line(&ending, minute), @"diverged after 40 steps in 1m 03s");
    }
}
