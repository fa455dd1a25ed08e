//! A plot drawn in the terminal: braille curves between axes with round numbers, dotted lines where
//! phases meet, their names above.
//!
//! Several curves of a panel differ by colour where there is one, and in any case by a letter that
//! stands on each of them.

use std::fmt::Write as _;

use super::{
    super::chart::{Canvas, braille},
    Panel, Plot,
    axis::Axis,
    names,
};
use crate::report::{Ink, Palette, sanitize, short};

impl Plot {
    /// The panels as lines of at most `width` characters, or a little more where that is below 24.
    #[must_use]
    pub fn text(&self, width: usize, palette: Palette) -> String {
        let mut text = String::new();
        if !self.title.is_empty() {
            let _ = writeln!(text, "{}", palette.paint(Ink::Bold, &sanitize(&self.title)));
        }
        let panels = self.panels.iter();
        let panels = panels.map(|panel| Screen::new(self, panel, width, palette).draw());
        text + &panels.collect::<Vec<_>>().join("\n")
    }
}

/// One panel on its way into the terminal.
struct Screen<'a> {
    plot: &'a Plot,
    panel: &'a Panel,
    palette: Palette,
    y: Axis,
    /// Characters before the vertical axis.
    margin: usize,
    /// Characters of the drawing.
    width: usize,
    height: usize,
}

impl<'a> Screen<'a> {
    fn new(plot: &'a Plot, panel: &'a Panel, width: usize, palette: Palette) -> Self {
        let height = (width / 6).clamp(8, 20);
        let y = Axis::tight(panel.range(), (height / 2).min(6));
        let units = [
            Some(&plot.x.unit),
            plot.x.second.as_ref().map(|(unit, _)| unit),
        ];
        let units = units.into_iter().flatten().map(|unit| unit.chars().count());
        let labels = y.ticks.iter().map(|tick| y.label(*tick).len());
        let margin = labels.chain(units).max().unwrap_or(0);
        Self {
            plot,
            panel,
            palette,
            y,
            margin,
            width: width.max(24).saturating_sub(margin + 2).max(12),
            height,
        }
    }

    fn draw(&self) -> String {
        let mut lines = self.heading();
        lines.extend(self.phases());
        lines.extend(self.body());
        lines.push(self.axis());
        lines.extend(self.scales());
        lines
            .iter()
            .fold(String::new(), |text, line| text + line.trim_end() + "\n")
    }

    /// The column of the drawing in which an x lies.
    fn column(&self, x: f64) -> usize {
        let dots = (2 * self.width - 1) as f64;
        let share = (x / self.plot.x.end).clamp(0.0, 1.0);
        (share * dots).round() as usize / 2
    }

    /// What is measured; of several curves, their letters and names.
    fn heading(&self) -> Vec<String> {
        let title = self
            .palette
            .paint(Ink::Bold, &self.panel.label)
            .into_owned();
        if self.panel.lines.len() < 2 {
            return vec![title];
        }
        let (mut lines, mut line, mut used) = (vec![title], String::new(), 0);
        for (i, curve) in self.panel.lines.iter().enumerate() {
            let label = sanitize(&curve.label);
            let room = label.chars().count() + 5;
            if used > 0 && used + room > self.margin + 2 + self.width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            let letter = letter(i).to_string();
            let _ = write!(line, "  {} {label} ", self.palette.paint(ink(i), &letter));
            used += room;
        }
        lines.push(line);
        lines
    }

    /// The names of the phases, a line for each chain of which a name has room.
    fn phases(&self) -> Vec<String> {
        let place = |x: f64| self.column(x) as f64;
        let width = |text: &str| text.chars().count() as f64 + 1.0;
        let line = |row| {
            let mut line = String::new();
            for (left, name) in names::placed(row, self.width as f64 + 1.0, place, width) {
                let gap = (left.round() as usize).saturating_sub(line.chars().count());
                let _ = write!(line, "{:gap$}{}", "", sanitize(name));
            }
            let painted = self.palette.paint(Ink::Dim, &line).into_owned();
            (!line.is_empty()).then(|| format!("{:1$}{painted}", "", self.margin + 2))
        };
        self.panel.phases.iter().filter_map(line).collect()
    }

