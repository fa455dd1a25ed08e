//! What a plot shows.

use super::super::number::short;

/// Curves over one horizontal axis, in panels one below the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What stands above it; nothing where it is empty.
    pub title: String,
    /// The axis that all panels share.
    pub x: Horizontal,
    /// The panels, from top to bottom.
    pub panels: Vec<Panel>,
}

/// The horizontal axis, which begins at 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Horizontal {
    /// What it counts: `epoch`.
    pub unit: String,
    /// Where it ends.
    pub end: f64,
    /// A second count of the same axis and how many of it make one of the first: `step`, 40.
    pub second: Option<(String, f64)>,
}

/// Spans that follow one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {
    /// (start, end, name), in order.
    pub spans: Vec<(f64, f64, String)>,
}

/// Curves with one vertical axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What the vertical axis measures: `learning rate`.
    pub label: String,
    /// Places on the horizontal axis that are marked: where phases meet.
    pub marks: Vec<f64>,
    /// Named spans of the horizontal axis, a row for each chain of them.
    pub phases: Vec<Phases>,
    /// The curves.
    pub lines: Vec<Line>,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub label: String,
    /// The (x, y) points, in order of x.
    pub points: Vec<(f64, f64)>,
}

impl Panel {
    /// The least and the greatest of its finite values; (0, 1) where there is none.
    pub(super) fn range(&self) -> (f64, f64) {
        let values = self.lines.iter().flat_map(|line| &line.points);
        let (low, high) = values
            .map(|(_, y)| *y)
            .filter(|y| y.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
                (low.min(y), high.max(y))
            });
        if low <= high { (low, high) } else { (0.0, 1.0) }
    }
}

impl Horizontal {
    /// A place in all its counts: `epoch 5, step 200`.
    pub(super) fn name(&self, x: f64) -> String {
        let first = format!("{} {}", self.unit, short(x));
        match &self.second {
            Some((unit, per)) => format!("{first}, {unit} {}", (x * per).round()),
            None => first,
        }
    }
}
