//! The writer's thread: takes jobs in order, so that the log's order is that of the events, and
//! writes rows and checkpoints.

use std::{
    collections::BTreeSet,
    sync::Arc,
    thread::{Builder, JoinHandle},
};

use jiff::Timestamp;

use super::{
    CheckpointInfo, Keep, LogDigest, RunError, checkpoint,
    confusion::Keeper,
    disk::Entry,
    layout,
    log::Log,
    queue::{Job, Queue},
    row_builder::{Again, RowBuilder, reason_name},
};
use crate::event::{Checkpoint, Reason};

/// What the thread works on.
#[derive(Debug)]
pub struct Worker {
    /// The run's directory.
    pub run: Entry,
    /// Its log.
    pub log: Log,
    /// What manifests say about the process.
    pub origin: checkpoint::Origin,
    /// Which checkpoints stay.
    pub keep: Keep,
    /// The checkpoints that are there.
    pub saved: Vec<CheckpointInfo>,
    /// The confusion matrices so far.
    pub confusion: Keeper,
    /// What could not be deleted, as far as it has been told.
    pub told: BTreeSet<String>,
}

impl Worker {
    /// Starts the thread. It ends when the queue is closed and empty, or at the first error, which
    /// the queue then tells. Its result is the digest of the whole log.
    pub fn start(self, queue: Arc<Queue>) -> Result<JoinHandle<Option<LogDigest>>, RunError> {
        let run = self.run.clone();
        let work = move || {
            let _guard = Guard(Arc::clone(&queue));
            self.work(&queue)
        };
        Builder::new()
            .name("run-writer".into())
            .spawn(work)
            .map_err(RunError::io("start a thread that writes to", &run))
    }

    fn work(mut self, queue: &Queue) -> Option<LogDigest> {
        let mut all = || {
            while let Some(jobs) = queue.take() {
                for (moment, job) in jobs {
                    self.job(moment, job, queue)?;
                }
                self.log.flush()?;
            }
            self.confusion.write(&self.run)?;
            self.tidy(queue, true)?;
            self.log.sync()
        };
        match all() {
            Ok(()) => Some(self.log.digest()),
            Err(error) => {
                queue.fail(error);
                None
            }
        }
    }

    fn job(&mut self, moment: Timestamp, job: Job, queue: &Queue) -> Result<(), RunError> {
        match job {
            Job::Step(row) => self.log.push(moment, &RowBuilder::step(&row)),
            Job::Epoch(row) => self.log.push(moment, &RowBuilder::epoch(&row)),
            Job::Eval(row) => {
                self.confusion.take(&row);
                self.log.push(moment, &RowBuilder::eval(&row))
            }
            Job::Warning {
                step,
                epoch,
                message,
            } => self
                .log
                .push(moment, &RowBuilder::warning(step, epoch, &message)),
            Job::Checkpoint(checkpoint, place) => {
                place.within(|| self.checkpoint(moment, &checkpoint, queue))?;
                drop(checkpoint);
                queue.checkpoint_done();
                Ok(())
            }
            Job::Again(again, place) => place.within(|| self.again(moment, &again, queue)),
        }
    }

    /// Writes a checkpoint; the steps are those of [`checkpoint::save`].
    fn checkpoint(
        &mut self,
        moment: Timestamp,
        checkpoint: &Checkpoint,
        queue: &Queue,
    ) -> Result<(), RunError> {
        let checkpoints = self.run.join(layout::CHECKPOINTS);
        // Before the checkpoint, so that one that exists has its matrices, too.
        self.confusion
            .checkpoint(checkpoint.step, &checkpoint.reason);
        self.confusion.write_ahead(&self.run)?;
        let log = self.log.digest();
        let sync = || self.log.sync();
        let manifest = checkpoint::save(&checkpoints, checkpoint, &self.origin, log, sync)?;
        let place = checkpoints.join(layout::checkpoint_name(checkpoint.step));
        let info = manifest.info(place.path());
        self.confusion.saved();
        self.commit(moment, &info, &checkpoint.reason)?;
        checkpoint::settle(&checkpoints, checkpoint.step)?;
        self.add(info, queue)
    }

    /// Adds a reason to the checkpoint that was written last.
    fn again(&mut self, moment: Timestamp, again: &Again, queue: &Queue) -> Result<(), RunError> {
        let checkpoints = self.run.join(layout::CHECKPOINTS);
        let place = checkpoints.join(layout::checkpoint_name(again.step));
        self.confusion.checkpoint(again.step, &again.reason);
        self.confusion.write(&self.run)?;
        let info = checkpoint::mark(&place, &self.origin.run, &again.reason)?.info(place.path());
        self.commit(moment, &info, &again.reason)?;
        self.add(info, queue)
    }

    /// Counts a checkpoint among those that are there; others may then go.
    fn add(&mut self, info: CheckpointInfo, queue: &Queue) -> Result<(), RunError> {
        self.saved.retain(|saved| saved.step != info.step);
        self.saved.push(info);
        self.tidy(queue, false)
    }

    /// The commit line; after it the checkpoint is announced.
    fn commit(
        &mut self,
        moment: Timestamp,
        info: &CheckpointInfo,
        reason: &Reason,
    ) -> Result<(), RunError> {
        let builder =
            RowBuilder::checkpoint(info.step, info.epoch, reason, &info.state_hash, info.bytes);
        self.log.push(moment, &builder)?;
        self.log.sync()?;
        let (step, bytes) = (info.step, info.bytes);
        tracing::info!(target: "trainer", step, reason = reason_name(reason), bytes, "checkpoint saved");
        Ok(())
    }

    /// Deletes what need not stay, also what could not be deleted before. A checkpoint that cannot
    /// be deleted is no reason to stop, but a warning, which the log has where it is the `last` try.
    fn tidy(&mut self, queue: &Queue, last: bool) -> Result<(), RunError> {
        let Some(newest) = self.saved.last() else {
            return Ok(());
        };
        let (step, epoch) = (newest.step, newest.epoch);
        for fault in self.delete() {
            let next = match last {
                true => "delete it by hand",
                false => "it is tried again at the next save and at the end",
            };
            let message = format!("{fault}; {next}");
            if last {
                let builder = RowBuilder::warning(step, epoch, &message);
                self.log.push(Timestamp::now(), &builder)?;
            }
            if self.told.insert(message.clone()) {
                tracing::warn!(target: "trainer", step, "{message}");
                queue.warn(step, message);
            }
        }
        Ok(())
    }

    /// Deletes what need not stay; returns the faults.
    fn delete(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        let checkpoints = self.run.join(layout::CHECKPOINTS);
        for old in checkpoint::doomed(&self.saved, self.keep) {
            let found = self.saved.iter().position(|saved| saved.step == old);
            let Some(index) = found else { continue };
            match checkpoint::discard(&checkpoints.join(layout::checkpoint_name(old))) {
                Ok(()) => drop(self.saved.remove(index)),
                Err(error) => faults.push(format!("the checkpoint of step {old} stays: {error}")),
            }
        }
        if let Err(error) = checkpoint::sweep(&checkpoints) {
            faults.push(format!("an old checkpoint stays: {error}"));
        }
        faults
    }
}

/// Tells the queue where the thread panics, so that training does not go on unrecorded.
struct Guard(Arc<Queue>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(RunError::Stopped {
                first: "the writer's thread panicked".into(),
            });
        }
    }
}
