//! Whether a run directory is what its writer left: every digest, every line, the summary.
//!
//! The summary has digests of the log and of the other files, and one of itself; the manifest of a
//! checkpoint has digests of the checkpoint's files and of the log up to it, and one of itself;
//! `run.json` has digests of config and plan, and one of itself. `docs/run-format.md` has a table of
//! what is covered when. Runs of format 1 have only the checkpoints' digests.

mod digests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use super::{
    Confusions, LogDigest, Reader, Row, RunError, RunInfo, RunView, Summary, checkpoint,
    disk::{self, Entry},
    layout, lock, log,
};
use crate::event::{Status, key};

/// What verification found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The run's id.
    pub run: String,
    /// Every checkpoint, oldest first.
    pub checkpoints: Vec<CheckpointVerdict>,
    /// Rows of the log that were read.
    pub rows: usize,
    /// Other files whose digests the summary has.
    pub files: usize,
    /// What is wrong with the log, the summary, or how they fit together.
    pub faults: Vec<String>,
    /// What is as it should be after a crash, but worth knowing.
    pub notes: Vec<String>,
}

/// One checkpoint after its digests were compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointVerdict {
    /// The step that its directory is named after.
    pub step: u64,
    /// Its directory.
    pub path: PathBuf,
    /// Bytes of its files; 0 where it is damaged.
    pub bytes: u64,
    /// The state it holds; empty where it is damaged.
    pub state_hash: String,
    /// What is wrong with it; none where it is valid.
    pub fault: Option<String>,
    /// The log as it was when the checkpoint was taken; absent in older runs.
    #[serde(skip)]
    log: Option<LogDigest>,
}

impl Verification {
    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
            && self
                .checkpoints
                .iter()
                .all(|verdict| verdict.fault.is_none())
    }
}

/// Times that a run under way is read again where something does not fit: its process may have
/// deleted or replaced what was being read.
const AGAIN: u32 = 10;

/// Verifies the run at `path`: the digests of every checkpoint, of the log and of the other files,
/// the log's rows (JSON, numbering, order), and that summary, log and checkpoints agree.
///
/// # Errors
/// Where it is no run, of a later format, or its `run.json` is damaged; anything else that is wrong
/// is in the result.
pub fn verify(path: &Path) -> Result<Verification, RunError> {
    let run = Entry::open(path)?;
    let mut tries = 0;
    loop {
        let running = lock::is_held(&run);
        let found = verify_once(&run, running);
        let whole = found.as_ref().is_ok_and(Verification::is_valid);
        // One that has just begun or ended was under way, too.
        let moving = running || lock::is_held(&run);
        if whole || !moving || tries == AGAIN {
            return found;
        }
        tries += 1;
        std::thread::sleep(Duration::from_millis(5) * tries);
    }
}

fn verify_once(run: &Entry, running: bool) -> Result<Verification, RunError> {
    let info = Reader::info_of(run)?;
    let mut found = Verification {
        run: info.run.clone(),
        checkpoints: Vec::new(),
        rows: 0,
        files: 0,
        faults: Vec::new(),
        notes: Vec::new(),
    };
    match checkpoint::list(run) {
        Ok(listed) => {
            let verdicts = listed.into_iter().map(|(step, dir)| {
                let gone = |verdict: &CheckpointVerdict| {
                    running && verdict.fault.is_some() && !disk::exists(&dir)
                };
                // One that was deleted since it was listed is no fault.
                Some(verdict(step, &dir, &info)).filter(|verdict| !gone(verdict))
            });
            found.checkpoints = verdicts.flatten().collect();
        }
        Err(error) => found.faults.push(error.to_string()),
    }
    // A write that the disk lost may have been lost before the summary took its digest.
    found
        .faults
        .extend(Confusions::of(run).err().map(|error| error.to_string()));
    let commits = found.log(run, &info, running);
    found.commits(&commits, &info, running);
    match Reader::glance_at(run) {
        Ok(view) => found.summary(run, &view, running),
        Err(error) => found.faults.push(error.to_string()),
    }
    Ok(found)
}

