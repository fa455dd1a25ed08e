//! `trainer logs`.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output};
use crate::{
    report::{EpochRange, Level, TraceFilter, TraceLine, sanitize, sanitize_json},
    run::{Reader, Store},
    units::counted,
};

/// How long to wait before looking for new lines.
const PAUSE: Duration = Duration::from_millis(250);

/// Print the trace of a run: what happened, when, in which epoch
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    trainer logs last --follow\n  \
    trainer logs last --level warn\n  \
    trainer logs last --epoch 3..5 --grep val/loss")]
pub struct Logs {
    /// An id or its beginning, a name (the newest of it), a path, or `last`
    #[arg(default_value = "last")]
    run: String,
    /// Go on printing until the run ends
    #[arg(short, long)]
    follow: bool,
    /// Only this level and the more serious ones
    #[arg(long, value_enum)]
    level: Option<LeastLevel>,
    /// Only events of these epochs, counted from 1: 3, 3..5 (3, 4 and 5), 3.. or ..5
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    epoch: Option<EpochRange>,
    /// Only lines that contain this text
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LeastLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Time, level, message and fields
    Text,
    /// The lines as they were recorded (in a run of format 1, epochs count from 0 there)
    Json,
}

impl Logs {
    /// Prints the lines that are wanted.
    ///
    /// # Errors
    /// Where the run or its trace cannot be read.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let path = Store::new(&global.runs).find(&self.run)?;
        let (filter, format) = (self.filter(), Reader::info(&path)?.format);
        let mut tail = Tail::new(path.join("trace.jsonl"));
        let (mut seen, mut printed) = (Seen::default(), false);
        loop {
            // Asked before reading: what a run writes before it ends is then read below.
            let running = self.follow && Reader::glance(&path)?.status == "running";
            while let Some(line) = tail.next_line(running)? {
                seen.add(TraceLine::parse(&line, format).as_ref());
                if let Some(text) = self.wanted(&filter, (&line, format), out) {
                    printed = true;
                    match self.format {
                        Format::Text => out.lines(&format!("{text}\n"))?,
                        Format::Json => out.write(&format!("{text}\n"))?,
                    }
                }
            }
            if !running {
                if !printed {
                    out.note(&format!("nothing to show: {}", self.why_nothing(&seen)));
                }
                return Ok(());
            }
            out.flush()?;
            thread::sleep(PAUSE);
        }
    }

    fn filter(&self) -> TraceFilter {
        let level = self.level.map(|level| match level {
            LeastLevel::Trace => Level::Trace,
            LeastLevel::Debug => Level::Debug,
            LeastLevel::Info => Level::Info,
            LeastLevel::Warn => Level::Warn,
            LeastLevel::Error => Level::Error,
        });
        TraceFilter {
            level,
            epochs: self.epoch,
            grep: self.grep.clone(),
        }
    }

    /// The reason why no line was printed.
    fn why_nothing(&self, seen: &Seen) -> String {
        let first = self.epoch.map_or(0, |range| range.first());
        match (seen.lines, seen.epochs) {
            (0, _) => "the run has no trace, or an empty one".into(),
            (_, None) if self.epoch.is_some() => "no epoch was begun".into(),
            (_, Some(last)) if first > last => {
                format!("the run's last epoch is {last}")
            }
            _ => format!(
                "none of {} of the trace is asked for; hint: fewer of --level, --epoch and --grep",
                counted(seen.lines, "line")
            ),
        }
    }

    /// What to print for a line of the file; nothing for one that is not wanted.
    fn wanted(
        &self,
        filter: &TraceFilter,
        (line, format): (&str, u32),
        out: &Output<'_>,
    ) -> Option<String> {
        match (TraceLine::parse(line, format), self.format) {
            (Some(event), _) if !filter.wants(&event) => None,
            (Some(event), Format::Text) => Some(event.text(out.palette())),
            (Some(_), Format::Json) => Some(sanitize_json(line).into_owned()),
            // A torn line tells a person something, and a program nothing.
            (None, Format::Text) if !line.trim().is_empty() => Some(sanitize(line).into_owned()),
            (None, _) => None,
        }
    }
}

/// What the trace holds, whatever is asked for.
#[derive(Default)]
struct Seen {
    lines: u64,
    /// The last epoch, counted from 1.
    epochs: Option<u64>,
}

impl Seen {
    fn add(&mut self, line: Option<&TraceLine>) {
        self.lines += 1;
        self.epochs = self.epochs.max(line.and_then(|line| line.epoch));
    }
}

