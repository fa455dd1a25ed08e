//! Events as lines for people: what training says while it runs.

use std::{collections::BTreeSet, time::Duration};

use super::{duration, short};
use crate::event::{Ending, EpochRow, Metrics, Status, StepRow, Tested, TestedState, key};
use crate::units::counted;

/// The lines of successive epochs: numbers under a header, each column at its place.
#[derive(Debug, Clone, Default)]
pub struct EpochLines {
    columns: Vec<String>,
    /// Lines since the header.
    since: usize,
    /// Groups whose learning rate has differed from the main one so far.
    groups: BTreeSet<String>,
}

/// Characters of a column at least: no [`short`] number has more.
const COLUMN: usize = 9;
/// Lines after which a terminal gets the header again.
const AGAIN: usize = 25;

impl EpochLines {
    /// Returns the line of an epoch, with the header before it where it is due. Columns that do not
    /// fit into `width` are left out, the last ones first. A group has a column for its learning rate
    /// from the first epoch in which the rate is not the main one. `best` marks a new best value of
    /// the watched metric.
    pub fn add(&mut self, row: &EpochRow, epochs: u64, best: bool, width: Option<usize>) -> String {
        let names = row.extra.iter();
        let own = names.filter(|(name, value)| is_group(name) && **value != row.lr);
        self.groups.extend(own.map(|(name, _)| name.clone()));
        let cells = cells(row, epochs);
        let wanted = |cell: &&Cell| !is_group(&cell.name) || self.groups.contains(&cell.name);
        let mut used = 0;
        let fits = |cell: &&Cell| {
            used += cell.width + 2;
            width.is_none_or(|width| used - 2 + MARK.len() <= width)
        };
        let cells: Vec<&Cell> = cells.iter().filter(wanted).take_while(fits).collect();
        let columns: Vec<String> = cells.iter().map(|cell| cell.name.clone()).collect();
        let is_due = columns != self.columns || width.is_some() && self.since >= AGAIN;
        let line = |text: fn(&Cell) -> &str| -> String {
            let parts = cells
                .iter()
                .map(|cell| format!("{:>1$}", text(cell), cell.width));
            parts.collect::<Vec<_>>().join("  ")
        };
        let mut text = String::new();
        if is_due {
            text = line(|cell| &cell.name) + "\n";
            (self.columns, self.since) = (columns, 0);
        }
        self.since += 1;
        text + &line(|cell| &cell.value) + if best { MARK } else { "" }
    }
}

/// Returns whether a row's name is that of a group's learning rate.
fn is_group(name: &str) -> bool {
    name.starts_with("lr/")
}

/// The mark behind an epoch with a new best value.
const MARK: &str = "  best";

/// One column of an epoch's line.
struct Cell {
    name: String,
    value: String,
    width: usize,
}

impl Cell {
    fn new(name: &str, value: String, least: usize) -> Self {
        let width = name.chars().count().max(least);
        let name = name.to_string();
        Self { name, value, width }
    }
}

/// Epoch, learning rate, metrics and speed, then what else is scheduled.
fn cells(row: &EpochRow, epochs: u64) -> Vec<Cell> {
    let number = |name: &str, value: f64| Cell::new(name, short(value), COLUMN);
    let count = format!("{}/{epochs}", row.number());
    let digits = epochs.to_string().len();
    let mut cells = vec![
        Cell::new("epoch", count, 2 * digits + 1),
        number(key::LR, row.lr),
    ];
    cells.extend(
        ordered(&row.metrics)
            .into_iter()
            .map(|(name, value)| number(name, *value)),
    );
    cells.push(number("samples/s", row.samples_per_s.round()));
    cells.extend(row.extra.iter().map(|(name, value)| number(name, *value)));
    cells
}

/// `step 11  lr 0.001  …  1.5 ms`. A group is named only where its learning rate is another one.
#[must_use]
pub fn step_line(row: &StepRow) -> String {
    let mut line = format!("step {}  lr {:<6}", row.step, short(row.lr));
    let mut extra = row.extra.clone();
    extra.retain(|name, value| !is_group(name) || *value != row.lr);
    line += &values(&extra);
    let known = [(key::TRAIN_LOSS, row.loss), (key::GRAD_NORM, row.grad_norm)];
    line += &values(
        &known
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), value?)))
            .collect(),
    );
    line + &format!("  {:.1} ms", row.step_time_ms)
}

/// `  name value` for each.
fn values(metrics: &Metrics) -> String {
    let named = ordered(metrics).into_iter();
    named
        .map(|(name, value)| format!("  {name} {:<6}", short(*value)))
        .collect()
}

/// Training first, then validation; within a split the loss first.
fn ordered(metrics: &Metrics) -> Vec<(&String, &f64)> {
    let mut named: Vec<(&String, &f64)> = metrics.iter().collect();
    named.sort_by_key(|(name, _)| {
        let (split, metric) = name.split_once('/').unwrap_or(("", name));
        (split, metric != "loss", metric)
    });
    named
}

