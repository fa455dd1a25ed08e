//! The sink that leaves a run directory behind.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    thread::JoinHandle,
    time::Instant,
};

use jiff::Timestamp;

use super::{
    AttemptMeta, BestSummary, CheckpointInfo, FileDigest, Keep, RunError, RunInfo, RunMeta,
    Summary, checkpoint,
    confusion::Keeper,
    contents, create,
    disk::{self, Entry},
    file::File,
    layout,
    lock::RunLock,
    log::{Log, LogDigest, Next},
    machine,
    queue::{Job, Place, Queue},
    row_builder::Again,
    worker::Worker,
};
use crate::event::{Checkpoint, Ending, Event, Sink, SinkError, Status};

/// Writes one attempt at a run. It holds the run's lock as long as it lives.
///
/// [`Sink::event`] only puts rows into a bounded buffer; a thread writes them, in order, and
/// checkpoints between them. What went wrong in the thread is the error of the next event. A
/// checkpoint event waits while the checkpoint before it is still being written.
///
/// Dropping a writer writes what waits but no summary: the run reads as crashed, and can be resumed.
#[derive(Debug)]
pub struct Writer {
    path: Entry,
    info: RunInfo,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<Option<LogDigest>>>,
    began: Instant,
    steps_per_epoch: u64,
    /// Step and state of the newest checkpoint.
    newest: Option<(u64, String)>,
    _lock: RunLock,
}

/// The warnings of a writer's thread, which come after the events that they tell of.
#[derive(Debug, Clone)]
pub struct Warnings(Arc<Queue>);

impl Warnings {
    /// Those since the last call, with their steps. The log has them already.
    #[must_use]
    pub fn take(&self) -> Vec<(u64, String)> {
        self.0.warnings()
    }
}

/// What [`Writer::start`] goes on from.
pub(super) struct Start {
    pub path: Entry,
    pub info: RunInfo,
    pub lock: RunLock,
    pub keep: Keep,
    /// Number of the next row.
    pub seq: u64,
    pub saved: Vec<CheckpointInfo>,
}

impl Writer {
    /// Makes a new run in the folder `root`, which is made where it is missing.
    ///
    /// # Errors
    /// Where the directory cannot be made or written; nothing of it then stays.
    pub fn create(root: &Path, meta: &RunMeta) -> Result<Self, RunError> {
        let (path, info, lock) = create::create(root, meta)?;
        let folder = path.clone();
        let started = Self::start(Start {
            path,
            info,
            lock,
            keep: meta.keep,
            seq: 0,
            saved: Vec::new(),
        });
        started.inspect_err(|_| create::undo(folder.path()))
    }

    /// Starts the thread of a run whose files are there.
    pub(super) fn start(start: Start) -> Result<Self, RunError> {
        let Start {
            path,
            info,
            lock,
            keep,
            seq,
            saved,
        } = start;
        let attempt = info.attempts.len() as u32;
        let next = Next {
            seq,
            attempt,
            format: info.format,
        };
        let log = Log::open(&path.join(layout::METRICS), next)?;
        let queue = Arc::new(Queue::new(log.path().path().into()));
        let origin = checkpoint::Origin {
            format: info.format,
            run: info.run.clone(),
            attempt,
            plan_hash: info.plan_hash.clone(),
            data_fingerprint: info.data_fingerprint.clone(),
            binary: machine::binary(),
            isa: machine::isa_class(),
        };
        let newest = saved
            .last()
            .map(|info| (info.step, info.state_hash.clone()));
        let resumed = newest.as_ref().map_or(0, |(step, _)| *step);
        let worker = Worker {
            confusion: Keeper::resumed(&path, resumed),
            run: path.clone(),
            log,
            origin,
            keep,
            saved,
            told: BTreeSet::new(),
        };
        let thread = Some(worker.start(Arc::clone(&queue))?);
        Ok(Self {
            path,
            info,
            queue,
            thread,
            began: Instant::now(),
            steps_per_epoch: 0,
            newest,
            _lock: lock,
        })
    }

