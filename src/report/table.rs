//! Tables of aligned columns.
//!
//! A column is as wide as its widest cell in characters; two spaces stand between columns; lines
//! carry no trailing spaces, so that they compare and cut well.

use super::{Ink, Palette, fitted, folded, sanitize};

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At the left: text.
    Left,
    /// At the right: numbers.
    Right,
}

/// A header and rows of cells.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<Cell>>,
}

/// One cell: safe text and, optionally, its ink.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    text: String,
    ink: Option<Ink>,
}

/// Characters of a column that words can be folded in, at least.
const WORDS: usize = 28;

impl Table {
    /// A table without rows.
    pub fn new<S: AsRef<str>>(columns: impl IntoIterator<Item = (S, Align)>) -> Self {
        let columns = columns
            .into_iter()
            .map(|(title, align)| (sanitize(title.as_ref()).into_owned(), align))
            .collect();
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty, surplus ones are not shown.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The header line and one line a row, each ended by a newline.
    #[must_use]
    pub fn render(&self, palette: Palette) -> String {
        let header: Vec<Cell> = self
            .columns
            .iter()
            .map(|(title, _)| Cell::from(title.as_str()).ink(Ink::Bold))
            .collect();
        let widths = self.widths();
        std::iter::once(&header)
            .chain(&self.rows)
            .map(|line| self.line(line, &widths, palette))
            .collect()
    }

    /// Characters of its longest line.
    #[must_use]
    pub fn width(&self) -> usize {
        let gaps = 2 * self.columns.len().saturating_sub(1);
        self.widths().iter().sum::<usize>() + gaps
    }

    /// The same for a narrow screen: a line for each cell that says something, under its row's first.
    #[must_use]
    pub fn stacked(&self, palette: Palette) -> String {
        let names = self.columns.iter().map(|(title, _)| title.chars().count());
        let margin = names.skip(1).max().unwrap_or(0);
        let mut text = String::new();
        for row in &self.rows {
            for (i, (cell, (title, _))) in row.iter().zip(&self.columns).enumerate() {
                match i {
                    0 => text.push_str(&palette.paint(Ink::Bold, &cell.text)),
                    _ if cell.text.is_empty() => continue,
                    _ => text.push_str(&format!("  {title:margin$}  {}", cell.text)),
                }
                text.push('\n');
            }
        }
        text
    }

    /// Returns the table for lines of `fold` characters, if these have an end: as it is where it
    /// fits, with its last column folded where that leaves room for words, else stacked.
    #[must_use]
    pub fn fitted(&self, fold: Option<usize>, palette: Palette) -> String {
        let Some(width) = fold.filter(|width| self.width() > *width) else {
            return self.render(palette);
        };
        let last = self.widths().last().copied().unwrap_or_default();
        match width.checked_sub(self.width() - last) {
            Some(room) if room >= WORDS && self.ends_in_text() => {
                self.with_last_folded(room).render(palette)
            }
            _ => fitted(&self.stacked(palette), width),
        }
    }

    fn ends_in_text(&self) -> bool {
        self.columns
            .last()
            .is_some_and(|(_, align)| *align == Align::Left)
    }

    /// Returns the same table with the last column folded to `room` characters.
    fn with_last_folded(&self, room: usize) -> Self {
        let mut table = Self::new(self.columns.iter().cloned());
        for row in &self.rows {
            let Some((last, before)) = row.split_last() else {
                continue;
            };
            let lines = folded(&last.text, room).into_iter().map(|text| Cell {
                text,
                ink: last.ink,
            });
            for (i, line) in lines.enumerate() {
                let mut cells = match i {
                    0 => before.to_vec(),
                    _ => vec![Cell::from(""); before.len()],
                };
                cells.push(line);
                table.rows.push(cells);
            }
        }
        table
    }

    /// Characters of each column.
    fn widths(&self) -> Vec<usize> {
        let title = |(title, _): &(String, Align)| title.chars().count();
        let mut widths: Vec<usize> = self.columns.iter().map(title).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }

    fn line(&self, cells: &[Cell], widths: &[usize], palette: Palette) -> String {
        let mut line = String::new();
        let mut pending = 0;
        for (i, ((cell, width), (_, align))) in
            cells.iter().zip(widths).zip(&self.columns).enumerate()
        {
            let padding = width - cell.width();
            pending += if i == 0 { 0 } else { 2 };
            if *align == Align::Right {
                pending += padding;
            }
            if !cell.text.is_empty() {
                line.extend(std::iter::repeat_n(' ', pending));
                pending = 0;
                match cell.ink {
                    Some(ink) => line.push_str(&palette.paint(ink, &cell.text)),
                    None => line.push_str(&cell.text),
                }
            }
            if *align == Align::Left {
                pending += padding;
            }
        }
        line.push('\n');
        line
    }
}

impl Cell {
    /// The same cell in `ink`.
    #[must_use]
    pub fn ink(mut self, ink: Ink) -> Self {
        self.ink = Some(ink);
        self
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self {
            text: sanitize(text).into_owned(),
            ink: None,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_with_text() {
        let mut table = Table::new([
            ("id", Align::Left),
            ("val/accuracy", Align::Right),
            ("status", Align::Left),
        ]);
        table.row(["3f9a", "0.9722", "completed"]);
        table.row(["größer", "", "é"]);
        table.row(["x\x1b[2J", "1", ""]);
        insta::assert_snapshot!(table.render(Palette::PLAIN), @r"
        id          val/accuracy  status
        3f9a              0.9722  completed
        größer                    é
        x\u{1b}[2J             1
        ");
    }

    #[test]
    fn a_narrow_screen_gets_lines_instead_of_columns() {
        let mut table = Table::new([
            ("schedule", Align::Left),
            ("type", Align::Left),
            ("first", Align::Right),
        ]);
        table.row(["lr (main)", "poly", "0.005"]);
        table.row(["momentum", "", "0.9"]);
        assert_eq!(table.width(), "lr (main)  poly  0.005".len());
        insta::assert_snapshot!(table.stacked(Palette::PLAIN), @"
        lr (main)
          type   poly
          first  0.005
        momentum
          first  0.9
        ");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let mut table = Table::new([("status", Align::Left), ("n", Align::Right)]);
        table.row([Cell::from("completed").ink(Ink::Good), "7".into()]);
        let painted = table.render(Palette::COLOURS);
        assert!(
            painted.contains("\x1b[32mcompleted\x1b[0m  7\n"),
            "{painted:?}"
        );
    }
}
