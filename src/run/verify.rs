//! Whether a run directory is what its writer left: every digest, every line, the summary.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Reader, Row, RunError, RunInfo, RunView, Summary, checkpoint, layout, lock, log};

/// What verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The run's id.
    pub run: String,
    /// Every checkpoint, oldest first.
    pub checkpoints: Vec<CheckpointVerdict>,
    /// Rows of the log that were read.
    pub rows: usize,
    /// What is wrong with the log, the summary, or how they fit together.
    pub faults: Vec<String>,
    /// What is as it should be after a crash, but worth knowing.
    pub notes: Vec<String>,
}

/// One checkpoint after its digests were compared.
#[derive(Debug, Clone, PartialEq)]
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
}

impl Verification {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
            && self
                .checkpoints
                .iter()
                .all(|verdict| verdict.fault.is_none())
    }
}

/// Verifies the run at `path`: the digests of every checkpoint, the log (JSON, numbering, order),
/// and that summary, log and checkpoints agree.
///
/// # Errors
/// Where it is no run, of a later format, or its `run.json` is damaged; anything else that is wrong
/// is in the result.
pub fn verify(path: &Path) -> Result<Verification, RunError> {
    let info = Reader::info(path)?;
    let checkpoints = checkpoint::list(path)?
        .into_iter()
        .map(|(step, path)| verdict(step, path, &info.run))
        .collect();
    let mut found = Verification {
        run: info.run.clone(),
        checkpoints,
        rows: 0,
        faults: Vec::new(),
        notes: Vec::new(),
    };
    let commits = found.log(path, &info)?;
    found.commits(&commits, &info);
    match Reader::glance(path) {
        Ok(view) => found.summary(&view),
        Err(error) => found.faults.push(error.to_string()),
    }
    Ok(found)
}

fn verdict(step: u64, path: PathBuf, run: &str) -> CheckpointVerdict {
    match checkpoint::check(&path, run) {
        Ok(info) => CheckpointVerdict {
            step,
            path,
            bytes: info.bytes,
            state_hash: info.state_hash,
            fault: None,
        },
        Err(error) => CheckpointVerdict {
            step,
            path,
            bytes: 0,
            state_hash: String::new(),
            fault: Some(error.to_string()),
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
    fn commits(&mut self, commits: &BTreeMap<u64, String>, info: &RunInfo) {
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
                None if !info
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

    /// Compares the summary with the rest.
    fn summary(&mut self, view: &RunView) {
        let Some(summary) = &view.summary else {
            self.faults.extend(
                view.warnings
                    .iter()
                    .filter(|why| why.contains(layout::SUMMARY))
                    .cloned(),
            );
            self.notes
                .push(format!("there is no summary: the run is {}", view.status));
            return;
        };
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
