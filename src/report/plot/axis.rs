//! Round numbers for an axis: steps of 1, 2 or 5 times a power of ten.

use super::super::number::short;

/// An axis from its least to its greatest value, with its ticks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Where it begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// The ticks, in order.
    pub ticks: Vec<f64>,
    /// The distance of two ticks.
    step: f64,
}

impl Axis {
    /// An axis of exactly this length from 0, with about `count` ticks.
    pub fn exact(end: f64, count: usize) -> Self {
        let step = round_step(end, count);
        Self {
            low: 0.0,
            high: end,
            ticks: multiples(step, 0.0, end),
            step,
        }
    }

    /// An axis that ends where the values do, with the ticks between its ends.
    pub fn tight(range: (f64, f64), count: usize) -> Self {
        let (low, high) = with_zero(range);
        let step = round_step(high - low, count);
        Self {
            low,
            high,
            ticks: multiples(step, low, high),
            step,
        }
    }

    /// An axis that takes in the values between two ticks, and 0 where it is not far below them.
    pub fn around(range: (f64, f64), count: usize) -> Self {
        let (low, high) = with_zero(range);
        let step = round_step(high - low, count);
        let (first, last) = (below(low, step), -below(-high, step));
        Self {
            low: first,
            high: last,
            ticks: multiples(step, first, last),
            step,
        }
    }

    /// Where a value lies between the ends, from 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// A tick as text, with as many decimals as the ticks need to differ.
    pub fn label(&self, tick: f64) -> String {
        let decimals = -(self.step * 1.000_001).log10().floor();
        let size = self.low.abs().max(self.high.abs());
        if tick == 0.0 {
            "0".into()
        } else if (1e-3..1e6).contains(&size) && decimals <= 12.0 {
            format!("{tick:.*}", decimals.max(0.0) as usize)
        } else if size < 1.0 {
            short(tick)
        } else {
            format!("{tick:e}")
        }
    }
}

/// The range with 0 where that is not far below it, and never empty.
fn with_zero((low, high): (f64, f64)) -> (f64, f64) {
    let low = if low >= 0.0 && low <= 0.4 * high {
        0.0
    } else {
        low
    };
    match (low, high) {
        (low, high) if low < high => (low, high),
        (_, 0.0) => (0.0, 1.0),
        (_, high) if high > 0.0 => (0.0, high),
        (low, _) => (low, 0.0),
    }
}

/// The least round step that divides `length` into at most `count` parts.
fn round_step(length: f64, count: usize) -> f64 {
    let least = (length / count.max(1) as f64).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(least.log10().floor());
    // A hair of slack: 0.005 / 5 is a step of 0.001, although it is a little more in floats.
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    let fits = step.into_iter().find(|step| *step >= least * (1.0 - 1e-9));
    fits.unwrap_or(10.0 * power)
}

/// The greatest multiple of `step` that is not above `value`, but for a rounding error.
fn below(value: f64, step: f64) -> f64 {
    (value / step + 1e-9).floor() * step
}

fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let first = -below(-low, step) / step;
    let count = ((high / step + 1e-9).floor() - first).clamp(0.0, 100.0) as u32;
    (0..=count)
        .map(|i| (first + f64::from(i)).round() * step)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        let labels: Vec<String> = axis.ticks.iter().map(|t| axis.label(*t)).collect();
        labels.join(" ")
    }

    #[test]
    fn ticks_are_round_and_take_in_the_values() {
        let around = |low, high| labels(&Axis::around((low, high), 5));
        insta::assert_snapshot!(around(3e-6, 0.005), @"0 0.001 0.002 0.003 0.004 0.005");
        insta::assert_snapshot!(around(0.8, 0.937), @"0.80 0.85 0.90 0.95");
        insta::assert_snapshot!(around(0.0, 3.2e-6), @"0 1e-6 2e-6 3e-6 4e-6");
        insta::assert_snapshot!(around(0.1, 0.1), @"0 0.02 0.04 0.06 0.08 0.10");
        insta::assert_snapshot!(around(0.0, 0.0), @"0 0.2 0.4 0.6 0.8 1.0");
        insta::assert_snapshot!(around(-2.0, 7.0), @"-2 0 2 4 6 8");
    }

    #[test]
    fn a_tight_axis_ends_at_the_values() {
        let axis = Axis::tight((3e-6, 0.0047), 5);
        assert_eq!((axis.low, axis.high), (0.0, 0.0047));
        assert_eq!(labels(&axis), "0 0.001 0.002 0.003 0.004");
    }

    #[test]
    fn a_horizontal_axis_ends_where_the_run_does() {
        let exact = |end, count| labels(&Axis::exact(end, count));
        insta::assert_snapshot!(exact(100.0, 6), @"0 20 40 60 80 100");
        insta::assert_snapshot!(exact(4000.0, 4), @"0 1000 2000 3000 4000");
        insta::assert_snapshot!(exact(0.5, 5), @"0 0.1 0.2 0.3 0.4 0.5");
        insta::assert_snapshot!(exact(1e7, 5), @"0 2e6 4e6 6e6 8e6 1e7");
    }
}
