//! `trainer logs`.

use std::{thread, time::Duration};

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output};
use crate::{
    report::{EpochRange, Level, TraceFilter, TraceLine, sanitize, sanitize_json},
    run::{Reader, RunStatus, Store, Tail, TailLine},
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
        let mut tail = Tail::open(&path)?;
        let (mut seen, mut printed) = (Seen::default(), false);
        loop {
            // Asked before reading: what a run writes before it ends is then read below.
            let running = self.follow && Reader::glance(&path)?.status == RunStatus::Running;
            while let Some(line) = tail.next_line(running)? {
                let line = match line {
                    TailLine::Text(line) => line,
                    TailLine::TooLong(bytes) => {
                        out.warn(&format!(
                            "a line of {bytes} bytes of trace.jsonl is no event and is left out"
                        ));
                        continue;
                    }
                };
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

/// Lines and epochs of the trace, before anything is filtered out.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

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
