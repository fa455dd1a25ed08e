//! Appending to `metrics.jsonl`, and finding where it has to be cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Seek, SeekFrom, Write},
};

use jiff::Timestamp;

use serde::{Deserialize, Serialize};

use super::{
    Row, RunError, RunInfo,
    disk::{self, Entry},
    file::File,
    lines::{Lines, TOO_LONG},
    row::Line,
    row_builder::RowBuilder,
};

/// Length and digest of a log at one moment, as a checkpoint's manifest and the summary have them of
/// `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogDigest {
    /// Rows.
    pub rows: u64,
    /// Bytes of these rows.
    pub bytes: u64,
    /// BLAKE3 of these bytes, in hexadecimal.
    pub blake3: String,
}

/// The open log.
#[derive(Debug)]
pub struct Log {
    path: Entry,
    file: File,
    /// Lines that are not in the file yet.
    lines: Vec<u8>,
    /// Everything that was ever put into it.
    hasher: blake3::Hasher,
    next: Next,
}

/// Continuation of a log.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// Number of the next row.
    pub seq: u64,
    /// The attempt that writes it.
    pub attempt: u32,
    /// Format of the run.
    pub format: u32,
}

/// Lines wait in memory up to so many bytes between two flushes.
const LONGEST_WAIT: usize = 1 << 20;

impl Log {
    /// Goes on with the log at `path`. What is there already is read for its digest.
    pub fn open(path: &Entry, next: Next) -> Result<Self, RunError> {
        let mut log = Self::over(path, disk::append_file(path)?, next);
        let (mut written, _) = disk::open(path)?;
        std::io::copy(&mut written, &mut log.hasher).map_err(RunError::io("read", path))?;
        Ok(log)
    }

    fn over(path: &Entry, file: File, next: Next) -> Self {
        Self {
            path: path.clone(),
            file,
            lines: Vec::new(),
            hasher: blake3::Hasher::new(),
            next,
        }
    }