    /// The lines of the drawing with the vertical axis.
    fn body(&self) -> Vec<String> {
        let canvas = |points: &[(f64, f64)]| {
            let mut canvas = Canvas::new(self.width, self.height);
            canvas.trace(points, (0.0, self.plot.x.end), (self.y.low, self.y.high));
            canvas
        };
        let curves: Vec<Canvas> = self.panel.lines.iter().map(|l| canvas(&l.points)).collect();
        let letters = self.letters(&curves);
        let marks: Vec<usize> = self.panel.marks.iter().map(|x| self.column(*x)).collect();
        let labels = self.labels();
        let row = |row: usize| {
            let tick = if labels[row].is_empty() { '│' } else { '┤' };
            let mut line = format!("{:>1$} {tick}", labels[row], self.margin);
            for column in 0..self.width {
                let bits = |canvas: &Canvas| canvas.bits(row, column);
                let all = curves.iter().map(bits).fold(0, |all, bits| all | bits);
                let top = curves.iter().rposition(|canvas| bits(canvas) != 0);
                let letter = letters.iter().find(|l| (l.1, l.2) == (row, column));
                let (shown, ink) = match (letter, top) {
                    (Some((i, ..)), _) => (self::letter(*i), Some(ink(*i))),
                    (None, Some(i)) if curves.len() > 1 => (braille(all), Some(ink(i))),
                    (None, Some(_)) => (braille(all), None),
                    (None, None) if marks.contains(&column) => ('┊', Some(Ink::Dim)),
                    (None, None) => (' ', None),
                };
                let shown = shown.to_string();
                match ink {
                    Some(ink) => line.push_str(&self.palette.paint(ink, &shown)),
                    None => line.push_str(&shown),
                }
            }
            line
        };
        (0..self.height).map(row).collect()
    }

    /// (curve, row, column) of each curve's letter: on the curve, each further to the right.
    fn letters(&self, curves: &[Canvas]) -> Vec<(usize, usize, usize)> {
        if curves.len() < 2 {
            return Vec::new();
        }
        let place = |(i, canvas): (usize, &Canvas)| {
            let column = (i + 1) * self.width / (curves.len() + 1);
            let row = (0..self.height).find(|row| canvas.bits(*row, column) != 0)?;
            Some((i, row, column))
        };
        curves.iter().enumerate().filter_map(place).collect()
    }

    /// The label of each line of the drawing.
    fn labels(&self) -> Vec<String> {
        let mut labels = vec![String::new(); self.height];
        for tick in &self.y.ticks {
            let dots = (4 * self.height - 1) as f64;
            let row = ((1.0 - self.y.share(*tick)) * dots).round() as usize / 4;
            labels[row] = self.y.label(*tick);
        }
        labels
    }

    /// The horizontal axis with a notch where phases meet.
    fn axis(&self) -> String {
        let mut line = vec!['─'; self.width];
        for mark in &self.panel.marks {
            line[self.column(*mark)] = '┴';
        }
        let line: String = line.into_iter().collect();
        format!("{:1$} └{line}", "", self.margin)
    }

    /// The counts below the axis: both ends first, then where phases meet, then round numbers, as far
    /// as there is room for each in all counts.
    fn scales(&self) -> Vec<String> {
        let Plot { x, .. } = self.plot;
        let counts = [
            Some((&x.unit, 1.0)),
            x.second.as_ref().map(|(unit, per)| (unit, *per)),
        ];
        let counts: Vec<(&String, f64)> = counts.into_iter().flatten().collect();
        let round = Axis::exact(x.end, (self.width / 12).max(2));
        let wanted = [0.0, x.end]
            .into_iter()
            .chain(self.panel.marks.iter().copied())
            .chain(round.ticks);
        let mut taken: Vec<(usize, usize, f64)> = Vec::new();
        for at in wanted {
            let texts = counts.iter().map(|(_, per)| count(at * per).len());
            let width = texts.max().unwrap_or(0);
            let middle = self.column(at).saturating_sub(width.saturating_sub(1) / 2);
            let last = self.width.saturating_sub(width);
            let is_free = |left: &usize| {
                let apart =
                    |(l, r, _): &(usize, usize, f64)| left + width + 2 <= *l || *left >= r + 2;
                taken.iter().all(apart)
            };
            // Where phases meet is worth a step aside.
            let aside = if self.panel.marks.contains(&at) { 3 } else { 0 };
            let mut near = (0..=aside)
                .flat_map(|by| [middle + by, middle.saturating_sub(by)])
                .map(|left| left.min(last));
            if let Some(left) = near.find(is_free) {
                taken.push((left, left + width, at));
            }
        }
        taken.sort_by_key(|(left, ..)| *left);
        let line = |(unit, per): &(&String, f64)| {
            let line = self.scale(&taken, *per);
            format!("{unit:>0$}  {line}", self.margin)
        };
        counts.iter().map(line).collect()
    }

