//! The lines of a file, of which none is longer in memory than a line can be.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line that is read, in bytes. A run writes none of a tenth of it.
pub const LONGEST: usize = 1 << 20;
/// The fault of a longer one.
pub const TOO_LONG: &str = "it is longer than 1 MiB";

/// Reads lines, one after the other.
#[derive(Debug)]
pub struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
}

/// One line of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct FileLine<'a> {
    /// Its text with the newline; `None` where it is too long, and was not kept.
    pub text: Option<&'a [u8]>,
    /// Its bytes in the file.
    pub length: u64,
    /// Whether it ends in a newline; only the last one may not.
    pub whole: bool,
}

impl<R: Read> Lines<R> {
    /// Begins where the file stands.
    pub fn new(file: R) -> Self {
        Self {
            reader: BufReader::new(file),
            line: Vec::new(),
        }
    }

    /// Returns the next line; `None` at the end of the file.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<FileLine<'_>>> {
        self.line.clear();
        let (mut length, mut whole, mut fits) = (0, false, true);
        while !whole {
            let part = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                part => part?,
            };
            if part.is_empty() {
                break;
            }
            let newline = part.iter().position(|byte| *byte == b'\n');
            let used = newline.map_or(part.len(), |at| at + 1);
            whole = newline.is_some();
            fits &= self.line.len() + used <= LONGEST;
            if fits {
                self.line.extend_from_slice(&part[..used]);
            }
            self.reader.consume(used);
            length += used as u64;
        }
        let text = fits.then_some(self.line.as_slice());
        Ok((length > 0).then_some(FileLine {
            text,
            length,
            whole,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let (longest, longer) = ("x".repeat(LONGEST - 1), "y".repeat(LONGEST));
        let text = format!("a\n{longest}\n{longer}\nb");
        let mut lines = Lines::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push((line.text.map(<[u8]>::len), line.length, line.whole));
        }
        let (longest, longer) = (LONGEST as u64, LONGEST as u64 + 1);
        assert_eq!(
            found,
            [
                (Some(2), 2, true),
                (Some(LONGEST), longest, true),
                (None, longer, true),
                (Some(1), 1, false),
            ]
        );
        assert!(lines.line.capacity() <= 2 * LONGEST);
    }
}
