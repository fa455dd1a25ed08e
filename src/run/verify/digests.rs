//! Digests against files: which of them the summary, `run.json` and the checkpoints have.

use std::{collections::BTreeSet, io::ErrorKind};

use super::Verification;
use crate::{
    run::{
        FileDigest, LogDigest, Reader, RunError, RunInfo, RunView, Summary, checkpoint,
        disk::{self, Entry},
        layout, log, seal,
    },
    units::counted,
};

impl Verification {
    /// Compares `run.json` with its own digest, and config and plan with their digests in it.
    pub(super) fn fixed(&mut self, run: &Entry, info: &RunInfo) {
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
    pub(super) fn sealed(&mut self, run: &Entry, view: &RunView, summary: &Summary) {
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
    pub(super) fn log_digests(&mut self, run: &Entry, end: Option<&LogDigest>) {
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
    }

    /// Compares the other files with their digests in the summary.
    pub(super) fn contents(&mut self, run: &Entry, summary: &Summary) {
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
