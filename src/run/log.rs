//! Appending to `metrics.jsonl`, and finding where it has to be cut.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{Row, RunError, disk, draft::Draft, row::Line};

/// The open log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    /// Lines that are not in the file yet.
    lines: Vec<u8>,
    /// The next row's.
    seq: u64,
    attempt: u32,
}

/// Lines wait in memory up to so many bytes between two flushes.
const LONGEST_WAIT: usize = 1 << 20;

impl Log {
    /// Goes on with the log at `path`, whose next row has the number `seq`.
    pub fn open(path: &Path, seq: u64, attempt: u32) -> Result<Self, RunError> {
        Ok(Self::over(path, disk::append_file(path)?, seq, attempt))
    }

    fn over(path: &Path, file: File, seq: u64, attempt: u32) -> Self {
        Self {
            path: path.into(),
            file,
            lines: Vec::new(),
            seq,
            attempt,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the next row.
    pub fn next(&self) -> u64 {
        self.seq
    }

    /// Appends a row, in memory.
    pub fn push(&mut self, moment: Timestamp, draft: &Draft) -> Result<(), RunError> {
        let line = Line {
            seq: self.seq,
            attempt: self.attempt,
            kind: draft.kind,
            step: draft.step,
            epoch: draft.epoch,
            time: &format!("{moment:.3}"),
            values: draft
                .values
                .iter()
                .map(|(key, value)| (key.as_ref(), value)),
        };
        serde_json::to_writer(&mut self.lines, &line)
            .map_err(|e| RunError::damaged(&self.path, e))?;
        self.lines.push(b'\n');
        self.seq += 1;
        if self.lines.len() > LONGEST_WAIT {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> Result<(), RunError> {
        self.file
            .write_all(&self.lines)
            .map_err(RunError::io("write", &self.path))?;
        self.lines.clear();
        Ok(())
    }

    /// Makes everything durable.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.flush()?;
        self.file
            .sync_data()
            .map_err(RunError::io("sync", &self.path))
    }
}

/// One line of a log.
pub struct LogLine {
    /// Its row, or what is wrong with it.
    pub row: Result<Row, String>,
    /// Offset of the byte after it.
    pub end: u64,
    /// Whether it ends in a newline; only the last one may not.
    pub whole: bool,
}

/// The lines of the log at `path`, from the byte at `from` on; none where there is no log.
pub fn lines(
    path: &Path,
    from: u64,
) -> Result<impl Iterator<Item = Result<LogLine, RunError>>, RunError> {
    let file = match disk::open(path) {
        Ok((file, _)) => Some(file),
        Err(RunError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut reader = file.map(BufReader::new);
    if let Some(reader) = &mut reader {
        std::io::Seek::seek(reader, std::io::SeekFrom::Start(from))
            .map_err(RunError::io("read", path))?;
    }
    let (path, mut end, mut line) = (path.to_path_buf(), from, Vec::new());
    Ok(std::iter::from_fn(move || {
        line.clear();
        match reader.as_mut()?.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(length) => {
                end += length as u64;
                let whole = line.ends_with(b"\n");
                let row = serde_json::from_slice(&line).map_err(|e| e.to_string());
                Some(Ok(LogLine { row, end, whole }))
            }
            Err(e) => Some(Err(RunError::io("read", &path)(e))),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut log = Log::over(Path::new("metrics.jsonl"), full, 0, 1);
        log.push(Timestamp::UNIX_EPOCH, &Draft::warning(1, 0.5, "m"))
            .unwrap();
        let message = log.flush().unwrap_err().to_string();
        assert!(
            message.starts_with("cannot write `metrics.jsonl`: No space left"),
            "{message}"
        );
    }

    #[test]
    fn lines_come_back_with_their_ends_and_a_torn_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        assert_eq!(lines(&path, 0).unwrap().count(), 0);
        let mut log = Log::open(&path, 0, 1).unwrap();
        for step in 1..=2 {
            log.push(
                Timestamp::UNIX_EPOCH,
                &Draft::warning(step, f64::NAN, "say \"no\"\n"),
            )
            .unwrap();
        }
        log.sync().unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            whole.lines().next().unwrap(),
            r#"{"seq":0,"attempt":1,"kind":"warning","step":1,"epoch":"NaN","time":"1970-01-01T00:00:00.000Z","message":"say \"no\"\n"}"#
        );
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let read: Vec<LogLine> = lines(&path, 0).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            read[0].row.as_ref().unwrap().text("message"),
            Some("say \"no\"\n")
        );
        assert_eq!(read[0].end as usize, whole.find('\n').unwrap() + 1);
        assert!(read[0].whole && !read[1].whole && read[1].row.is_err());
        assert_eq!(lines(&path, read[0].end).unwrap().count(), 1);
    }
}
