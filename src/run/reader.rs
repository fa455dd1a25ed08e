//! A run directory as a value.

use std::path::{Path, PathBuf};

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    CheckpointInfo, Row, RunError, RunInfo, RunStatus, Summary, checkpoint,
    disk::{self, Entry},
    layout, lock, log,
};
use crate::event::Status;

/// Everything a run directory says, read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    /// The directory.
    pub path: PathBuf,
    /// What it is: `run.json`.
    pub info: RunInfo,
    /// The text of its plan; empty where it cannot be read.
    pub plan: String,
    /// `running`, `completed`, `early_stopped`, `stopped`, `failed`, `diverged` or `crashed`.
    pub status: RunStatus,
    /// What came of it; absent while it runs and after a crash.
    pub summary: Option<Summary>,
    /// The log in order, as the newest format has it. In a view from [`Store::list`](super::Store::list) only the last rows of
    /// unfinished runs are here.
    pub rows: Vec<Row>,
    /// Its checkpoints by step, oldest first; whether they are valid is for
    /// [`verify`](crate::run::verify()) to say.
    pub checkpoints: Vec<CheckpointInfo>,
    /// What could not be read: a torn last line, a checkpoint without manifest.
    pub warnings: Vec<String>,
}

/// Reads run directories.
#[derive(Debug)]
pub struct Reader;

impl Reader {
    /// Longest `run.json`, `summary.json` or plan that is read, in bytes.
    pub(super) const LONGEST: u64 = 1 << 26;
    /// So many bytes at the end of a log are read for a list of runs.
    const TAIL: u64 = 1 << 16;

    /// Reads the whole directory at `path`, which may be in use by a running process.
    ///
    /// # Errors
    /// Where it is no run, of a later format, or unreadable. Damage that leaves the rest readable
    /// becomes a warning of the view.
    pub fn open(path: &Path) -> Result<RunView, RunError> {
        let run = Entry::open(path)?;
        let mut view = Self::view(&run)?;
        view.read_rows(&run, 0);
        Ok(view)
    }

    /// Like [`open`](Self::open), with only the last rows, and those only of unfinished runs: cheap
    /// enough to ask again and again whether a run still runs.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn glance(path: &Path) -> Result<RunView, RunError> {
        Self::glance_at(&Entry::open(path)?)
    }

    pub(super) fn glance_at(run: &Entry) -> Result<RunView, RunError> {
        let mut view = Self::view(run)?;
        if view.summary.is_none() {
            let log = disk::open(&run.join(layout::METRICS));
            let length = log.map_or(0, |(_, length)| length);
            view.read_rows(run, length.saturating_sub(Self::TAIL));
        }
        Ok(view)
    }

    /// Reads `run.json` only.
    ///
    /// # Errors
    /// Where it is no run, of a later format, or unreadable.
    pub fn info(path: &Path) -> Result<RunInfo, RunError> {
        Self::info_of(&Entry::open(path)?)
    }

    pub(super) fn info_of(run: &Entry) -> Result<RunInfo, RunError> {
        let file = run.join(layout::RUN);
        if !disk::exists(&file) {
            return Err(RunError::NotARun { path: run.into() });
        }
        json(&file)
    }

    /// The text of the plan that `run.json` has the hash of.
    ///
    /// # Errors
    /// Where it cannot be read as text.
    pub fn plan_text(path: &Path) -> Result<String, RunError> {
        let run = Entry::open(path)?;
        let info = Self::info_of(&run)?;
        disk::read_text(&Self::plan_of(&run, &info), Self::LONGEST)
    }

    /// Returns the file of the plan that `run.json` has the hash of: a plan whose attempt was not
    /// recorded any more has not taken its place.
    pub(super) fn plan_of(run: &Entry, info: &RunInfo) -> Entry {
        let old = layout::old_plan(run, info.attempts.len() as u32 + 1);
        match disk::exists(&old) {
            true => old,
            false => run.join(layout::PLAN),
        }
    }

    /// Everything but the log.
    fn view(run: &Entry) -> Result<RunView, RunError> {
        let info = Self::info_of(run)?;
        let mut warnings = Vec::new();
        // The lock first: who gives it up has written the summary before.
        let running = lock::is_held(run);
        let summary_path = run.join(layout::SUMMARY);
        let mut told = |error: RunError| warnings.push(error.to_string());
        let summary = match disk::exists(&summary_path) {
            true => json::<Summary>(&summary_path).map_err(&mut told).ok(),
            false => None,
        };
        let plan = disk::read_text(&Self::plan_of(run, &info), Self::LONGEST);
        let plan = plan.map_err(&mut told).unwrap_or_default();
        let listed = checkpoint::list(run).map_err(&mut told);
        let status = match &summary {
            // Older versions had one name for both.
            Some(Summary {
                status: Status::Stopped { why, signal: None },
                ..
            }) => RunStatus::Ended(Status::EarlyStopped { why: why.clone() }),
            Some(summary) => RunStatus::Ended(summary.status.clone()),
            None if running => RunStatus::Running,
            None => RunStatus::Crashed,
        };
        let mut checkpoints = Vec::new();
        for (_, dir) in listed.unwrap_or_default() {
            match checkpoint::twice(|| checkpoint::Manifest::read(&dir, &info.run)) {
                Ok(manifest) => checkpoints.push(manifest.info(dir.path())),
                // Pruned since it was listed.
                Err(_) if !disk::exists(&dir) => {}
                Err(error) => warnings.push(error.to_string()),
            }
        }
        Ok(RunView {
            path: run.into(),
            info,
            plan,
            status,
            summary,
            rows: Vec::new(),
            checkpoints,
            warnings,
        })
    }
}

