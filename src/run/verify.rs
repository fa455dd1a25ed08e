//! Whether a run directory is what its writer left: every digest, every line, the summary.
//!
//! The summary has digests of the log and of the other files, and one of itself; the manifest of a
//! checkpoint has digests of the checkpoint's files and of the log up to it, and one of itself. So a
//! changed number is found wherever it stands. Runs of format 1 have only the checkpoints' digests.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    LogDigest, Reader, Row, RunError, RunInfo, RunView, Summary, checkpoint, contents, disk,
    layout, lock, log, seal,
};
use crate::units::counted;

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
const AGAIN: usize = 4;

/// Verifies the run at `path`: the digests of every checkpoint, of the log and of the other files,
/// the log's rows (JSON, numbering, order), and that summary, log and checkpoints agree.
///
/// # Errors
/// Where it is no run, of a later format, or its `run.json` is damaged; anything else that is wrong
/// is in the result.
pub fn verify(path: &Path) -> Result<Verification, RunError> {
    // A link to the directory is the directory.
    let target = path.canonicalize().ok();
    let path = target.as_deref().unwrap_or(path);
    let mut tries = 0;
    loop {
        let running = lock::is_held(path);
        let found = verify_once(path);
        let whole = found.as_ref().is_ok_and(Verification::is_valid);
        if whole || !running || tries == AGAIN {
            return found;
        }
        tries += 1;
    }
}

fn verify_once(path: &Path) -> Result<Verification, RunError> {
    let info = Reader::info(path)?;
    let checkpoints = checkpoint::list(path)?
        .into_iter()
        .map(|(step, path)| verdict(step, path, &info))
        // One that was deleted since it was listed is no fault.
        .filter(|verdict| verdict.fault.is_none() || disk::is_dir(&verdict.path))
        .collect();
    let mut found = Verification {
        run: info.run.clone(),
        checkpoints,
        rows: 0,
        files: 0,
        faults: Vec::new(),
        notes: Vec::new(),
    };
    let commits = found.log(path, &info)?;
    found.commits(&commits, &info, lock::is_held(path));
    match Reader::glance(path) {
        Ok(view) => found.summary(&view)?,
        Err(error) => found.faults.push(error.to_string()),
    }
    Ok(found)
}

fn verdict(step: u64, path: PathBuf, info: &RunInfo) -> CheckpointVerdict {
    let checked = checkpoint::check(&path, &info.run).and_then(|manifest| {
        // What an earlier attempt had may differ: it was allowed to.
        let own = manifest.attempt as usize == info.attempts.len();
        if own && manifest.plan_hash != info.plan_hash {
            return Err(RunError::damaged(
                &path,
                "it is of another plan than run.json says",
            ));
        }
        Ok(manifest)
    });
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
    fn log(&mut self, path: &Path, info: &RunInfo) -> Result<BTreeMap<u64, String>, RunError> {
        let mut commits = BTreeMap::new();
        let mut last: Option<Row> = None;
        let file = path.join(layout::METRICS);
        if file.symlink_metadata().is_err() {
            self.faults.push("metrics.jsonl is missing".into());
        }
        for (index, line) in log::lines(&file, 0)?.enumerate() {
            let line = line?;
            let place = format!("line {} of metrics.jsonl", index + 1);
            match line.row {
                Ok(row) if line.whole => {
                    self.faults.extend(
                        order(last.as_ref(), &row, info)
                            .into_iter()
                            .map(|why| format!("{place}: {why}")),
                    );
                    if row.kind == "checkpoint" {
                        commits.insert(
                            row.step,
                            row.text("state_hash").unwrap_or_default().to_string(),
                        );
                    }
                    self.rows += 1;
                    last = Some(row);
                }
                _ if !line.whole && lock::is_held(path) => {}
                _ if !line.whole => self
                    .notes
                    .push(format!("{place} is torn, as a crash leaves it")),
                Ok(_) => {}
                Err(why) => self.faults.push(format!("{place} is no row: {why}")),
            }
        }
        Ok(commits)
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
    fn summary(&mut self, view: &RunView) -> Result<(), RunError> {
        let Some(summary) = &view.summary else {
            self.faults.extend(
                view.warnings
                    .iter()
                    .filter(|why| why.contains(layout::SUMMARY))
                    .cloned(),
            );
            self.log_digests(&view.path, None)?;
            self.notes
                .push(format!("there is no summary: the run is {}", view.status));
            return Ok(());
        };
        self.sealed(view, summary)?;
        self.log_digests(&view.path, summary.log.as_ref())?;
        self.contents(&view.path, summary)?;
        self.agreement(view, summary);
        Ok(())
    }

    /// The summary's own digest.
    fn sealed(&mut self, view: &RunView, summary: &Summary) -> Result<(), RunError> {
        let bytes = disk::read(&view.path.join(layout::SUMMARY), Reader::LONGEST)?;
        match &summary.digest {
            Some(digest) if seal::holds(&bytes, digest) => {}
            None if view.info.format == 1 => self.notes.push(
                "the run is of format 1, whose log, summary and config have no digests: a change of them is not found".into(),
            ),
            _ => self
                .faults
                .push("summary.json was changed: its content does not have the digest in it".into()),
        }
        Ok(())
    }

    /// Compares the log with what the checkpoints and the summary say of it, from its beginning on;
    /// the first difference is told.
    fn log_digests(&mut self, path: &Path, end: Option<&LogDigest>) -> Result<(), RunError> {
        let mut said: Vec<(&LogDigest, String)> = self
            .checkpoints
            .iter()
            .filter_map(|verdict| {
                let who = format!("the checkpoint of step {}", verdict.step);
                Some((verdict.log.as_ref()?, who))
            })
            .chain(end.map(|log| (log, layout::SUMMARY.to_string())))
            .collect();
        said.sort_by_key(|(log, _)| log.bytes);
        let file = path.join(layout::METRICS);
        if said.is_empty() || file.symlink_metadata().is_err() {
            return Ok(());
        }
        let lengths: BTreeSet<u64> = said.iter().map(|(log, _)| log.bytes).collect();
        let found = log::digests(&file, &lengths)?;
        let length = disk::open(&file)?.1;
        let wrong = said
            .iter()
            .find(|(log, _)| found.get(&log.bytes) != Some(&log.blake3));
        let fault = match wrong {
            Some((log, who)) if log.bytes > length => Some(format!(
                "metrics.jsonl has {length} bytes, {who} says {} ({})",
                log.bytes,
                counted(log.rows, "row")
            )),
            Some((log, who)) => Some(format!(
                "metrics.jsonl was changed: the digest in {who} is not that of its first {}",
                counted(log.rows, "row")
            )),
            None => end.filter(|log| log.bytes < length).map(|log| {
                format!(
                    "metrics.jsonl has {length} bytes, summary.json says {} ({})",
                    log.bytes,
                    counted(log.rows, "row")
                )
            }),
        };
        self.faults.extend(fault);
        Ok(())
    }

    /// Compares the other files with their digests in the summary.
    fn contents(&mut self, path: &Path, summary: &Summary) -> Result<(), RunError> {
        let found = contents::digests(path)?;
        self.files = summary.files.len();
        for (name, digest) in &summary.files {
            let fault = match found.get(name) {
                Some(there) if there == digest => continue,
                Some(_) => {
                    format!("{name} was changed: it does not have the digest in summary.json")
                }
                None => format!("{name} is missing"),
            };
            self.faults.push(fault);
        }
        Ok(())
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
        let ended = ["completed", "early_stopped", "stopped"].contains(&summary.status.as_str());
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
