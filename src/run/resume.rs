//! Going on with a run in its own directory, from its newest valid checkpoint.
//!
//! [`Resume::open`] only looks, under the lock, so that the caller can compare config, data and
//! program first; [`Resume::begin`] changes the directory, in an order that a kill at any point
//! leaves resumable: the old summary removed, the new attempt in `run.json`, what is unfinished
//! cleaned away, the log cut.

use std::{collections::BTreeMap, path::Path};

use super::{
    AttemptMeta, CheckpointInfo, Fallback, FileDigest, InitInfo, Keep, Reader, RunError, RunInfo,
    RunStatus, Writer, checkpoint, contents,
    disk::{self, Entry},
    layout,
    lock::RunLock,
    log, machine, truncate, writer,
};
use crate::event::Checkpoint;

/// A run that can go on; holds its lock.
#[derive(Debug)]
pub struct Resume {
    path: Entry,
    info: RunInfo,
    lock: RunLock,
    checkpoint: Option<(Checkpoint, checkpoint::Manifest)>,
    fallbacks: Vec<Fallback>,
}

/// The labels of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// Its name.
    pub name: String,
    /// Labels to filter by.
    pub tags: Vec<String>,
    /// Free text, kept with the run.
    pub notes: Option<String>,
}

/// What the new attempt is told.
#[derive(Debug, Clone, PartialEq)]
pub struct ResumeMeta {
    /// The process.
    pub attempt: AttemptMeta,
    /// Which checkpoints stay.
    pub keep: Keep,
    /// The new plan as (TOML, hash), where it may differ and does; the old one is kept as
    /// `plan.before-<attempt>.toml`.
    pub plan: Option<(String, String)>,
    /// The run's labels from now on.
    pub labels: Labels,
    /// Hash of the content of the data that it goes on with.
    pub data_fingerprint: String,
    /// The weights that it starts from once more, where it reached no checkpoint.
    pub init: Option<InitInfo>,
}

