//! The curves that a run is shown with: its losses and its learning rate.

use super::{Chart, Ink, Palette, Record, Scale};
use crate::event::key;
use crate::run::Row;

/// Lines of a curve.
const HEIGHT: usize = 8;
/// Columns of a curve at most: wider ones are no clearer.
const WIDTH: usize = 100;

/// The losses, the watched metric and the learning rate, each under its name, where there are two
/// points at least.
pub fn curves(record: &Record, width: usize, palette: Palette) -> Vec<String> {
    let draw = |key: &str| curve(record, key, width.min(WIDTH), palette);
    let watched = record.best().map(|best| best.metric);
    let losses = [key::TRAIN_LOSS, key::VAL_LOSS];
    let other = watched.as_deref().filter(|key| !losses.contains(key));
    losses
        .into_iter()
        .chain(other)
        .chain([key::LR])
        .filter_map(draw)
        .collect()
}

/// A loss that spans decades is drawn on a log axis; a learning rate never is: its shape is what
/// one looks for.
fn curve(record: &Record, key: &str, width: usize, palette: Palette) -> Option<String> {
    let (points, unit) = points(record, key);
    if points.iter().filter(|(_, y)| y.is_finite()).count() < 2 {
        return None;
    }
    let scale = if key == key::LR {
        Scale::Linear
    } else {
        Scale::fitting(&points)
    };
    let note = if scale == Scale::Log { " (log)" } else { "" };
    let chart = Chart {
        points: &points,
        width,
        height: HEIGHT,
        scale,
        unit,
    };
    Some(format!(
        "{}{note}\n{}",
        palette.paint(Ink::Bold, key),
        chart.render()
    ))
}

/// The points of a key: a metric epoch by epoch, unless it was evaluated more often; the learning
/// rate, and what has no epochs yet, by steps.
fn points<'a>(record: &Record, key: &str) -> (Vec<(f64, f64)>, &'a str) {
    let of_kind = |kind: &str, x: fn(&Row) -> f64| -> Vec<(f64, f64)> {
        let rows = record.view.rows.iter().filter(|row| row.kind == kind);
        rows.filter_map(|row| Some((x(row), row.number(key)?)))
            .collect()
    };
    let steps = |kind| of_kind(kind, |row| row.step as f64);
    let (step, eval) = (steps("step"), steps("eval"));
    let epoch = of_kind("epoch", |row| row.epoch);
    match () {
        () if key == key::LR && step.len() > 1 => (step, "steps"),
        () if epoch.len() > 1 && epoch.len() >= eval.len() => (epoch, "epochs"),
        () if eval.len() > 1 => (eval, "steps"),
        () if step.len() > 1 => (step, "steps"),
        () => (epoch, "epochs"),
    }
}
