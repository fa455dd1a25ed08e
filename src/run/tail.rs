//! The trace of a run, line by line, also while it grows.

use std::{
    io::{ErrorKind, Seek, SeekFrom},
    path::Path,
};

use super::{
    RunError,
    disk::{self, Entry},
    file::File,
    layout,
    lines::Lines,
};

/// The lines of `trace.jsonl`, which may still grow.
#[derive(Debug)]
pub struct Tail {
    file: Entry,
    /// Bytes that were handed out.
    offset: u64,
    lines: Option<Lines<File>>,
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailLine {
    /// Its text without the newline.
    Text(String),
    /// The bytes of one that is too long to be an event.
    TooLong(u64),
}

impl Tail {
    /// Begins with the first line of the trace of the run at `run`.
    ///
    /// # Errors
    /// Where it is no run.
    pub fn open(run: &Path) -> Result<Self, RunError> {
        Ok(Self {
            file: Entry::open(run)?.join(layout::TRACE),
            offset: 0,
            lines: None,
        })
    }

    /// Returns the next line; `None` where there is none yet. While the file is `growing`, a last
    /// line without newline is left for later.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no file.
    pub fn next_line(&mut self, growing: bool) -> Result<Option<TailLine>, RunError> {
        let lines = match &mut self.lines {
            Some(lines) => lines,
            none => match open(&self.file, self.offset)? {
                Some(lines) => none.insert(lines),
                None => return Ok(None),
            },
        };
        let found = lines
            .next_line()
            .map_err(RunError::io("read", &self.file))?;
        match found.filter(|line| line.whole || !growing) {
            Some(line) => {
                self.offset += line.length;
                Ok(Some(match line.text {
                    Some(text) => {
                        let text = String::from_utf8_lossy(text);
                        TailLine::Text(text.trim_end_matches(['\n', '\r']).to_string())
                    }
                    None => TailLine::TooLong(line.length),
                }))
            }
            None => {
                // Opened again at the same place next time: a reader does not look behind an end.
                self.lines = None;
                Ok(None)
            }
        }
    }
}

/// The file from `offset` on; `None` where it does not exist yet.
fn open(file: &Entry, offset: u64) -> Result<Option<Lines<File>>, RunError> {
    match disk::open(file) {
        Ok((mut opened, _)) => {
            opened
                .seek(SeekFrom::Start(offset))
                .map_err(RunError::io("read", file))?;
            Ok(Some(Lines::new(opened)))
        }
        Err(RunError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn a_growing_file_gives_whole_lines_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut tail = Tail::open(folder.path()).unwrap();
        let mut next = |growing| match tail.next_line(growing).unwrap() {
            Some(TailLine::Text(text)) => text,
            none => format!("{none:?}"),
        };
        assert_eq!(next(true), "None");
        let mut file = fs::File::create(folder.path().join("trace.jsonl")).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(next(true), "one");
        assert_eq!(next(true), "None");
        file.write_all(b"o\r\nthree").unwrap();
        assert_eq!(next(true), "two");
        assert_eq!(next(true), "None");
        assert_eq!(next(false), "three");
        assert_eq!(next(false), "None");
    }
}
