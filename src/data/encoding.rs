//! The encoding of a text file: UTF-8, or a fault that says what the file is instead.

use std::path::Path;

use super::DataError;

/// The fault of a file that should be text in UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Text in UTF-16, with or without a byte order mark.
    #[error(
        "is UTF-16 text; hint: save the file as UTF-8, for example with `iconv -f {0} -t UTF-8`"
    )]
    Utf16(&'static str),
    /// Text in UTF-32.
    #[error(
        "is UTF-32 text; hint: save the file as UTF-8, for example with `iconv -f UTF-32 -t UTF-8`"
    )]
    Utf32,
    /// No text at all.
    #[error("is not text, it is {what}; hint: {remedy}")]
    Binary {
        /// The file's format.
        what: &'static str,
        /// The remedy.
        remedy: &'static str,
    },
    /// Bytes that UTF-8 does not have; the error's own text follows the line.
    #[error("is not UTF-8 text: byte {byte:#04x} in column {column}{}", remedy(.latin.as_deref()))]
    Byte {
        /// The line, from 1.
        line: usize,
        /// The byte's place in its line, from 1.
        column: usize,
        /// The byte.
        byte: u8,
        /// The word around it as Latin-1 would have it.
        latin: Option<String>,
    },
    /// A NUL, which is in no text.
    #[error("has a NUL byte in column {column}; hint: is it a text file?")]
    Nul {
        /// The line, from 1.
        line: usize,
        /// The byte's place in its line, from 1.
        column: usize,
    },
}

impl EncodingError {
    /// The line to blame, where it is one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Byte { line, .. } | Self::Nul { line, .. } => Some(*line),
            Self::Utf16(_) | Self::Utf32 | Self::Binary { .. } => None,
        }
    }
}

fn remedy(latin: Option<&str>) -> String {
    let hint = "; hint: save the file as UTF-8";
    match latin {
        Some(word) => {
            format!("{hint}; if `{word}` is right, it is Latin-1: `iconv -f WINDOWS-1252 -t UTF-8`")
        }
        None => hint.into(),
    }
}

/// The text that the content of the file at `path` is; a byte order mark stays in it.
///
/// # Errors
/// The content is not UTF-8; the error says what it seems to be.
pub(super) fn utf8<'a>(path: &Path, content: &'a [u8]) -> Result<&'a str, DataError> {
    match (other(content), std::str::from_utf8(content)) {
        (None, Ok(text)) => Ok(text),
        (Some(error), _) => Err(fault(path, error)),
        (None, Err(error)) => Err(fault(path, byte(content, error.valid_up_to()))),
    }
}

/// The first NUL of a text, as a fault; tables have none.
pub(super) fn without_nul(path: &Path, text: &str) -> Result<(), DataError> {
    let Some(at) = text.bytes().position(|byte| byte == 0) else {
        return Ok(());
    };
    let (line, column) = place(text.as_bytes(), at);
    Err(fault(path, EncodingError::Nul { line, column }))
}

fn fault(path: &Path, error: EncodingError) -> DataError {
    let path = path.into();
    DataError::Encoding { path, error }
}

/// The beginnings of files that are often taken for text.
const SIGNATURES: [(&[u8], &str, &str); 11] = [
    (b"PK\x03\x04", "a zip archive or an Excel workbook", EXPORT),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"ARROW1\0\0", "an Arrow file", EXPORT),
    (b"SQLite format 3\0", "a SQLite database", EXPORT),
    (b"\x89HDF", "an HDF5 file", EXPORT),
    (b"\x93NUMPY", "a NumPy array", EXPORT),
    (b"\x1f\x8b", "gzip inside gzip", "unpack it once"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", PACK),
    (b"\xfd7zXZ\0", "packed with xz", PACK),
    (b"BZh91AY&SY", "packed with bzip2", PACK),
];

const EXPORT: &str = "export it as CSV in UTF-8";
const PACK: &str = "unpack it, or pack it with gzip";

/// Returns the fault of content whose beginning shows that it is not UTF-8.
fn other(content: &[u8]) -> Option<EncodingError> {
    for (start, what, remedy) in SIGNATURES {
        if content.starts_with(start) {
            return Some(EncodingError::Binary { what, remedy });
        }
    }
    match content {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some(EncodingError::Utf32),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some(EncodingError::Utf16("UTF-16")),
        _ => {}
    }
    // ASCII characters in UTF-16 have a zero for every other byte.
    let start = content.get(..8)?;
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).all(|byte| *byte == 0);
    match (zeros(0), zeros(1)) {
        (true, false) => Some(EncodingError::Utf16("UTF-16BE")),
        (false, true) => Some(EncodingError::Utf16("UTF-16LE")),
        _ => None,
    }
}