/// The lines of a file that may still grow.
struct Tail {
    path: PathBuf,
    /// Bytes that were handed out.
    offset: u64,
    reader: Option<BufReader<File>>,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            reader: None,
        }
    }

    /// The next line; `None` where there is none yet. While the file is `growing`, a last line
    /// without newline is left for later.
    fn next_line(&mut self, growing: bool) -> Result<Option<String>, CliError> {
        let path = self.path.clone();
        self.read_line(growing)
            .map_err(|source| CliError::Read { path, source })
    }

    fn read_line(&mut self, growing: bool) -> io::Result<Option<String>> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => match open(&self.path, self.offset)? {
                Some(reader) => none.insert(reader),
                None => return Ok(None),
            },
        };
        let mut line = Vec::new();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || (growing && line.last() != Some(&b'\n')) {
            // Opened again at the same place next time: a reader does not look behind an end.
            self.reader = None;
            return Ok(None);
        }
        self.offset += length as u64;
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_string()))
    }
}

/// The file from `offset` on; `None` where it does not exist yet.
fn open(path: &Path, offset: u64) -> io::Result<Option<BufReader<File>>> {
    match File::open(path) {
        Ok(mut file) => {
            file.seek(SeekFrom::Start(offset))?;
            Ok(Some(BufReader::new(file)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::cli::sample;

    #[test]
    fn a_growing_file_gives_whole_lines_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.jsonl");
        let mut tail = Tail::new(path.clone());
        assert_eq!(tail.next_line(true).unwrap(), None);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(tail.next_line(true).unwrap().as_deref(), Some("one"));
        assert_eq!(tail.next_line(true).unwrap(), None);
        file.write_all(b"o\r\nthree").unwrap();
        assert_eq!(tail.next_line(true).unwrap().as_deref(), Some("two"));
        assert_eq!(tail.next_line(true).unwrap(), None);
        assert_eq!(tail.next_line(false).unwrap().as_deref(), Some("three"));
        assert_eq!(tail.next_line(false).unwrap(), None);
    }

    const TRACE: &str = r#"{"timestamp":"2026-11-22T09:40:11Z","level":"INFO","fields":{"message":"epoch","epoch":1,"lr":0.02},"target":"trainer"}
{"timestamp":"2026-11-22T09:40:12Z","level":"WARN","fields":{"message":"skipped"},"target":"trainer","spans":[{"name":"epoch","epoch":2}]}
{"timestamp":"2026-11-22T09:40:1"#;

    #[test]
    fn lines_are_chosen_by_level_epoch_and_text() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            sample::completed(folder.path(), 0.1).join("trace.jsonl"),
            TRACE,
        )
        .unwrap();
        let shown = |args: &[&str]| {
            let (shown, result) =
                sample::trainer(folder.path(), &[&["logs", "last"], args].concat());
            result.unwrap();
            shown
        };
        insta::assert_snapshot!(shown(&[]), @r#"
        2026-11-22T09:40:11Z  INFO epoch  epoch=1 lr=0.02
        2026-11-22T09:40:12Z  WARN skipped
        {"timestamp":"2026-11-22T09:40:1
        "#);
        assert_eq!(
            shown(&["--format", "json", "--epoch", "1"]).lines().next(),
            TRACE.lines().next()
        );
        assert_eq!(
            shown(&["--level", "warn", "--format", "json"])
                .lines()
                .count(),
            1
        );
        assert_eq!(
            shown(&["--grep", "lr=0.02", "--format", "json"])
                .lines()
                .count(),
            1
        );
    }

    #[test]
    fn the_reason_why_there_is_no_line_is_told() {
        let told = |args: &[&str], lines, epochs| {
            let line = [&["trainer", "logs"], args].concat();
            let logs = <Only as clap::Parser>::parse_from(&line[1..]).logs;
            logs.why_nothing(&Seen { lines, epochs })
        };
        let none =
            "none of 3 lines of the trace is asked for; hint: fewer of --level, --epoch and --grep";
        for (args, lines, epochs, expected) in [
            (&[][..], 0, None, "the run has no trace, or an empty one"),
            (&["--epoch", "1"], 3, None, "no epoch was begun"),
            (&["--epoch", "4.."], 3, Some(2), "the run's last epoch is 2"),
            (&["--epoch", "2", "--grep", "x"], 3, Some(2), none),
            (&["--level", "error"], 3, None, none),
        ] {
            assert_eq!(told(args, lines, epochs), expected, "{args:?}");
        }
    }

    /// The verb's flags alone.
    #[derive(clap::Parser)]
    struct Only {
        #[command(flatten)]
        logs: Logs,
    }

    #[test]
    fn following_a_run_that_has_ended_ends() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            sample::completed(folder.path(), 0.1).join("trace.jsonl"),
            TRACE,
        )
        .unwrap();
        let (shown, result) = sample::trainer(
            folder.path(),
            &["logs", "--follow", "--level", "warn", "--format", "json"],
        );
        result.unwrap();
        assert_eq!(shown.lines().count(), 1);
    }
}