    /// The digest of all rows, also of those that wait in memory.
    pub fn digest(&self) -> LogDigest {
        LogDigest {
            rows: self.next.seq,
            bytes: self.hasher.count(),
            blake3: self.hasher.finalize().to_hex().to_string(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Entry {
        &self.path
    }

    /// Number of the next row.
    pub fn next(&self) -> u64 {
        self.next.seq
    }

    /// Appends a row, in memory.
    pub fn push(&mut self, moment: Timestamp, builder: &RowBuilder) -> Result<(), RunError> {
        let start = self.lines.len();
        let line = Line {
            seq: self.next.seq,
            attempt: self.next.attempt,
            kind: builder.kind,
            step: builder.step,
            epoch: match builder.kind {
                // In a builder, epochs count from 1.
                "epoch" if RunInfo::first_epoch(self.next.format) == 0 => builder.epoch - 1.0,
                _ => builder.epoch,
            },
            time: &format!("{moment:.3}"),
            values: builder
                .values
                .iter()
                .map(|(key, value)| (key.as_ref(), value)),
        };
        serde_json::to_writer(&mut self.lines, &line)
            .map_err(|e| RunError::damaged(&self.path, e))?;
        self.lines.push(b'\n');
        self.hasher.update(&self.lines[start..]);
        self.next.seq += 1;
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
    path: &Entry,
    from: u64,
) -> Result<impl Iterator<Item = Result<LogLine, RunError>> + use<>, RunError> {
    let file = match disk::open(path) {
        Ok((file, _)) => Some(file),
        Err(RunError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut lines = None;
    if let Some(mut file) = file {
        file.seek(SeekFrom::Start(from))
            .map_err(RunError::io("read", path))?;
        lines = Some(Lines::new(file));
    }
    let (path, mut end) = (path.clone(), from);
    Ok(std::iter::from_fn(move || {
        let found = lines.as_mut()?.next_line();
        let found = found.map_err(RunError::io("read", &path)).transpose()?;
        Some(found.map(|line| {
            end += line.length;
            let row = match line.text {
                Some(text) => serde_json::from_slice(text).map_err(|e| e.to_string()),
                None => Err(TOO_LONG.into()),
            };
            let whole = line.whole;
            LogLine { row, end, whole }
        }))
    }))
}

/// The digests of the beginnings of the log at `path`, by their lengths in bytes; a length that the
/// log does not have is not among them.
pub fn digests(path: &Entry, lengths: &BTreeSet<u64>) -> Result<BTreeMap<u64, String>, RunError> {
    let mut digests = BTreeMap::new();
    let (mut file, length) = disk::open(path)?;
    let (mut hasher, mut read) = (blake3::Hasher::new(), 0);
    for &end in lengths.iter().filter(|end| **end <= length) {
        let mut part = (&mut file).take(end - read);
        std::io::copy(&mut part, &mut hasher).map_err(RunError::io("read", path))?;
        digests.insert(end, hasher.finalize().to_hex().to_string());
        read = end;
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Next = Next {
        seq: 0,
        attempt: 1,
        format: RunInfo::FORMAT,
    };

    #[test]
    fn the_digest_is_that_of_the_file_also_after_it_was_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = Entry::open(dir.path()).unwrap().join("metrics.jsonl");
        let mut log = Log::open(&path, FIRST).unwrap();
        let mut lengths = BTreeSet::new();
        for step in 0..4 {
            if step == 2 {
                let next = Next { seq: 2, ..FIRST };
                log.sync().unwrap();
                log = Log::open(&path, next).unwrap();
            }
            log.push(Timestamp::UNIX_EPOCH, &RowBuilder::warning(step, 0.5, "m"))
                .unwrap();
            lengths.insert(log.digest().bytes);
        }
        log.sync().unwrap();
        let bytes = std::fs::read(path.path()).unwrap();
        let digest = log.digest();
        assert_eq!((digest.rows, digest.bytes), (4, bytes.len() as u64));
        assert_eq!(digest.blake3, blake3::hash(&bytes).to_hex().as_str());
        lengths.insert(digest.bytes + 1);
        let found = digests(&path, &lengths).unwrap();
        assert_eq!(found.len(), 4);
        for (length, digest) in found {
            let expected = blake3::hash(&bytes[..length as usize]);
            assert_eq!(digest, expected.to_hex().as_str());
        }
    }

    #[test]
    fn epochs_count_as_the_format_says() {
        let dir = tempfile::tempdir().unwrap();
        for (format, epoch) in [(1, "\"epoch\":2,"), (2, "\"epoch\":3,")] {
            let path = Entry::open(dir.path()).unwrap();
            let path = path.join(format!("{format}.jsonl"));
            let mut log = Log::open(&path, Next { format, ..FIRST }).unwrap();
            let mut builder = RowBuilder::warning(60, 3.0, "m");
            builder.kind = "epoch";
            log.push(Timestamp::UNIX_EPOCH, &builder).unwrap();
            log.sync().unwrap();
            let text = std::fs::read_to_string(path.path()).unwrap();
            assert!(text.contains(epoch), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let dir = tempfile::tempdir().unwrap();
        let path = Entry::open(dir.path()).unwrap().join("metrics.jsonl");
        let mut log = Log::over(&path, File::new(full.unwrap(), path.path()), FIRST);
        log.push(Timestamp::UNIX_EPOCH, &RowBuilder::warning(1, 0.5, "m"))
            .unwrap();
        let message = log.flush().unwrap_err().to_string();
        assert!(
            message.contains("/metrics.jsonl`: No space left"),
            "{message}"
        );
    }

    #[test]
    fn lines_come_back_with_their_ends_and_a_torn_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = Entry::open(dir.path()).unwrap().join("metrics.jsonl");
        assert_eq!(lines(&path, 0).unwrap().count(), 0);
        let mut log = Log::open(&path, FIRST).unwrap();
        for step in 1..=2 {
            log.push(
                Timestamp::UNIX_EPOCH,
                &RowBuilder::warning(step, f64::NAN, "say \"no\"\n"),
            )
            .unwrap();
        }
        log.sync().unwrap();
        let whole = std::fs::read_to_string(path.path()).unwrap();
        assert_eq!(
            whole.lines().next().unwrap(),
            r#"{"seq":0,"attempt":1,"kind":"warning","step":1,"epoch":"NaN","time":"1970-01-01T00:00:00.000Z","message":"say \"no\"\n"}"#
        );
        std::fs::write(path.path(), &whole[..whole.len() - 3]).unwrap();
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