/// The fault of the byte at `at`.
fn byte(content: &[u8], at: usize) -> EncodingError {
    let (line, column) = place(content, at);
    EncodingError::Byte {
        line,
        column,
        byte: content.get(at).copied().unwrap_or_default(),
        latin: latin(content, at),
    }
}

/// The word around the byte at `at`, each byte a character, where the byte is a letter of Latin-1
/// among letters.
fn latin(content: &[u8], at: usize) -> Option<String> {
    let is_letter = |byte: &u8| char::from(*byte).is_alphabetic();
    let (before, after) = content.split_at(at);
    let start = at
        - before
            .iter()
            .rev()
            .take(20)
            .take_while(|b| is_letter(b))
            .count();
    let length = after.iter().take(20).take_while(|b| is_letter(b)).count();
    let word = &content[start..at + length];
    let plain = word.iter().any(u8::is_ascii_alphabetic);
    (plain && length > 0).then(|| word.iter().map(|byte| char::from(*byte)).collect())
}

/// Line and column, from 1, of the byte at `at`. A line ends with LF, CR or both.
fn place(content: &[u8], at: usize) -> (usize, usize) {
    let before = content.get(..at).unwrap_or(content);
    let ends = |i: &usize| match before[*i] {
        b'\n' => true,
        b'\r' => content.get(i + 1) != Some(&b'\n'),
        _ => false,
    };
    let line = 1 + (0..before.len()).filter(ends).count();
    let start = (0..before.len()).rev().find(ends).map_or(0, |end| end + 1);
    (line, at - start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &[u8]) -> String {
        let path = Path::new("a.txt");
        let fault = utf8(path, content).and_then(|text| without_nul(path, text));
        fault.unwrap_err().to_string()
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf8_is_text_with_and_without_a_byte_order_mark() {
        let path = Path::new("a.txt");
        for text in ["", "a", "é,b\r\n", "\u{feff}a,b\n1,2\n", "日本語"] {
            assert_eq!(utf8(path, text.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn other_encodings_are_told_by_name() {
        let hint = "; hint: save the file as UTF-8, for example with `iconv -f";
        for (marked, text, name) in [
            ("\u{feff}a,b\n", "UTF-16", "UTF-16"),
            ("a,b\n1,2\n", "UTF-16", "UTF-16LE"),
        ] {
            let little = message(&utf16(marked, u16::to_le_bytes));
            assert_eq!(
                little,
                format!("`a.txt` is {text} text{hint} {name} -t UTF-8`")
            );
            let name = name.replace("LE", "BE");
            let big = message(&utf16(marked, u16::to_be_bytes));
            assert_eq!(
                big,
                format!("`a.txt` is {text} text{hint} {name} -t UTF-8`")
            );
        }
        let wide: Vec<u8> = "\u{feff}a"
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        assert_eq!(
            message(&wide),
            format!("`a.txt` is UTF-32 text{hint} UTF-32 -t UTF-8`")
        );
    }

    #[test]
    fn a_byte_that_utf8_does_not_have_is_told_with_its_place() {
        assert_eq!(
            message(b"id,name\r\n1,caf\xe9,x\r\n"),
            "`a.txt:2` is not UTF-8 text: byte 0xe9 in column 6; hint: save the file as UTF-8; \
             if `caf\u{e9}` is right, it is Latin-1: `iconv -f WINDOWS-1252 -t UTF-8`"
        );
        assert_eq!(
            message(b"a\rb\r\xff"),
            "`a.txt:3` is not UTF-8 text: byte 0xff in column 1; hint: save the file as UTF-8"
        );
        assert_eq!(
            message(b"a,b\n1,\0\n"),
            "`a.txt:2` has a NUL byte in column 3; hint: is it a text file?"
        );
    }

    #[test]
    fn formats_that_are_no_text_are_told_by_name() {
        for (content, expected) in [
            (
                &b"PK\x03\x04\x14\0\0\0"[..],
                "`a.txt` is not text, it is a zip archive or an Excel workbook; hint: export it as CSV in UTF-8",
            ),
            (
                b"\x28\xb5\x2f\xfd\x04",
                "`a.txt` is not text, it is packed with zstd; hint: unpack it, or pack it with gzip",
            ),
            (
                b"\x1f\x8b\x08\0",
                "`a.txt` is not text, it is gzip inside gzip; hint: unpack it once",
            ),
        ] {
            assert_eq!(message(content), expected);
        }
    }
}
