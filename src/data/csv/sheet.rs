//! One file of a table as it is written: text in columns, each row with its line.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use ::csv::{Reader, ReaderBuilder, StringRecord, Trim};

use super::{
    Csv,
    error::{CsvError, RowFault, file_name},
    number::Decimal,
    scan::{self, Lines},
    separator::{Separator, quoted},
};
use crate::data::{DataError, content::Content, encoding};

/// A gzipped table may be so many times its file; real ones are some tens.
const MOST_PER_BYTE: u64 = 256;

/// Longest line that is read: a row of some million numbers.
const LONGEST_LINE: usize = 64 << 20;

/// A file of text in columns, rectangular.
#[derive(Debug)]
pub(super) struct Sheet {
    pub path: PathBuf,
    pub header: Vec<String>,
    /// BLAKE3 of the content, in hexadecimal.
    pub fingerprint: String,
    pub columns: Vec<Texts>,
    /// The line, from 1, at which each row begins.
    pub lines: Vec<u64>,
    /// Decisions that a reader should know.
    pub notes: Vec<String>,
}

/// The texts of a column, one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Adds the value of the next row.
    pub(super) fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }

    /// The value of a row.
    pub(super) fn get(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[row]]
    }
}

/// The form of a file, as the config says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'a> {
    pub separator: Separator,
    pub decimal: Decimal,
    pub header: bool,
    pub names: Option<&'a [String]>,
}

impl<'a> Form<'a> {
    pub(super) fn of(spec: &'a Csv) -> Self {
        Self {
            separator: spec.separator,
            decimal: spec.decimal,
            header: spec.header,
            names: spec.names.as_deref(),
        }
    }
}

/// The rows of a text, one after the other; lines of blanks are none.
struct Rows<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    lines: Lines<'a>,
    record: StringRecord,
}

/// A row, the line where it begins, and its text.
struct Row<'r> {
    record: &'r StringRecord,
    line: u64,
    raw: &'r str,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str, separator: u8) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        Self {
            text,
            reader,
            lines: Lines::new(text),
            record: StringRecord::new(),
        }
    }

    /// The next row. Nothing can go wrong with UTF-8 in memory and rows of any length.
    fn read(&mut self) -> Option<Row<'_>> {
        while self.reader.read_record(&mut self.record).unwrap_or(false) {
            let position = self.record.position();
            let start = position.map_or(0, |start| start.byte() as usize);
            let end = self.reader.position().byte() as usize;
            let raw = self.text.get(start..end).unwrap_or_default().trim();
            if !raw.is_empty() || self.record.len() > 1 {
                return Some(Row {
                    record: &self.record,
                    line: self.lines.at(start),
                    raw,
                });
            }
        }
        None
    }
}

impl Sheet {
    /// Reads a whole file. Values are trimmed; empty lines are no rows.
    pub(super) fn read(path: &Path, form: Form<'_>) -> Result<Self, DataError> {
        let (bytes, long) = Content::read_lines(path, MOST_PER_BYTE, LONGEST_LINE)?;
        let text = match (encoding::utf8(path, &bytes), long) {
            (Ok(text), None) => text,
            (Ok(text), Some(line)) => {
                encoding::without_nul(path, text)?;
                return Err(DataError::LongLine {
                    path: path.into(),
                    line,
                    longest: LONGEST_LINE,
                });
            }
            (Err(error), _) => return Err(error),
        };
        encoding::without_nul(path, text)?;
        let fingerprint = blake3::hash(&bytes).to_hex().to_string();
        let sheet = Self::parse(path, text, form)?;
        Ok(Self {
            fingerprint,
            ..sheet
        })
    }

    /// The table in a text: with the given separator, or the first that makes columns of it.
    pub(super) fn parse(path: &Path, text: &str, form: Form<'_>) -> Result<Self, CsvError> {
        if scan::start(text).trim().is_empty() {
            return Err(CsvError::Empty { path: path.into() });
        }
        let candidates = form.separator.candidates(form.decimal);
        let width = |byte: u8| scan::first_width(text, byte);
        let usual = candidates.first().copied().unwrap_or(b',');
        let first = Self::separated(path, text, usual, form);
        if first.as_ref().is_ok_and(|sheet| sheet.columns.len() > 1) {
            return first;
        }
        let wider = candidates
            .iter()
            .filter(|byte| width(**byte) > width(usual).max(1));
        for &byte in wider.clone() {
            if let Ok(mut sheet) = Self::separated(path, text, byte, form) {
                let name = file_name(path);
                let note = format!("the values of `{name}` are separated by {}", quoted(byte));
                sheet.notes.push(note);
                return Ok(sheet);
            }
        }
        if width(usual) > 1 {
            return first;
        }
        match wider.copied().max_by_key(|byte| width(*byte)) {
            Some(byte) => Self::separated(path, text, byte, form),
            None => match first {
                Err(error @ CsvError::UnclosedQuote { .. }) => Err(error),
                _ => Err(CsvError::OneColumn {
                    path: path.into(),
                    hint: scan::one_column(text, form.separator),
                }),
            },
        }
    }