impl RunView {
    /// A row as the newest format has it: in format 1 the epochs of `epoch` rows count from 0.
    fn converted(&self, mut row: Row) -> Row {
        if row.kind == "epoch" && RunInfo::first_epoch(self.info.format) == 0 {
            row.epoch += 1.0;
        }
        row
    }

    /// Reads the log from the byte at `from` on; where that is not its beginning, the first line
    /// is part of one and left out. What cannot be read becomes a warning.
    fn read_rows(&mut self, run: &Entry, from: u64) {
        let lines = match log::lines(&run.join(layout::METRICS), from) {
            Ok(lines) => lines,
            Err(error) => return self.warnings.push(error.to_string()),
        };
        for (index, line) in lines.enumerate() {
            let line = match line {
                Ok(line) => line,
                Err(error) => return self.warnings.push(error.to_string()),
            };
            match line.row {
                _ if from > 0 && index == 0 => {}
                Ok(row) if line.whole => {
                    let row = self.converted(row);
                    self.rows.push(row);
                }
                // The writer is at it.
                _ if !line.whole && self.status == RunStatus::Running => {}
                _ if !line.whole => self.warnings.push(Self::TORN.into()),
                Ok(_) => {}
                Err(why) => {
                    let place = if from == 0 {
                        format!("line {}", index + 1)
                    } else {
                        "a line".into()
                    };
                    self.warnings.push(format!(
                        "{place} of metrics.jsonl is no row and was left out: {why}"
                    ));
                }
            }
        }
    }

    /// The warning of a log whose last line was not written to its end.
    const TORN: &str = "the last line of metrics.jsonl is torn and was left out";

    /// Returns the warnings that tell of damage, and not only of a crash.
    pub fn damage(&self) -> impl Iterator<Item = &str> {
        let warnings = self.warnings.iter().map(String::as_str);
        warnings.filter(|warning| *warning != Self::TORN)
    }

    /// Optimizer updates done, as far as the summary or, without one, the log says.
    #[must_use]
    pub fn step(&self) -> u64 {
        let logged = || self.rows.last().map_or(0, |row| row.step);
        self.summary
            .as_ref()
            .map_or_else(logged, |summary| summary.step)
    }

    /// The last value of every metric (`split/name`), from the summary or, without one, the log.
    #[must_use]
    pub fn metrics(&self) -> crate::event::Metrics {
        let logged = || {
            let values = self.rows.iter().flat_map(|row| &row.values);
            let numbers = values.filter_map(|(key, value)| match value {
                super::Value::Number(number)
                    if ["train/", "val/", "test/"]
                        .iter()
                        .any(|split| key.starts_with(split)) =>
                {
                    Some((key.clone(), *number))
                }
                _ => None,
            });
            numbers.collect()
        };
        self.summary
            .as_ref()
            .map_or_else(logged, |summary| summary.metrics.clone())
    }
}

/// Reads a JSON file whose `format` this program knows.
fn json<T: DeserializeOwned>(path: &Entry) -> Result<T, RunError> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let bytes = disk::read(path, Reader::LONGEST)?;
    let damaged = |e: serde_json::Error| RunError::damaged(path, e);
    let Versioned { format: found } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if found > RunInfo::FORMAT {
        return Err(RunError::Format {
            path: path.into(),
            found,
            known: RunInfo::FORMAT,
        });
    }
    serde_json::from_slice(&bytes).map_err(damaged)
}