/// Names the state that the test split was measured on, where it is not the last: ` (best, step 400)`.
#[must_use]
pub fn tested_state(tested: &Tested) -> String {
    match tested.state {
        TestedState::Best => format!(" (best, step {})", tested.step),
        TestedState::Last => String::new(),
    }
}

/// `completed after 2000 steps in 1m 03s; best val/accuracy 0.9722 at step 1980`.
///
/// Why a run failed is left to the error that follows.
#[must_use]
pub fn ending_line(ending: &Ending, elapsed: Duration) -> String {
    let after = format!(
        "after {} in {}",
        counted(ending.step, "step"),
        duration(elapsed.as_secs_f64())
    );
    let line = match &ending.status {
        Status::Completed => format!("completed {after}"),
        // It names the best value itself.
        Status::EarlyStopped { why } => return format!("stopped early {after}: {why}"),
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

    fn row(epoch: u64, loss: f64) -> EpochRow {
        EpochRow {
            epoch,
            step: 20 * (epoch + 1),
            lr: 1.2345e-7 * (epoch + 1) as f64,
            lr_last: 0.0,
            extra: [("momentum", 0.95)].map(|(k, v)| (k.into(), v)).into(),
            metrics: [
                ("train/loss", loss),
                ("val/loss", 123_456.7 * loss),
                ("val/accuracy", loss / 3.0),
            ]
            .map(|(name, value)| (name.to_string(), value))
            .into(),
            samples_per_s: 1_234_567.0,
            wall_s: 0.1,
            elapsed_s: 0.1,
            order_hash: String::new(),
            state_hash: String::new(),
        }
    }

    #[test]
    fn columns_stay_put_and_fit_the_terminal() {
        for width in [40, 60, 80, 120] {
            let mut lines = EpochLines::default();
            let rows = [(0, 2.5), (8, 0.000_123_45), (99, f64::NAN)];
            let texts =
                rows.map(|(epoch, loss)| lines.add(&row(epoch, loss), 100, true, Some(width)));
            let all: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
            assert_eq!(all.len(), 4, "one header: {all:#?}");
            let ends = |line: &str| line.trim_end_matches(MARK).chars().count();
            assert!(
                all.iter().all(|line| ends(line) == ends(all[0])),
                "{all:#?}"
            );
            assert!(
                all.iter().all(|line| line.chars().count() <= width),
                "{all:#?}"
            );
            assert!(all[1].ends_with("  best"), "{all:#?}");
        }
    }

    #[test]
    fn a_group_is_shown_from_where_its_rate_is_another_one() {
        let mut lines = EpochLines::default();
        let mut add = |rate: f64| {
            let mut row = row(0, 0.5);
            row.extra.insert("lr/bias".into(), rate * row.lr);
            lines.add(&row, 100, false, None)
        };
        assert!(!add(1.0).contains("lr/bias"));
        assert!(add(0.5).contains("lr/bias"));
        // The column stays, under the header that has it.
        assert_eq!(add(1.0).lines().count(), 1);
        let step = StepRow {
            step: 11,
            epoch: 0.5,
            logged: true,
            lr: 0.1,
            extra: [("lr/bias", 0.1), ("lr/out", 0.01)]
                .map(|(k, v)| (k.into(), v))
                .into(),
            loss: None,
            grad_norm: None,
            step_time_ms: 1.5,
            data_time_ms: 0.0,
            samples: 8,
        };
        insta::assert_snapshot!(step_line(&step), @"step 11  lr 0.1     lr/out 0.01    1.5 ms");
    }

    #[test]
    fn a_file_gets_every_column_and_a_terminal_the_header_again() {
        let mut lines = EpochLines::default();
        let text = lines.add(&row(0, 0.5), 100, false, None);
        assert!(
            text.contains("momentum") && text.ends_with("0.95"),
            "{text}"
        );
        let headers = |width: Option<usize>| {
            let mut lines = EpochLines::default();
            let texts = (0..60).map(|epoch| lines.add(&row(epoch, 0.5), 100, false, width));
            texts.filter(|text| text.contains("train/loss")).count()
        };
        assert_eq!((headers(None), headers(Some(80))), (1, 3));
    }

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
            tested: None,
            state_hash: String::new(),
            samples_per_s: 1.0,
            ledger: Metrics::new(),
        };
        let minute = Duration::from_secs(63);
        insta::assert_snapshot!(ending_line(&ending, minute), @"completed after 40 steps in 1m 03s; best val/accuracy 0.9722 at step 40");
        ending.best = None;
        let why = "val/loss did not improve in 5 evaluations; best 0.123 at step 20".into();
        ending.status = Status::EarlyStopped { why };
        insta::assert_snapshot!(ending_line(&ending, minute), @"stopped early after 40 steps in 1m 03s: val/loss did not improve in 5 evaluations; best 0.123 at step 20");
        ending.status = Status::Diverged {
            why: "the loss is NaN at step 40".into(),
        };
        insta::assert_snapshot!(ending_line(&ending, minute), @"diverged after 40 steps in 1m 03s");
    }
}