    /// The table with values separated by `separator`.
    fn separated(path: &Path, text: &str, separator: u8, form: Form<'_>) -> Result<Self, CsvError> {
        if let Some(line) = scan::unclosed_quote(text, separator) {
            let path = path.into();
            return Err(CsvError::UnclosedQuote { path, line });
        }
        let mut rows = Rows::new(text, separator);
        let Some(first) = rows.read() else {
            return Err(CsvError::Empty { path: path.into() });
        };
        let mut sheet = Self::begin(path, first.record, form)?;
        if !form.header {
            sheet.push(first.line, first.record);
        }
        while let Some(row) = rows.read() {
            let (line, expected) = (row.line, sheet.header.len());
            if row.record.len() != expected {
                let path = path.into();
                let fault = RowFault::of(row.raw, row.record, expected, separator);
                return Err(CsvError::Ragged { path, line, fault });
            }
            sheet.push(line, row.record);
        }
        if sheet.lines.is_empty() {
            return Err(CsvError::NoRows {
                path: path.into(),
                dropped: false,
            });
        }
        Ok(sheet)
    }

    /// An empty table with the names of its columns.
    fn begin(path: &Path, first: &StringRecord, form: Form<'_>) -> Result<Self, CsvError> {
        let header: Vec<String> = match (form.header, form.names) {
            (true, _) => first.iter().map(String::from).collect(),
            (false, Some(names)) => names.to_vec(),
            (false, None) => (1..=first.len()).map(|n| format!("column{n}")).collect(),
        };
        if header.len() != first.len() {
            return Err(CsvError::NamesCount {
                path: path.into(),
                names: header.len(),
                columns: first.len(),
            });
        }
        distinct(path, &header, form.decimal)?;
        Ok(Self {
            path: path.into(),
            columns: header.iter().map(|_| Texts::default()).collect(),
            header,
            fingerprint: String::new(),
            lines: Vec::new(),
            notes: Vec::new(),
        })
    }

    fn push(&mut self, line: u64, record: &StringRecord) {
        self.lines.push(line);
        for (column, value) in self.columns.iter_mut().zip(record) {
            column.push(value);
        }
    }
}

/// A fault where two columns have one name; columns without a name are told apart later.
fn distinct(path: &Path, header: &[String], decimal: Decimal) -> Result<(), CsvError> {
    let mut known = HashMap::new();
    let named = header
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty());
    for (second, name) in named {
        if let Some(first) = known.insert(name, second) {
            return Err(CsvError::Duplicate {
                path: path.into(),
                name: name.clone(),
                first: first + 1,
                second: second + 1,
                values: are_values(header, decimal),
            });
        }
    }
    Ok(())
}

/// Returns whether a header is made of numbers, as a first row of values is.
pub(super) fn are_values(header: &[String], decimal: Decimal) -> bool {
    let numbers = header.iter().filter(|name| decimal.number(name).is_some());
    numbers.count() * 2 > header.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form<'_> = Form {
        separator: Separator::Auto,
        decimal: Decimal::Point,
        header: true,
        names: None,
    };

    fn parse(text: &str) -> Result<Sheet, CsvError> {
        Sheet::parse(Path::new("t.csv"), text, FORM)
    }

    #[test]
    fn quotes_spaces_empty_lines_crlf_and_a_byte_order_mark() {
        let text = "\u{feff}a, b\r\n1,\"x, \"\"y\"\"\"\r\n\r\n2,\"two\nlines\"\r\n  \r\n 3 ,?\r\n";
        let sheet = parse(text).unwrap();
        assert_eq!(sheet.header, ["a", "b"]);
        assert_eq!(sheet.lines, [2, 4, 7]);
        assert_eq!(sheet.columns[1].get(0), "x, \"y\"");
        assert_eq!(sheet.columns[1].get(1), "two\nlines");
        assert_eq!(sheet.columns[0].get(2), "3");
    }

    #[test]
    fn every_line_ending_counts_lines_alike() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "1,2", "", "3,4"].join(end);
            for text in [text.clone(), text + end] {
                let sheet = parse(&text).unwrap();
                assert_eq!(sheet.lines, [2, 4], "{text:?}");
                assert_eq!(sheet.columns[1].get(1), "4");
            }
        }
    }

    #[test]
    fn a_separator_is_found_and_commas_come_first() {
        for (text, header, notes) in [
            ("a,b;c\n1,2;3\n", vec!["a", "b;c"], 0),
            ("a;b\n1,5;2,5\n", vec!["a", "b"], 1),
            ("a\tb\n1\t2\n", vec!["a", "b"], 1),
            ("a|b|c\n1|2|3\n", vec!["a", "b", "c"], 1),
            // A comma in a name does not make a table of commas.
            (
                "price, net;n;y\n1,5;2;3\n1;2;3\n",
                vec!["price, net", "n", "y"],
                1,
            ),
        ] {
            let sheet = parse(text).unwrap();
            assert_eq!(
                (sheet.header, sheet.notes.len()),
                (header.iter().map(|h| h.to_string()).collect(), notes)
            );
        }
    }
}
