//! A first look at a table's text: its lines, its quotes, the columns of its first line.

use super::separator::{Separator, quoted};

/// The text without a byte order mark.
pub(super) fn start(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The text from its first line on that is not empty.
fn first_line(text: &str) -> &str {
    start(text).trim_start_matches(['\r', '\n'])
}

/// Counts lines up to places that are asked for in ascending order.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// A place, and the line it is in, from 1.
    place: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            place: 0,
            line: 1,
        }
    }

    /// The line of a row that begins after any empty lines at `place`.
    pub(super) fn at(&mut self, place: usize) -> u64 {
        while let Some(byte) = self.bytes.get(self.place) {
            let ends = match byte {
                b'\n' => true,
                b'\r' => self.bytes.get(self.place + 1) != Some(&b'\n'),
                _ if self.place >= place => break,
                _ => false,
            };
            self.line += u64::from(ends);
            self.place += 1;
        }
        self.line
    }
}

/// The state of the scan of a text.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At the beginning of a value, the only place where a quote opens.
    Start,
    Plain,
    Quoted,
    /// Behind a quote inside quotes: it closes them, or is the first of two.
    Closing,
}

impl State {
    fn next(self, byte: u8, separator: u8) -> Self {
        match (self, byte) {
            (Self::Start | Self::Closing, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::Closing,
            (Self::Quoted, _) => Self::Quoted,
            (_, b'\n' | b'\r') => Self::Start,
            (_, byte) if byte == separator => Self::Start,
            _ => Self::Plain,
        }
    }
}

/// The line of a quote that is open at the end of the text.
pub(super) fn unclosed_quote(text: &str, separator: u8) -> Option<u64> {
    let bytes = start(text).as_bytes();
    let (mut state, mut opened) = (State::Start, 0);
    for (place, byte) in bytes.iter().enumerate() {
        let next = state.next(*byte, separator);
        if state == State::Start && next == State::Quoted {
            opened = place;
        }
        state = next;
    }
    (state == State::Quoted).then(|| Lines::new(start(text)).at(opened))
}

/// The number of values in the first line.
pub(super) fn first_width(text: &str, separator: u8) -> usize {
    let mut state = State::Start;
    let mut width = 1;
    for &byte in first_line(text).as_bytes() {
        if state != State::Quoted && matches!(byte, b'\n' | b'\r') {
            break;
        }
        width += usize::from(state != State::Quoted && byte == separator);
        state = state.next(byte, separator);
    }
    width
}

/// Returns the remedy for a table of one column.
pub(super) fn one_column(text: &str, given: Separator) -> String {
    let mut lines = first_line(text)
        .split(['\r', '\n'])
        .filter(|line| !line.is_empty());
    let (first, second) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let likely = Separator::Auto.candidates(Default::default());
    let separates = |line: &str| {
        likely
            .iter()
            .copied()
            .find(|byte| line.as_bytes().contains(byte))
    };
    let found = separates(first);
    match (found, given) {
        (Some(byte), _) => format!(
            "the file looks separated by {0}: separator = {0}",
            quoted(byte)
        ),
        _ if first.starts_with('#') || separates(second).is_some() => {
            "the header is the first line; remove the lines before it".into()
        }
        _ if first.contains(':') => "the file looks separated by `:`; replace it by commas".into(),
        _ if first.contains(' ') => {
            "the file looks separated by spaces; replace them by commas".into()
        }
        (None, Separator::Byte(byte)) => format!("no line holds the separator {}", quoted(byte)),
        (None, Separator::Auto) => "a table has a target and at least one feature".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_stays_open_is_found_at_its_line() {
        for (text, line) in [
            ("a,b\n1,\"x\n2,y\n", Some(2)),
            ("a,b\n1,\"x\"\n2,y\n", None),
            ("a,b\n1,\"x \"\" y\"\n", None),
            ("a,b\n1,x\"y\n", None),
            ("\u{feff}\"a,b\n", Some(1)),
            ("a,b\r1,2\r3,\"", Some(3)),
            ("a,b\n1,\"x\"\"", Some(2)),
        ] {
            assert_eq!(unclosed_quote(text, b','), line, "{text:?}");
        }
        assert_eq!(unclosed_quote("a;b\n1,\"x;\"y\"", b';'), None);
    }

    #[test]
    fn separators_inside_quotes_make_no_columns() {
        assert_eq!(first_width("\"a,b\",c\n1,2,3", b','), 2);
        assert_eq!(first_width("\u{feff}\n\na;b;c", b';'), 3);
        assert_eq!(first_width("", b','), 1);
    }

    #[test]
    fn a_table_of_one_column_says_what_it_looks_separated_by() {
        let comma = Separator::Byte(b',');
        assert_eq!(
            one_column("a;b\n", comma),
            "the file looks separated by \";\": separator = \";\""
        );
        assert_eq!(
            one_column("a\tb\n", comma),
            "the file looks separated by \"\\t\": separator = \"\\t\""
        );
        for text in ["# x\na,b\n", "My table\n\na,b\n"] {
            let hint = "the header is the first line; remove the lines before it";
            assert_eq!(one_column(text, comma), hint);
        }
        assert_eq!(
            one_column("a b\n", Separator::Auto),
            "the file looks separated by spaces; replace them by commas"
        );
    }
}
