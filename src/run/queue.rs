//! The bounded buffer between training and the writer's thread. Putting a row into it costs a lock
//! that is nearly always free; the thread is not woken for single rows but comes by once a second.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{RunError, row_builder::Again};
use crate::event::{Checkpoint, EpochRow, EvalRow, StepRow};

/// What the thread has to write.
#[derive(Debug)]
pub enum Job {
    /// A row.
    Step(StepRow),
    /// A row.
    Epoch(Box<EpochRow>),
    /// A row.
    Eval(Box<EvalRow>),
    /// A row.
    Warning {
        /// Updates done.
        step: u64,
        /// Epochs done.
        epoch: f64,
        /// What happened.
        message: String,
    },
    /// A directory.
    Checkpoint(Arc<Checkpoint>, Place),
    /// A further reason for the last checkpoint.
    Again(Box<Again>, Place),
}

/// The subscriber and the span that a job comes from: what the thread has to tell about it belongs
/// there.
#[derive(Debug)]
pub struct Place {
    dispatch: tracing::Dispatch,
    span: tracing::Span,
}

impl Place {
    /// That of the calling thread.
    pub fn here() -> Self {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let span = tracing::Span::current();
        Self { dispatch, span }
    }

    /// Does something there.
    pub fn within<T>(&self, what: impl FnOnce() -> T) -> T {
        tracing::dispatcher::with_default(&self.dispatch, || self.span.in_scope(what))
    }
}

/// The buffer. One thread puts, one takes.
#[derive(Debug)]
pub struct Queue {
    state: Mutex<State>,
    /// For the thread: there is something to do.
    work: Condvar,
    /// For training: there is room for a checkpoint.
    room: Condvar,
    /// Whether `state.failure` is there, without taking the lock.
    failed: AtomicBool,
    /// Whether `state.warnings` has any, without taking the lock.
    warned: AtomicBool,
    /// The log, for messages.
    log: PathBuf,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<(Timestamp, Job)>,
    /// Checkpoints that wait or are being written.
    checkpoints: usize,
    closed: bool,
    failure: Option<Failure>,
    /// Warnings of the thread that nobody has been told yet, with their steps.
    warnings: Vec<(u64, String)>,
}

#[derive(Debug)]
struct Failure {
    text: String,
    /// Until it was told.
    error: Option<RunError>,
}

/// Rows wait in memory up to this many (about 20 MB); more is an error.
const ROWS: usize = 1 << 17;
/// So many rows wake the thread before its time.
const MANY: usize = 4096;
/// Checkpoints in memory, the one that is being written included. More have to wait, or a slow disk
/// would fill the memory.
const CHECKPOINTS: usize = 1;
/// Rows are in the file after this time.
const FLUSH: Duration = Duration::from_secs(1);