impl Resume {
    /// Looks at the run at `path` and takes its lock; nothing is changed, but for the plan that a
    /// process killed in [`begin`](Self::begin) had half replaced.
    ///
    /// # Errors
    /// [`RunError::Locked`] where it runs, and whatever makes it unreadable. Damaged checkpoints
    /// are no error: see [`fallbacks`](Self::fallbacks).
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let path = std::path::absolute(path).map_err(RunError::io("find", path))?;
        let path = Entry::open(&path)?;
        Reader::info_of(&path)?;
        let lock = RunLock::take(&path)?;
        let info = Reader::info_of(&path)?;
        // A new plan whose attempt was not recorded any more was never begun with.
        let old_plan = layout::old_plan(&path, info.attempts.len() as u32 + 1);
        if disk::exists(&old_plan) {
            disk::rename(&old_plan, &path.join(layout::PLAN))?;
        }
        let checkpoint::Newest {
            found: checkpoint,
            fallbacks,
        } = checkpoint::newest(&path, &info.run)?;
        Ok(Self {
            path,
            info,
            lock,
            checkpoint,
            fallbacks,
        })
    }

    /// The run's directory, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.path.path()
    }

    /// What `run.json` says; the program and the machine of the last attempt are the last of its
    /// attempts.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// The text of its `plan.toml`.
    ///
    /// # Errors
    /// Where it cannot be read as text.
    pub fn plan_text(&self) -> Result<String, RunError> {
        disk::read_text(&self.path.join(layout::PLAN), Reader::LONGEST)
    }

    /// Returns the text of the plan that it was begun with, which later attempts may have replaced.
    ///
    /// # Errors
    /// Where it cannot be read as text.
    pub fn first_plan_text(&self) -> Result<String, RunError> {
        self.plan_text_of(1)
    }

    /// Returns the text of the plan that its checkpoint was made with. An attempt that was killed
    /// before its first checkpoint may have replaced it. Without a checkpoint: the current plan's.
    ///
    /// # Errors
    /// Where it cannot be read as text.
    pub fn checkpoint_plan_text(&self) -> Result<String, RunError> {
        let manifest = self.checkpoint.as_ref().map(|(_, manifest)| manifest);
        manifest.map_or_else(|| self.plan_text(), |made| self.plan_text_of(made.attempt))
    }

    /// Returns the text of the plan of an attempt: the first one that a later attempt replaced.
    fn plan_text_of(&self, attempt: u32) -> Result<String, RunError> {
        let later = attempt + 1..=self.info.attempts.len() as u32;
        let mut replaced = later.map(|attempt| layout::old_plan(&self.path, attempt));
        let plan = replaced.find(disk::exists);
        let plan = plan.unwrap_or_else(|| self.path.join(layout::PLAN));
        disk::read_text(&plan, Reader::LONGEST)
    }

    /// The step from which the run goes on; 0 where it reached no checkpoint.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.checkpoint().map_or(0, |checkpoint| checkpoint.step)
    }

    /// The state from which the run goes on; none where it starts again at step 0.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref().map(|(checkpoint, _)| checkpoint)
    }

    /// Newer checkpoints that are damaged. Each is to become an event: falling back is never silent.
    #[must_use]
    pub fn fallbacks(&self) -> &[Fallback] {
        &self.fallbacks
    }

    /// Returns the fault of a log that is not the one that the checkpoint was taken with. This is to
    /// become an event, too.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub fn log_fault(&self) -> Result<Option<String>, RunError> {
        let manifest = self.checkpoint.as_ref().map(|(_, manifest)| manifest);
        let Some(log) = manifest.and_then(|manifest| manifest.log.as_ref()) else {
            return Ok(None);
        };
        let path = self.path.join(layout::METRICS);
        if !disk::exists(&path) {
            return Ok(Some("metrics.jsonl is missing; it begins anew".into()));
        }
        let found = log::digests(&path, &[log.bytes].into())?;
        let same = found.get(&log.bytes) == Some(&log.blake3);
        Ok((!same).then(|| {
            let step = self.step();
            format!("metrics.jsonl was changed: its rows up to step {step} are not those that the checkpoint was taken with")
        }))
    }

    /// Begins the new attempt. Rows after the checkpoint move to `metrics.cut-<attempt>.jsonl`,
    /// damaged checkpoints to `checkpoints/.damaged-…`.
    ///
    /// # Errors
    /// Where the directory cannot be written.
    pub fn begin(mut self, meta: &ResumeMeta) -> Result<Writer, RunError> {
        let number = self.info.attempts.len() as u32 + 1;
        // First: it has digests of files that are now replaced. It is deleted when run.json tells of
        // this attempt: a run that has ended is never without it.
        let summary = self.path.join(layout::SUMMARY);
        if disk::exists(&summary) {
            disk::rename(&summary, &disk::fresh_name(&summary))?;
        }
        self.record(number, meta)?;
        self.clean(number)?;
        let manifest = self.checkpoint.as_ref().map(|(_, manifest)| manifest);
        let seq = truncate::truncate(&self.path, (number, self.info.format), manifest)?;
        let saved = self.saved()?;
        Writer::start(writer::Start {
            path: self.path,
            info: self.info,
            lock: self.lock,
            keep: meta.keep,
            seq,
            saved,
        })
    }

    /// Writes the new attempt into `run.json`; one that never ended gets its last sign of life.
    fn record(&mut self, number: u32, meta: &ResumeMeta) -> Result<(), RunError> {
        let last_row = log::lines(&self.path.join(layout::METRICS), 0)?
            .filter_map(|line| line.ok()?.row.ok())
            .last();
        if let Some(last) = self
            .info
            .attempts
            .last_mut()
            .filter(|last| last.end.is_none())
        {
            let sign = last_row
                .filter(|row| row.attempt == last.attempt)
                .and_then(|row| row.time.parse().ok());
            last.end = Some(sign.map_or_else(|| last.start.clone(), machine::stamp));
            last.status = Some(RunStatus::Crashed.name().into());
        }
        if let Some((text, hash)) = &meta.plan {
            let plan = self.path.join(layout::PLAN);
            let old = disk::read(&plan, Reader::LONGEST)?;
            disk::replace(&layout::old_plan(&self.path, number), &old)?;
            disk::replace(&plan, super::mask::toml(text).as_bytes())?;
            self.info.plan_hash.clone_from(hash);
        }
        self.info.files = self.fixed(meta.plan.is_some())?;
        let Labels { name, tags, notes } = meta.labels.clone();
        (self.info.name, self.info.tags, self.info.notes) = (name, tags, notes);
        self.info
            .data_fingerprint
            .clone_from(&meta.data_fingerprint);
        if meta.init.is_some() {
            self.info.init.clone_from(&meta.init);
        }
        self.info
            .attempts
            .push(writer::attempt(number, self.step(), &meta.attempt));
        self.info.write(&self.path)
    }

    /// The digests of config and plan. Those that were known stay, so that a file that was changed
    /// between the attempts is still found; the plan's are new where it was `replaced`.
    fn fixed(&self, replaced: bool) -> Result<BTreeMap<String, FileDigest>, RunError> {
        let mut files = contents::fixed(&self.path)?;
        for (name, known) in &self.info.files {
            if !replaced || name != layout::PLAN {
                files.insert(name.clone(), known.clone());
            }
        }
        Ok(files)
    }

    /// Deletes what a killed process left unfinished, and puts damaged checkpoints out of the way.
    fn clean(&self, number: u32) -> Result<(), RunError> {
        let checkpoints = self.path.join(layout::CHECKPOINTS);
        if !disk::exists(&checkpoints) {
            disk::create_dir(&checkpoints)?;
        }
        // What cannot be deleted is in nobody's way; the next save tries it again, and tells it.
        let _ = checkpoint::sweep(&checkpoints);
        for Fallback { path, .. } in &self.fallbacks {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let aside = format!("{}{name}-{number}", layout::DAMAGED);
            disk::rename(&checkpoints.join(&*name), &checkpoints.join(aside))?;
        }
        checkpoint::settle(&checkpoints, self.step())?;
        for name in disk::names(&self.path)?
            .iter()
            .filter(|name| name.starts_with(disk::TEMPORARY))
        {
            disk::remove_file(&self.path.join(name))?;
        }
        Ok(())
    }

    /// The checkpoints up to the one it goes on from, as far as their manifests are right.
    fn saved(&self) -> Result<Vec<CheckpointInfo>, RunError> {
        let manifests = checkpoint::list(&self.path)?
            .into_iter()
            .filter_map(|(_, dir)| {
                checkpoint::Manifest::read(&dir, &self.info.run)
                    .ok()
                    .map(|manifest| manifest.info(dir.path()))
            });
        Ok(manifests.collect())
    }
}
