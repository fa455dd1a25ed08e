//! Where a command's words go: data to standard output, remarks to standard error.

use std::io::{self, BufWriter, IsTerminal, Write};

use super::{CliError, Global, with_name};
use crate::config::{Diagnostics, Plan};
use crate::{
    printable::{Printable, mark_toml, sanitize_toml},
    report::{Ink, Palette, Table, fitted, sanitize, sanitize_json},
};

/// Standard output, and what is known about its reader.
///
/// Everything but [`bytes`](Self::bytes) passes a [`Printable`], so that no text from outside
/// steers the reader's terminal.
///
/// A reader that goes away ends the command through [`CliError::Closed`], silently and with exit
/// code 0. Remarks go to standard error, are never an error themselves, and stay away under `-q`.
pub struct Output<'a> {
    data: Printable<Box<dyn Write + 'a>>,
    palette: Palette,
    width: usize,
    terminal: bool,
    quiet: bool,
    written: bool,
}

impl<'a> Output<'a> {
    /// The process's standard output.
    #[must_use]
    pub fn stdout(global: &Global) -> Self {
        let terminal = io::stdout().is_terminal();
        let buffered = BufWriter::with_capacity(1 << 16, io::stdout());
        Self {
            data: Printable::new(Box::new(buffered), has_colours(terminal)),
            palette: palette(terminal),
            width: terminal_width(terminal),
            terminal,
            quiet: global.quiet,
            written: false,
        }
    }

    /// Writes into `buffer` instead: no colours, 80 columns, no remarks.
    pub fn buffer(buffer: &'a mut Vec<u8>) -> Self {
        Self {
            data: Printable::new(Box::new(buffer), false),
            palette: Palette::PLAIN,
            width: 80,
            terminal: false,
            quiet: true,
            written: false,
        }
    }

    /// Writes into `buffer` what a terminal of `width` columns without colours would get.
    #[cfg(test)]
    pub fn terminal(buffer: &'a mut Vec<u8>, width: usize) -> Self {
        Self {
            width,
            terminal: true,
            ..Self::buffer(buffer)
        }
    }

    /// Writes text; a line break in text from files must be [`sanitize`]d before.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn write(&mut self, text: &str) -> Result<(), CliError> {
        self.written |= !text.is_empty();
        self.data.write_all(text.as_bytes()).map_err(failure)
    }

    /// Writes lines for a person: on a terminal, those that are too wide for it are folded.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn lines(&mut self, text: &str) -> Result<(), CliError> {
        match self.fold() {
            Some(width) => self.write(&fitted(text, width)),
            None => self.write(text),
        }
    }

    /// Writes a table for a person, in a form that fits the terminal.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn table(&mut self, table: &Table) -> Result<(), CliError> {
        self.lines(&table.fitted(self.fold(), self.palette))
    }

    /// Writes bytes that are no text, as they are.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.written = true;
        self.data.raw().write_all(bytes).map_err(failure)
    }

    /// Lets `write` send text as it comes, where it is more than should be held at once.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn stream(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CliError> {
        self.written = true;
        write(&mut self.data).map_err(failure)
    }

    /// Writes a JSON value on a line of its own.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn json(&mut self, value: &serde_json::Value) -> Result<(), CliError> {
        self.write(&sanitize_json(&format!("{value}\n")))
    }

    /// Writes a JSON value over several lines.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn json_lines(&mut self, value: &serde_json::Value) -> Result<(), CliError> {
        self.write(&sanitize_json(&format!("{value:#}\n")))
    }

    /// Writes a TOML document.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn toml(&mut self, table: toml::Table) -> Result<(), CliError> {
        let text = toml::to_string(&mark_toml(table)).unwrap_or_default();
        self.write(&sanitize_toml(&text))
    }

    /// Writes rows as CSV, each text [`sanitize`]d and quoted where it has to be.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn csv(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), CliError> {
        self.written = true;
        let mut lines = csv::Writer::from_writer(&mut self.data);
        for row in rows {
            let cells = row.iter().map(|cell| sanitize(cell).into_owned());
            lines
                .write_record(cells)
                .map_err(|error| failure(error.into()))?;
        }
        lines.flush().map_err(failure)
    }

    /// Hands over what is buffered.
    ///
    /// # Errors
    /// Where standard output is closed or cannot be written.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.data.flush().map_err(failure)
    }

    /// A remark for a person.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            // A remark that nobody can read is no reason to fail.
            let _ = writeln!(stderr(), "{}", remark(&sanitize(&with_name(text))));
        }
    }

    /// A warning: said even under `-q`.
    pub fn warn(&self, text: &str) {
        let palette = palette(io::stderr().is_terminal());
        let label = palette.paint(Ink::Notice, "warning");
        let line = format!("{label}: {}", sanitize(&with_name(text)));
        let _ = writeln!(stderr(), "{}", remark(&line));
    }

    /// Findings of a config with their places: said even under `-q`.
    pub fn diagnostics(&self, found: &Diagnostics) {
        let color = has_colours(io::stderr().is_terminal());
        let _ = stderr().write_all(with_name(&found.render(color)).as_bytes());
    }

    /// Warnings of a config that runs all the same, and notes on its data.
    pub fn remarks(&self, plan: &Plan) {
        if !plan.warnings.list.is_empty() {
            self.diagnostics(&plan.warnings);
        }
        for note in &plan.facts.notes {
            self.note(&format!("note: {note}"));
        }
    }

    /// Returns whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.written
    }

    /// How to paint text on standard output.
    #[must_use]
    pub fn palette(&self) -> Palette {
        self.palette
    }

    /// Characters of a line that a person reads; `None` where no terminal does, and lines stay whole.
    #[must_use]
    pub fn fold(&self) -> Option<usize> {
        self.terminal.then_some(self.width)
    }

    /// Characters of a line on standard output; 80 where it is not a terminal.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Standard error for text, see [`Printable`].