fn verdict(step: u64, dir: &Entry, info: &RunInfo) -> CheckpointVerdict {
    let checked = checkpoint::twice(|| checkpoint::check(dir, &info.run)).and_then(|manifest| {
        // What an earlier attempt had may differ: it was allowed to.
        let own = manifest.attempt as usize == info.attempts.len();
        if own && manifest.plan_hash != info.plan_hash {
            let why = "it is of another plan than run.json says";
            return Err(RunError::damaged(dir, why));
        }
        Ok(manifest)
    });
    let path = dir.path().to_path_buf();
    match checked {
        Ok(manifest) => {
            let info = manifest.info(&path);
            CheckpointVerdict {
                step,
                path,
                bytes: info.bytes,
                state_hash: info.state_hash,
                fault: None,
                log: manifest.log,
            }
        }
        Err(error) => CheckpointVerdict {
            step,
            path,
            bytes: 0,
            state_hash: String::new(),
            fault: Some(error.to_string()),
            log: None,
        },
    }
}

impl Verification {
    /// Reads the log; gives the states that its commit lines name by step.
    fn log(&mut self, run: &Entry, info: &RunInfo, running: bool) -> BTreeMap<u64, String> {
        let mut commits = BTreeMap::new();
        let mut last: Option<Row> = None;
        let file = run.join(layout::METRICS);
        if !disk::exists(&file) {
            self.faults.push("metrics.jsonl is missing".into());
        }
        let lines = match log::lines(&file, 0) {
            Ok(lines) => lines,
            Err(error) => {
                self.faults.push(error.to_string());
                return commits;
            }
        };
        for (index, line) in lines.enumerate() {
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    self.faults.push(error.to_string());
                    return commits;
                }
            };
            let place = format!("line {} of metrics.jsonl", index + 1);
            match line.row {
                Ok(row) if line.whole => {
                    self.faults.extend(
                        order(last.as_ref(), &row, info)
                            .into_iter()
                            .map(|why| format!("{place}: {why}")),
                    );
                    if row.kind == "checkpoint" {
                        let state = row.text(key::STATE_HASH).unwrap_or_default();
                        commits.insert(row.step, state.to_string());
                    }
                    self.rows += 1;
                    last = Some(row);
                }
                _ if !line.whole && running => {}
                _ if !line.whole => self
                    .notes
                    .push(format!("{place} is torn, as a crash leaves it")),
                Ok(_) => {}
                Err(why) => self.faults.push(format!("{place} is no row: {why}")),
            }
        }
        commits
    }

    /// Compares the commit lines with the checkpoints.
    fn commits(&mut self, commits: &BTreeMap<u64, String>, info: &RunInfo, running: bool) {
        for verdict in self
            .checkpoints
            .iter()
            .filter(|verdict| verdict.fault.is_none())
        {
            let step = verdict.step;
            match commits.get(&step) {
                Some(state) if *state != verdict.state_hash => {
                    self.faults.push(format!("the checkpoint of step {step} holds another state than its commit line says"));
                }
                // Resuming cut the line of the checkpoint that a signal had caused.
                None if !running
                    && !info
                        .attempts
                        .iter()
                        .any(|attempt| attempt.from_step == step) =>
                {
                    self.notes.push(format!(
                        "the checkpoint of step {step} has no commit line, as a crash leaves it"
                    ));
                }
                _ => {}
            }
        }
    }

    /// Compares the summary with the rest, and the log with the digests that there are of it.
    fn summary(&mut self, run: &Entry, view: &RunView, running: bool) {
        let Some(summary) = &view.summary else {
            self.faults.extend(
                view.warnings
                    .iter()
                    .filter(|why| why.contains(layout::SUMMARY))
                    .cloned(),
            );
            self.log_digests(run, None);
            self.fixed(run, &view.info);
            return self.unfinished(run, view, running);
        };
        self.sealed(run, view, summary);
        self.log_digests(run, summary.log.as_ref());
        self.contents(run, summary);
        self.agreement(view, summary);
    }

    /// Tells why there is no summary, or that there should be one.
    fn unfinished(&mut self, run: &Entry, view: &RunView, running: bool) {
        if running {
            let note =
                "the run is running: what it wrote since its newest checkpoint is not covered";
            return self.notes.push(note.into());
        }
        let summary = run.join(layout::SUMMARY);
        // It has that name while run.json is replaced.
        let was_at_it = disk::exists(&disk::fresh_name(&summary));
        let last = view.info.attempts.last();
        match last.and_then(|attempt| attempt.status.as_ref()) {
            Some(status) if !was_at_it && !disk::exists(&summary) => self.faults.push(format!(
                "summary.json is missing: run.json says that the run ended, {status}"
            )),
            _ => self
                .notes
                .push(format!("there is no summary: the run is {}", view.status)),
        }
    }

    /// Compares the summary with run.json, and the best and the last checkpoint with the summary.
    fn agreement(&mut self, view: &RunView, summary: &Summary) {
        let mut fault = |wrong: bool, why: String| self.faults.extend(wrong.then_some(why));
        fault(
            summary.run != view.info.run,
            format!("summary.json belongs to run `{}`", summary.run),
        );
        let attempts = view.info.attempts.len();
        fault(
            summary.attempts != attempts,
            format!(
                "summary.json counts {} attempts, run.json {attempts}",
                summary.attempts
            ),
        );
        self.last_checkpoint(summary);
        let best = summary
            .best
            .as_ref()
            .and_then(|best| best.checkpoint.as_ref());
        if let Some(place) = best {
            let mut places = self
                .checkpoints
                .iter()
                .map(|verdict| layout::checkpoint_path(verdict.step));
            if !places.any(|there| there == *place) {
                self.faults
                    .push(format!("the best checkpoint `{place}` is missing"));
            }
        }
    }

    /// Compares the newest valid checkpoint with the end of the run. A run that failed or diverged
    /// ends in another state than the last one worth keeping.
    fn last_checkpoint(&mut self, summary: &Summary) {
        let valid = |verdict: &&CheckpointVerdict| verdict.fault.is_none();
        let Some(newest) = self.checkpoints.iter().rev().find(valid) else {
            return;
        };
        let (step, last) = (newest.step, summary.step);
        let ended = !matches!(
            summary.status,
            Status::Diverged { .. } | Status::Failed { .. }
        );
        if step > last {
            let fault =
                format!("there is a checkpoint of step {step}, summary.json ends at step {last}");
            self.faults.push(fault);
        } else if step == last && ended && newest.state_hash != summary.state_hash {
            let fault =
                format!("the checkpoint of step {step} holds another state than summary.json says");
            self.faults.push(fault);
        }
    }
}

/// What is wrong with a row after the one before it.
fn order(last: Option<&Row>, row: &Row, info: &RunInfo) -> Vec<String> {
    let mut faults = Vec::new();
    let (seq, step, attempt) = last.map_or((0, 0, 1), |last| {
        (last.seq.saturating_add(1), last.step, last.attempt)
    });
    if row.seq != seq {
        faults.push(format!("`seq` is {}, not {seq}", row.seq));
    }
    // A warning tells that the run went back after a divergence.
    if row.step < step && row.kind != "warning" {
        faults.push(format!("`step` goes back from {step} to {}", row.step));
    }
    if row.attempt < attempt || row.attempt as usize > info.attempts.len() {
        faults.push(format!(
            "`attempt` is {} after {attempt}, of {}",
            row.attempt,
            info.attempts.len()
        ));
    }
    faults
}
