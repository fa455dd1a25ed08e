//! Curves drawn in the terminal with braille dots: two by four to a character.
//!
//! Consecutive points are joined by lines, so that a column that stands for many points shows their
//! whole range instead of one of them. A point that is not finite breaks the line.

use super::number::short;

/// A curve and the space that it may take.
#[derive(Debug, Clone)]
pub struct Chart<'a> {
    /// The (x, y) points, in order of x.
    pub points: &'a [(f64, f64)],
    /// Characters of a line, labels included; at least 20 are used.
    pub width: usize,
    /// Lines of the drawing, the x axis not included; at least 2 are used.
    pub height: usize,
    /// How y is spaced.
    pub scale: Scale,
    /// What x counts: `steps` or `epochs`.
    pub unit: &'a str,
}

/// How an axis is spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far.
    Linear,
    /// Equal ratios are equally far; values of zero and below are not shown.
    Log,
}

impl Scale {
    /// Log for values that are all positive and span a factor of 100, linear otherwise.
    #[must_use]
    pub fn fitting(points: &[(f64, f64)]) -> Self {
        let (low, high) = range(points.iter().map(|p| p.1)).unwrap_or((0.0, 0.0));
        if low > 0.0 && high / low >= 100.0 {
            Self::Log
        } else {
            Self::Linear
        }
    }

    fn place(self, y: f64) -> f64 {
        match self {
            Self::Linear => y,
            Self::Log if y > 0.0 => y.ln(),
            Self::Log => f64::NAN,
        }
    }

    fn value(self, place: f64) -> f64 {
        match self {
            Self::Linear => place,
            Self::Log => place.exp(),
        }
    }
}

impl Chart<'_> {
    /// The drawing: `height` lines, the axis, and its two ends; or one line that says why there is
    /// nothing to draw.
    #[must_use]
    pub fn render(&self) -> String {
        let placed: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|&(x, y)| (x, self.scale.place(y)))
            .collect();
        let finite = || placed.iter().filter(|p| p.0.is_finite() && p.1.is_finite());
        let (Some(xs), Some(ys)) = (range(finite().map(|p| p.0)), range(finite().map(|p| p.1)))
        else {
            return match self.points.len() {
                0 => "  (no points yet)\n".into(),
                1 => "  (the only point is not finite)\n".into(),
                n => format!("  (none of the {n} points is finite)\n"),
            };
        };
        // A flat curve says as much on one line.
        let height = if ys.0 == ys.1 { 1 } else { self.height.max(2) };
        let labels = self.labels(ys, height);
        let margin = labels.iter().map(String::len).max().unwrap_or(0);
        let width = self.width.max(20).saturating_sub(margin + 2).max(8);
        let mut canvas = Canvas::new(width, height);
        canvas.trace(&placed, xs, ys);
        let mut text = String::new();
        for (row, label) in labels.iter().enumerate() {
            let tick = if label.is_empty() { '│' } else { '┤' };
            let line = format!("{label:>margin$} {tick}{}", canvas.row(row));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let (first, last) = (short(xs.0), format!("{} {}", short(xs.1), self.unit));
        let gap = width.saturating_sub(first.len()).max(last.len() + 1);
        text + &format!(
            "{:margin$} └{}\n{:margin$}  {first}{last:>gap$}\n",
            "",
            "─".repeat(width),
            ""
        )
    }

    /// One label a line: at the top, in the middle and at the bottom.
    fn labels(&self, (low, high): (f64, f64), height: usize) -> Vec<String> {
        let last = height - 1;
        (0..height)
            .map(|row| {
                if row != 0 && row != last && (row != height / 2 || height < 5) {
                    return String::new();
                }
                let share = row as f64 / last.max(1) as f64;
                short(self.scale.value(high - share * (high - low)))
            })
            .collect()
    }
}

/// Dots on a grid of braille characters.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    cells: Vec<u8>,
}