    /// The run's directory, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.path.path()
    }

    /// What `run.json` says.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// Opens `trace.jsonl` for appending; for the layer that writes `tracing` events there.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn trace(&self) -> Result<File, RunError> {
        disk::append_file(&self.path.join(layout::TRACE))
    }

    /// Removes the directory of a run that could not be begun.
    pub fn discard(mut self) {
        self.join();
        create::undo(self.path.path());
    }

    /// The warnings of the thread that writes. They outlive the writer, whose last ones come at
    /// its end.
    #[must_use]
    pub fn warnings(&self) -> Warnings {
        Warnings(Arc::clone(&self.queue))
    }

    /// Waits until everything is written, then writes the end into `run.json`, and `summary.json`
    /// last. A run whose writer failed is summed up as failed.
    ///
    /// # Errors
    /// The writer's failure where no event has told it yet, or the failure to write the summary.
    pub fn finish(mut self, ending: &Ending) -> Result<Summary, RunError> {
        let log = self.join();
        let failure = self.queue.failure();
        let mut summary = self.summary(ending, log);
        if let Some((why, _)) = &failure
            && !matches!(summary.status, Status::Failed { .. })
        {
            summary.status = Status::Failed { why: why.clone() };
        }
        let closed = self.close(&mut summary);
        match failure {
            Some((_, Some(first))) => Err(first),
            _ => closed.map(|()| summary),
        }
    }

    fn summary(&self, ending: &Ending, log: Option<LogDigest>) -> Summary {
        let place = |step| {
            let relative = layout::checkpoint_path(step);
            disk::is_dir(&self.path.join(&relative)).then_some(relative)
        };
        let attempt = self.info.attempts.last();
        Summary {
            digest: None,
            format: self.info.format,
            run: self.info.run.clone(),
            name: self.info.name.clone(),
            config: self.info.config.clone(),
            seed: self.info.seed,
            plan_hash: self.info.plan_hash.clone(),
            data_fingerprint: self.info.data_fingerprint.clone(),
            commit: attempt.and_then(|attempt| attempt.binary.commit.clone()),
            parent: self.info.parent.clone(),
            tags: self.info.tags.clone(),
            path: self.path.path().to_string_lossy().into_owned(),
            status: ending.status.clone(),
            step: ending.step,
            epoch: ending.epoch,
            metrics: ending.metrics.clone(),
            best: ending.best.as_ref().map(|best| BestSummary {
                metric: best.metric.clone(),
                value: best.value,
                step: best.step,
                checkpoint: place(best.step),
            }),
            test: ending.tested.clone(),
            state_hash: ending.state_hash.clone(),
            samples_per_s: ending.samples_per_s,
            wall_s: 0.0,
            attempts: self.info.attempts.len(),
            ledger: ending.ledger.clone(),
            log,
            files: BTreeMap::new(),
        }
    }

    /// Writes the end of the attempt and, last, the summary. The summary is durable under another name
    /// before `run.json` says that the attempt has ended: where neither is there, somebody took it away.
    fn close(&mut self, summary: &mut Summary) -> Result<(), RunError> {
        let before = self
            .info
            .attempts
            .iter()
            .filter_map(|a| machine::seconds_between(&a.start, a.end.as_deref()?));
        summary.wall_s = before.sum::<f64>() + self.began.elapsed().as_secs_f64();
        if let Some(attempt) = self.info.attempts.last_mut() {
            attempt.end = Some(machine::stamp(Timestamp::now()));
            attempt.status = Some(summary.status.name().into());
        }
        let info = self.info.seal()?;
        // Of all files it alone is not durable yet, and the summary has its digest.
        disk::sync_file(&self.path.join(layout::TRACE))?;
        summary.files = contents::digests(&self.path)?;
        let digest = FileDigest::of(info.as_bytes());
        summary.files.insert(layout::RUN.into(), digest);
        let place = self.path.join(layout::SUMMARY);
        let staged = disk::stage(&place, summary.seal()?.as_bytes())?;
        disk::replace(&self.path.join(layout::RUN), info.as_bytes())?;
        disk::rename(&staged, &place)
    }

    /// Waits for the thread; gives the digest of the log that it wrote. A panic was told to the
    /// queue.
    fn join(&mut self) -> Option<LogDigest> {
        self.queue.close();
        self.thread.take()?.join().ok().flatten()
    }

    /// One directory a step: where it has one of the same state already, only the reason is added.
    fn checkpoint(&mut self, checkpoint: &Arc<Checkpoint>) -> Result<(), RunError> {
        let state = Some((checkpoint.step, checkpoint.state_hash.clone()));
        if self.newest == state {
            let again = Box::new(Again::from(&**checkpoint));
            return self.queue.put(Job::Again(again, Place::here()));
        }
        self.newest = state;
        let shared = Arc::clone(checkpoint);
        self.queue.put(Job::Checkpoint(shared, Place::here()))
    }

    fn take(&mut self, event: &Event) -> Result<(), RunError> {
        match event {
            Event::Step(row) if row.logged => self.queue.put(Job::Step(row.clone())),
            Event::Epoch(row) => self.queue.put(Job::Epoch(Box::new(row.clone()))),
            Event::Eval(row) => self.queue.put(Job::Eval(Box::new(row.clone()))),
            Event::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Event::Warning { step, message } => {
                let epoch = *step as f64 / self.steps_per_epoch.max(1) as f64;
                self.queue.put(Job::Warning {
                    step: *step,
                    epoch,
                    message: message.clone(),
                })
            }
            Event::Start {
                steps_per_epoch, ..
            } => {
                self.steps_per_epoch = *steps_per_epoch;
                self.queue.check()
            }
            Event::Step(_) | Event::EpochStart { .. } | Event::End(_) => self.queue.check(),
        }
    }
}

impl Sink for Writer {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        self.take(event).map_err(|error| SinkError(Box::new(error)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.join();
    }
}

/// The record of this process in `run.json`.
pub(super) fn attempt(number: u32, from_step: u64, meta: &AttemptMeta) -> super::Attempt {
    super::Attempt {
        attempt: number,
        start: machine::stamp(Timestamp::now()),
        end: None,
        status: None,
        from_step,
        host: machine::host(),
        pid: std::process::id(),
        argv: super::mask::arguments(&meta.argv),
        binary: machine::binary(),
        isa: machine::isa_class(),
        threads: meta.threads,
        device: meta.device.clone(),
        changes: meta.changes.clone(),
    }
}