impl Queue {
    /// An empty one.
    pub fn new(log: PathBuf) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            failed: AtomicBool::new(false),
            warned: AtomicBool::new(false),
            log,
        }
    }

    /// Takes a job for the thread.
    ///
    /// # Errors
    /// Where the thread failed, or more rows wait than there is room for.
    pub fn put(&self, job: Job) -> Result<(), RunError> {
        let mut state = self.state();
        if matches!(job, Job::Checkpoint(..)) {
            while state.checkpoints >= CHECKPOINTS && state.failure.is_none() {
                state = self
                    .room
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.checkpoints += 1;
        }
        let rows = state.jobs.len();
        if rows >= ROWS && state.failure.is_none() {
            self.fail_with(
                &mut state,
                RunError::Backlog {
                    path: self.log.clone(),
                    rows,
                },
            );
        }
        if let Some(failure) = &mut state.failure {
            return Err(failure.tell());
        }
        let urgent = matches!(job, Job::Checkpoint(..)) || rows + 1 == MANY;
        state.jobs.push_back((Timestamp::now(), job));
        drop(state);
        if urgent {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Whether all is well; costs next to nothing.
    pub fn check(&self) -> Result<(), RunError> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        self.state()
            .failure
            .as_mut()
            .map_or(Ok(()), |failure| Err(failure.tell()))
    }

    /// For the thread: everything that waits, at the latest after a second; `None` when the queue
    /// is closed and empty.
    pub fn take(&self) -> Option<VecDeque<(Timestamp, Job)>> {
        let idle =
            |state: &mut State| !state.closed && state.checkpoints == 0 && state.jobs.len() < MANY;
        let (mut state, _) = self
            .work
            .wait_timeout_while(self.state(), FLUSH, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let jobs = std::mem::take(&mut state.jobs);
        (!state.closed || !jobs.is_empty()).then_some(jobs)
    }

    /// For the thread: a checkpoint is written.
    pub fn checkpoint_done(&self) {
        self.state().checkpoints -= 1;
        self.room.notify_one();
    }

    /// For the thread: it cannot go on.
    pub fn fail(&self, error: RunError) {
        self.fail_with(&mut self.state(), error);
    }

    /// For the thread: something that a person should be told.
    pub fn warn(&self, step: u64, message: String) {
        self.state().warnings.push((step, message));
        self.warned.store(true, Ordering::Release);
    }

    /// The warnings since the last call; costs next to nothing where there are none.
    pub fn warnings(&self) -> Vec<(u64, String)> {
        match self.warned.swap(false, Ordering::AcqRel) {
            true => std::mem::take(&mut self.state().warnings),
            false => Vec::new(),
        }
    }

    /// No more jobs come.
    pub fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// The first failure: its text, and itself if it was not told yet.
    pub fn failure(&self) -> Option<(String, Option<RunError>)> {
        let mut state = self.state();
        let failure = state.failure.as_mut()?;
        Some((failure.text.clone(), failure.error.take()))
    }

    fn fail_with(&self, state: &mut State, error: RunError) {
        if state.failure.is_none() {
            state.failure = Some(Failure {
                text: error.to_string(),
                error: Some(error),
            });
        }
        self.failed.store(true, Ordering::Release);
        self.room.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failure {
    fn tell(&mut self) -> RunError {
        self.error.take().unwrap_or_else(|| RunError::Stopped {
            first: self.text.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning() -> Job {
        Job::Warning {
            step: 1,
            epoch: 0.0,
            message: String::new(),
        }
    }

    #[test]
    fn more_rows_than_there_is_room_for_are_an_error_and_not_silence() {
        let queue = Queue::new("metrics.jsonl".into());
        for _ in 0..ROWS {
            queue.put(warning()).unwrap();
        }
        queue.check().unwrap();
        assert!(matches!(
            queue.put(warning()),
            Err(RunError::Backlog { rows: ROWS, .. })
        ));
        let again = queue.put(warning()).unwrap_err().to_string();
        assert!(
            again.contains("does not keep up: 131072 rows not written"),
            "{again}"
        );
        assert_eq!(queue.take().unwrap().len(), ROWS);
    }

    #[test]
    fn a_failure_is_told_once_and_remembered() {
        let queue = Queue::new("metrics.jsonl".into());
        queue.fail(RunError::NotARun { path: "a".into() });
        queue.fail(RunError::NotARun { path: "b".into() });
        assert!(matches!(queue.check(), Err(RunError::NotARun { path }) if path.ends_with("a")));
        assert!(matches!(queue.check(), Err(RunError::Stopped { .. })));
        assert!(matches!(queue.failure(), Some((text, None)) if text.starts_with("`a`")));
    }

    #[test]
    fn a_closed_queue_gives_what_waits_and_then_nothing() {
        let queue = Queue::new("metrics.jsonl".into());
        queue.put(warning()).unwrap();
        queue.close();
        assert_eq!(queue.take().map(|jobs| jobs.len()), Some(1));
        assert!(queue.take().is_none());
    }
}