impl Canvas {
    /// An empty canvas of so many characters.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            cells: vec![0; width * height],
        }
    }

    /// Joins the points, scaled to the whole canvas.
    pub(super) fn trace(&mut self, points: &[(f64, f64)], xs: (f64, f64), ys: (f64, f64)) {
        let (right, bottom) = ((self.width * 2 - 1) as f64, (self.height * 4 - 1) as f64);
        let mut last = None;
        for &(x, y) in points {
            if !x.is_finite() || !y.is_finite() {
                last = None;
                continue;
            }
            let column = (share(x, xs).unwrap_or(0.0) * right).round() as i64;
            let up = share(y, ys).unwrap_or(0.5);
            let line = ((1.0 - up) * bottom).round() as i64;
            self.join(last.unwrap_or((column, line)), (column, line));
            last = Some((column, line));
        }
    }

    /// Bresenham's line.
    fn join(&mut self, (mut x, mut y): (i64, i64), (to_x, to_y): (i64, i64)) {
        let (dx, dy) = ((to_x - x).abs(), -(to_y - y).abs());
        let (step_x, step_y) = ((to_x - x).signum(), (to_y - y).signum());
        let mut error = dx + dy;
        loop {
            self.dot(x as usize, y as usize);
            if (x, y) == (to_x, to_y) {
                return;
            }
            let twice = 2 * error;
            if twice >= dy {
                error += dy;
                x += step_x;
            }
            if twice <= dx {
                error += dx;
                y += step_y;
            }
        }
    }

    fn dot(&mut self, x: usize, y: usize) {
        /// Bits of a braille character by line, left and right.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        self.cells[(y / 4) * self.width + x / 2] |= BITS[y % 4][x % 2];
    }

    fn row(&self, row: usize) -> String {
        self.cells[row * self.width..(row + 1) * self.width]
            .iter()
            .map(|&bits| braille(bits))
            .collect()
    }

    /// The dots of one character, none where it is 0.
    pub(super) fn bits(&self, row: usize, column: usize) -> u8 {
        self.cells[row * self.width + column]
    }
}

/// The character of some dots, a space where there are none.
pub(super) fn braille(bits: u8) -> char {
    match bits {
        0 => ' ',
        bits => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
    }
}

/// Where `value` lies between the ends, from 0 to 1; `None` where they are the same.
fn share(value: f64, (low, high): (f64, f64)) -> Option<f64> {
    // Halved first: the difference of two finite numbers may not be finite.
    (low < high).then(|| (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0))
}

/// The least and the greatest of the finite values.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|v| v.is_finite())
        .fold(None, |ends, v| match ends {
            None => Some((v, v)),
            Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)], scale: Scale) -> String {
        Chart {
            points,
            width: 40,
            height: 5,
            scale,
            unit: "steps",
        }
        .render()
    }

    #[test]
    fn a_warmup_and_a_decay() {
        let points: Vec<(f64, f64)> = (0..=100)
            .map(f64::from)
            .map(|t| {
                (
                    t,
                    if t < 20.0 {
                        0.1 * t / 20.0
                    } else {
                        0.1 * (1.0 - (t - 20.0) / 80.0).powf(0.9)
                    },
                )
            })
            .collect();
        insta::assert_snapshot!(chart(&points, Scale::Linear), @"
         0.1 ┤     ⢀⠜⠙⠒⠤⢤⣀⡀
             │    ⢠⠊      ⠈⠙⠒⠢⠤⣀⡀
        0.05 ┤  ⢀⠴⠁             ⠈⠉⠒⠦⠤⣀⡀
             │ ⢠⠊                     ⠉⠑⠒⠤⣄⡀
           0 ┤⡰⠁                           ⠈⠉⠒⠦⣄
             └──────────────────────────────────
              0                        100 steps
        ");
    }

    #[test]
    fn a_loss_over_decades() {
        let points: Vec<(f64, f64)> = (0..200)
            .map(|t| (f64::from(t), 2.3 * (-f64::from(t) / 30.0).exp()))
            .collect();
        assert_eq!(Scale::fitting(&points), Scale::Log);
        insta::assert_snapshot!(chart(&points, Scale::Log), @"
             2.3 ┤⠉⠒⠢⠤⣄⣀
                 │     ⠈⠉⠓⠲⠤⣄⣀
         0.08343 ┤           ⠈⠉⠑⠒⠤⢄⣀⡀
                 │                  ⠉⠙⠒⠦⢤⣀⡀
        0.003026 ┤                        ⠉⠙⠒⠢⠤⣀
                 └──────────────────────────────
                  0                    199 steps
        ");
    }

    #[test]
    fn flat_empty_and_broken_curves() {
        insta::assert_snapshot!(chart(&[(0.0, 0.1), (10.0, 0.1)], Scale::Linear), @"
        0.1 ┤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤
            └───────────────────────────────────
             0                          10 steps
        ");
        insta::assert_snapshot!(chart(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)], Scale::Linear), @"
        3 ┤                                    ⠈
          │
        2 ┤
          │
        1 ┤⡀
          └─────────────────────────────────────
           0                             2 steps
        ");
        assert_eq!(chart(&[], Scale::Linear), "  (no points yet)\n");
        assert_eq!(
            chart(&[(0.0, f64::NAN)], Scale::Linear),
            "  (the only point is not finite)\n"
        );
        assert_eq!(chart(&[(5.0, 1.0)], Scale::Linear).lines().count(), 3);
        assert_eq!(
            chart(&[(0.0, -f64::MAX), (1.0, f64::MAX)], Scale::Linear)
                .lines()
                .count(),
            7
        );
    }
}
