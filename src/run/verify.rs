//! Whether a run directory is what its writer left: every digest, every line, the summary.
//!
//! The summary has digests of the log and of the other files, and one of itself; the manifest of a
//! checkpoint has digests of the checkpoint's files and of the log up to it, and one of itself. So a
//! changed number is found wherever it stands. Runs of format 1 have only the checkpoints' digests.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use super::{
    FileDigest, LogDigest, Reader, Row, RunError, RunInfo, RunView, Summary, checkpoint,
    disk::{self, Entry},
    layout, lock, log, seal,
};

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
                        let state = row.text("state_hash").unwrap_or_default();
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

    /// Compares `run.json` with its own digest, and config and plan with their digests in it.
    fn fixed(&mut self, run: &Entry, info: &RunInfo) {
        let sealed = disk::read(&run.join(layout::RUN), Reader::LONGEST);
        match (sealed, &info.digest) {
            (Err(error), _) => self.faults.push(error.to_string()),
            (Ok(bytes), Some(digest)) if seal::holds(&bytes, digest) => {}
            (Ok(_), None) if info.files.is_empty() => self.notes.push(
                "the run is of an earlier program, which kept no digests of config, plan and run.json: a change of them is not found".into(),
            ),
            _ => self
                .faults
                .push("run.json was changed: its content does not have the digest in it".into()),
        }
        for (name, digest) in &info.files {
            let file = match name.as_str() {
                layout::PLAN => Reader::plan_of(run, info),
                name => run.join(name),
            };
            let fault = changed(name, &file, digest, layout::RUN);
            self.faults.extend(fault);
        }
    }

    /// The summary's own digest.
    fn sealed(&mut self, run: &Entry, view: &RunView, summary: &Summary) {
        let bytes = disk::read(&run.join(layout::SUMMARY), Reader::LONGEST).unwrap_or_default();
        match &summary.digest {
            Some(digest) if seal::holds(&bytes, digest) => {}
            None if view.info.format == 1 => self.notes.push(
                "the run is of format 1, whose log, summary and config have no digests: a change of them is not found".into(),
            ),
            _ => self
                .faults
                .push("summary.json was changed: its content does not have the digest in it".into()),
        }
    }

    /// Compares the log with what the checkpoints and the summary say of it, from its beginning on;
    /// the first difference is told.
    fn log_digests(&mut self, run: &Entry, end: Option<&LogDigest>) {
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
        let file = run.join(layout::METRICS);
        let lengths: BTreeSet<u64> = said.iter().map(|(log, _)| log.bytes).collect();
        let digests = || Ok((log::digests(&file, &lengths)?, disk::open(&file)?.1));
        // A log that is not there or cannot be read has been told.
        let Ok::<_, RunError>((found, length)) = digests() else {
            return;
        };
        let wrong = said
            .iter()
            .find(|(log, _)| found.get(&log.bytes) != Some(&log.blake3));
        let fault = match wrong {
            Some((log, who)) if log.bytes > length => Some(format!(
                "metrics.jsonl has {length} bytes, {who} says {} ({} rows)",
                log.bytes, log.rows
            )),
            Some((log, who)) => Some(format!(
                "metrics.jsonl was changed: its first {} rows do not have the digest in {who}",
                log.rows
            )),
            None => end.filter(|log| log.bytes < length).map(|log| {
                format!(
                    "metrics.jsonl has {length} bytes, summary.json says {} ({} rows)",
                    log.bytes, log.rows
                )
            }),
        };
        self.faults.extend(fault);
    }

    /// Compares the other files with their digests in the summary.
    fn contents(&mut self, run: &Entry, summary: &Summary) {
        for (name, digest) in &summary.files {
            let file = run.join(name);
            let is_checkpoint = name.starts_with(layout::CHECKPOINTS);
            if !is_checkpoint {
                self.files += 1;
            } else if !disk::exists(&file.parent()) {
                let name = file.parent().name();
                self.notes
                    .push(format!("{name} was deleted since the run ended"));
                continue;
            } else if self.is_told(&file.parent()) {
                continue;
            }
            let fault = changed(name, &file, digest, layout::SUMMARY);
            self.faults.extend(fault);
        }
    }

    /// Returns whether a checkpoint has a fault already.
    fn is_told(&self, dir: &Entry) -> bool {
        let mut verdicts = self.checkpoints.iter();
        verdicts.any(|verdict| verdict.path == dir.path() && verdict.fault.is_some())
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

/// Returns the fault of a file that does not have its digest in `who`.
fn changed(name: &str, file: &Entry, digest: &FileDigest, who: &str) -> Option<String> {
    match checkpoint::digest(file) {
        Ok(there) if there == *digest => None,
        Ok(_) => Some(format!(
            "{name} was changed: it does not have the digest in {who}"
        )),
        Err(RunError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Some(format!("{name} is missing"))
        }
        Err(error) => Some(error.to_string()),
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
