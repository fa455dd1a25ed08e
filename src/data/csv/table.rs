//! A table as it is written: text in columns, each row with its line.

use std::path::{Path, PathBuf};

use ::csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::error::CsvError;
use crate::data::{DataError, content::Content, encoding};

/// A gzipped table may be so many times its file; real ones are some tens.
const MOST_PER_BYTE: u64 = 256;

/// A table of text, rectangular, its column names distinct.
#[derive(Debug)]
pub(super) struct Table {
    pub path: PathBuf,
    pub header: Vec<String>,
    /// BLAKE3 of the content, in hexadecimal.
    pub fingerprint: String,
    columns: Vec<Texts>,
    lines: Vec<u64>,
}

/// The texts of a column, one after the other.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Table {
    /// Reads a whole file. Values are trimmed; empty lines are no rows.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = Content::read_all(path, MOST_PER_BYTE)?;
        let fingerprint = blake3::hash(&bytes).to_hex().to_string();
        encoding::without_nul(path, encoding::utf8(path, &bytes)?)?;
        Ok(Self::parse(path, &bytes, fingerprint)?)
    }

    fn parse(path: &Path, bytes: &[u8], fingerprint: String) -> Result<Self, CsvError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(bytes);
        let mut record = StringRecord::new();
        let mut next = |record: &mut StringRecord| {
            reader
                .read_record(record)
                .map_err(|error| not_text(path, bytes, &error))
        };
        if !next(&mut record)? {
            return Err(CsvError::Empty { path: path.into() });
        }
        let header: Vec<String> = record.iter().map(String::from).collect();
        distinct(path, &header)?;
        let mut lines = Vec::new();
        let mut columns: Vec<Texts> = header.iter().map(|_| Texts::default()).collect();
        while next(&mut record)? {
            let line = record.position().map_or(0, |start| line_of(bytes, start));
            if record.len() != header.len() {
                return Err(CsvError::Ragged {
                    path: path.into(),
                    line,
                    found: record.len(),
                    expected: header.len(),
                });
            }
            lines.push(line);
            for (column, value) in columns.iter_mut().zip(&record) {
                column.text.push_str(value);
                column.ends.push(column.text.len());
            }
        }
        if lines.is_empty() {
            return Err(CsvError::NoRows {
                path: path.into(),
                dropped: false,
            });
        }
        Ok(Self {
            path: path.into(),
            header,
            fingerprint,
            columns,
            lines,
        })
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The line, from 1, at which a row (from 0) begins.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// A value; empty or one of the words for it where it is missing.
    pub(super) fn value(&self, row: usize, column: usize) -> &str {
        let Texts { text, ends } = &self.columns[column];
        let start = row.checked_sub(1).map_or(0, |before| ends[before]);
        &text[start..ends[row]]
    }

    /// A value, unless it is missing.
    pub(super) fn present(&self, row: usize, column: usize) -> Option<&str> {
        let value = self.value(row, column);
        let missing = matches!(value, "" | "?" | "NA")
            || value.eq_ignore_ascii_case("nan")
            || value.eq_ignore_ascii_case("null");
        (!missing).then_some(value)
    }
}

/// The line of a record that begins after any empty lines at `start`.
fn line_of(bytes: &[u8], start: &::csv::Position) -> u64 {
    let rest = bytes.get(start.byte() as usize..).unwrap_or_default();
    let empty = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
    start.line() + empty.filter(|b| **b == b'\n').count() as u64
}

fn not_text(path: &Path, bytes: &[u8], error: &::csv::Error) -> CsvError {
    // Reading from memory with rows of any length, there is nothing else to go wrong.
    let line = match error.kind() {
        ErrorKind::Utf8 { pos: Some(pos), .. } => line_of(bytes, pos),
        _ => 0,
    };
    CsvError::NotText {
        path: path.into(),
        line,
    }
}

fn distinct(path: &Path, header: &[String]) -> Result<(), CsvError> {
    for (second, name) in header.iter().enumerate() {
        if let Some(first) = header[..second].iter().position(|other| other == name) {
            return Err(CsvError::Duplicate {
                path: path.into(),
                name: name.clone(),
                first: first + 1,
                second: second + 1,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Table, CsvError> {
        Table::parse(Path::new("t.csv"), text, String::new())
    }

    #[test]
    fn quotes_spaces_empty_lines_crlf_and_a_byte_order_mark() {
        let text = b"\xef\xbb\xbfa, b\r\n1,\"x, \"\"y\"\"\"\r\n\r\n2,\"two\nlines\"\r\n 3 ,?\r\n";
        let table = parse(text).unwrap();
        assert_eq!(table.header, ["a", "b"]);
        assert_eq!(table.rows(), 3);
        let lines: Vec<u64> = (0..3).map(|row| table.line(row)).collect();
        assert_eq!(lines, [2, 4, 6]);
        assert_eq!(table.value(0, 1), "x, \"y\"");
        assert_eq!(table.value(1, 1), "two\nlines");
        assert_eq!((table.value(2, 0), table.present(2, 1)), ("3", None));
    }

    #[test]
    fn malformed_tables_name_file_and_line() {
        let message = |text: &[u8]| parse(text).unwrap_err().to_string();
        assert_eq!(
            message(b""),
            "`t.csv` is empty; hint: expected a header line and rows"
        );
        assert_eq!(message(b"a,b\n"), "`t.csv` has no rows after its header");
        assert_eq!(
            message(b"a,b\n1,2\n\n3\n"),
            "`t.csv:4` has 1 values, expected 2 as in the header"
        );
        assert_eq!(
            message(b"a,b,a\n1,2,3\n"),
            "`t.csv:1` names column `a` twice, as column 1 and column 3"
        );
        assert_eq!(
            message(b"a,b\n\n3,\xff\n"),
            "`t.csv:3` is not UTF-8 text; hint: save the file as UTF-8"
        );
    }
}