pub(super) fn stderr() -> Printable<io::Stderr> {
    Printable::new(io::stderr(), has_colours(io::stderr().is_terminal()))
}

/// Returns whether a stream shows colours: a terminal that understands them, unless `NO_COLOR` is
/// set to something.
pub(super) fn has_colours(terminal: bool) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    terminal && !refused && !dumb
}

fn palette(terminal: bool) -> Palette {
    if has_colours(terminal) {
        Palette::COLOURS
    } else {
        Palette::PLAIN
    }
}

/// Returns a line for standard error, folded where that is a terminal.
fn remark(line: &str) -> String {
    let terminal = io::stderr().is_terminal();
    match terminal_size::terminal_size_of(io::stderr()).filter(|_| terminal) {
        Some((width, _)) => fitted(line, usize::from(width.0).max(20)),
        None => line.to_string(),
    }
}

fn terminal_width(terminal: bool) -> usize {
    let measured = terminal.then(terminal_size::terminal_size).flatten();
    measured.map_or(80, |(width, _)| usize::from(width.0).max(20))
}

fn failure(error: io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::Closed,
        _ => CliError::Stdout(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

    #[test]
    fn no_verb_prints_a_line_that_is_wider_than_the_terminal() {
        let folder = tempfile::tempdir().unwrap();
        sample::completed(folder.path(), 0.1);
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/poly.toml");
        for line in [
            "show",
            "show --confusion",
            "ls",
            "ls --columns id,path,created",
            "logs",
            "verify last",
            "list",
            "list losses",
            "list metrics",
            "explain",
            "explain poly",
            "explain sgd",
            "explain optimizer.sgd.momentum",
            "explain dataset",
            "check CONFIG",
            "schedule CONFIG",
            "schedule CONFIG --explain",
            "schedule CONFIG --at 10,20",
        ] {
            let args: Vec<&str> = line
                .split(' ')
                .map(|word| if word == "CONFIG" { config } else { word })
                .collect();
            for width in [60, 80, 200] {
                let (shown, _) = sample::on_terminal(folder.path(), &args, width);
                let longest = shown.lines().map(|line| line.chars().count()).max();
                assert!(longest.unwrap_or(0) <= width, "{line} at {width}:\n{shown}");
            }
        }
    }

    #[test]
    fn a_pipe_gets_lines_whole() {
        let folder = tempfile::tempdir().unwrap();
        sample::completed(folder.path(), 0.1);
        let words = |text: &str| text.split_whitespace().collect::<String>();
        let (whole, _) = sample::trainer(folder.path(), &["show"]);
        let (narrow, _) = sample::on_terminal(folder.path(), &["show"], 60);
        let fact = whole
            .lines()
            .find(|line| line.starts_with("  plan "))
            .unwrap();
        assert!(fact.len() > 60, "{fact}");
        assert!(!narrow.contains(fact) && words(&narrow).contains(&words(fact)));
    }

    #[test]
    fn a_broken_pipe_and_a_full_disk_are_told_apart() {
        assert!(matches!(
            failure(io::ErrorKind::BrokenPipe.into()),
            CliError::Closed
        ));
        assert!(matches!(
            failure(io::ErrorKind::StorageFull.into()),
            CliError::Stdout(_)
        ));
    }
}