    /// One count at the (left, right, x) places: at the ends flush, else centred.
    fn scale(&self, places: &[(usize, usize, f64)], per: f64) -> String {
        let mut line = String::new();
        for (left, right, at) in places {
            let text = count(at * per);
            let spare = right - left - text.len();
            let shift = match *left {
                0 => 0,
                _ if *right == self.width => spare,
                _ => spare / 2,
            };
            let gap = (left + shift).saturating_sub(line.chars().count());
            let _ = write!(line, "{:gap$}{text}", "");
        }
        line
    }
}

/// A count as text; large whole ones in full.
fn count(value: f64) -> String {
    let whole = value.round();
    if (value - whole).abs() < 1e-6 && whole.abs() < 1e12 {
        format!("{whole}")
    } else {
        short(value)
    }
}

fn ink(i: usize) -> Ink {
    Ink::Curve((i % 6) as u8)
}

/// The letter of a curve: a to z, then A to Z, then again.
fn letter(i: usize) -> char {
    let i = (i % 52) as u8;
    char::from(if i < 26 { b'a' + i } else { b'A' + i - 26 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::{Horizontal, Line, Phases};

    /// Five epochs of warmup, then poly to epoch 100, for each power.
    fn plot(powers: &[f64]) -> Plot {
        let value = |t: f64, power: f64| match t {
            t if t < 5.0 => 0.005 * t / 5.0,
            t => 0.005 * (1.0 - (t - 5.0) / 95.0).powf(power),
        };
        let line = |power: &f64| Line {
            label: format!("power = {power}"),
            points: (0..1000)
                .map(|i| f64::from(i) / 10.0)
                .map(|t| (t, value(t, *power)))
                .collect(),
        };
        Plot {
            title: String::new(),
            x: Horizontal {
                unit: "epoch".into(),
                end: 100.0,
                second: Some(("step".into(), 40.0)),
            },
            panels: vec![Panel {
                label: "lr".into(),
                marks: vec![5.0],
                phases: vec![Phases {
                    spans: vec![(0.0, 5.0, "warmup".into()), (5.0, 100.0, "poly".into())],
                }],
                lines: powers.iter().map(line).collect(),
            }],
        }
    }

    #[test]
    fn one_curve_at_eighty_columns() {
        insta::assert_snapshot!(plot(&[0.9]).text(80, Palette::PLAIN));
    }

    #[test]
    fn a_family_at_sixty_columns() {
        insta::assert_snapshot!(plot(&[0.5, 1.0, 3.0]).text(60, Palette::PLAIN));
    }

    #[test]
    fn lines_keep_to_the_width_and_colours_add_none() {
        for width in [24, 31, 40, 80, 133, 240] {
            for powers in [&[0.9][..], &[0.5, 1.0, 2.0, 3.0]] {
                let plain = plot(powers).text(width, Palette::PLAIN);
                for line in plain.lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
                let painted = plot(powers).text(width, Palette::COLOURS);
                let mut bare = painted.replace("\x1b[0m", "");
                for code in ["1", "2", "31", "32", "33", "34", "35", "36"] {
                    bare = bare.replace(&format!("\x1b[{code}m"), "");
                }
                let trimmed = |text: &str| {
                    text.lines()
                        .map(str::trim_end)
                        .collect::<Vec<_>>()
                        .join("\n")
                };
                assert_eq!(trimmed(&bare), trimmed(&plain));
            }
        }
    }
}
