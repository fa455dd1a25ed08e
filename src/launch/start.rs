//! A new run: device, data, session, then the loop, in memory or in a run directory.

use std::path::Path;

use candle_core::Tensor;

use super::{
    LaunchError, device,
    device::Opened,
    drive::{drive, warn},
    process, recipe, samples,
    samples::data_info,
    trace::Trace,
    weights,
};
use crate::{
    config::{Plan, WeightFile, short_path},
    data::Data,
    direction::Direction,
    event::{Ending, Sink},
    kernel, program,
    run::{AttemptMeta, InitInfo, Keep, RunMeta, Summary, Writer},
    train::{Session, StopFlag, TrainError},
};

/// A plan that is ready to train: its device is open, its data and its model are in memory.
pub struct Run {
    pub(super) plan: Plan,
    pub(super) session: Session,
    pub(super) opened: Opened,
    pub(super) fingerprint: String,
    /// The weights it starts from.
    pub(super) init: Option<InitInfo>,
    weights: Option<String>,
    notes: Vec<String>,
}

/// Where the numbers of a session come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// The seed and `[model] init`.
    Plan,
    /// The same once more: of the weights that a run is known to have started from.
    Again(Option<&'a InitInfo>),
    /// A checkpoint, which is restored afterwards: `[model] init` need not be there any more.
    Checkpoint,
}

impl Run {
    /// Sets up threads and memory, opens the device, loads the data and builds the model, whose
    /// numbers come from the seed and `[model] init`.
    ///
    /// # Errors
    /// Whatever keeps the plan from running here.
    pub fn new(plan: &Plan) -> Result<Self, LaunchError> {
        Self::from_origin(plan, Origin::Plan)
    }

    /// The same with numbers from elsewhere.
    pub(super) fn from_origin(plan: &Plan, origin: Origin<'_>) -> Result<Self, LaunchError> {
        let notes = process::set_up(plan);
        // By the time that the run is recorded, its program's digest is known.
        program::digest_ahead();
        let opened = device::open(&plan.top.device)?;
        let data: Data = plan.dataset.spec.load(&plan.dataset_keys, plan.top.seed)?;
        let fingerprint = data.fingerprint.clone();
        let mut session = Session::new(recipe::recipe(plan, data, opened.device.clone()))?;
        let known = match origin {
            Origin::Again(known) => known,
            Origin::Plan | Origin::Checkpoint => None,
        };
        let init = plan.model_keys.init.as_ref();
        let loaded = match init.filter(|_| !matches!(origin, Origin::Checkpoint)) {
            Some(init) => Some(weights::load(
                &mut session,
                init,
                &plan.architecture,
                known,
            )?),
            None => None,
        };
        let weights = loaded.as_ref().map(|(info, fit)| {
            let is_local = init.is_some_and(|init| matches!(init.source, WeightFile::Local(_)));
            let from = if is_local {
                short_path(info.from.as_ref())
            } else {
                info.from.clone()
            };
            fit.report(&from)
        });
        Ok(Self {
            plan: plan.clone(),
            session,
            opened,
            fingerprint,
            init: loaded.map(|(info, _)| info),
            weights,
            notes,
        })
    }

    /// Returns one line about the weights it starts from: which of them the model took, and which of
    /// its tensors are new.
    #[must_use]
    pub fn weights(&self) -> Option<&str> {
        self.weights.as_deref()
    }

    /// Returns the model with its optimizer and its data.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Takes the session out of the run.
    #[must_use]
    pub fn into_session(self) -> Session {
        self.session
    }

    /// Predicts for samples; see [`Session::predict`].
    ///
    /// # Errors
    /// Samples of another shape, or a computation that fails.
    pub fn predict(&self, samples: &Tensor) -> Result<Tensor, LaunchError> {
        Ok(self.session.predict(samples)?)
    }

    /// Trains in memory; `sink` sees every event. Nothing is written.
    ///
    /// # Errors
    /// Where a computation, the data or the sink fails.
    pub fn train(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<Ending, LaunchError> {
        self.tell(sink)?;
        Ok(self.session.run(sink, stop)?)
    }

    /// Trains in a new run directory below `runs`; `watcher` sees every event after it was kept.
    ///
    /// # Errors
    /// Where the run fails on the way; the directory then says so.
    pub fn train_in(
        &mut self,
        runs: &Path,
        watcher: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Result<Summary, LaunchError> {
        self.train_as(runs, None, watcher, stop)
    }

    /// The same for a run that repeats the run `parent`.
    pub(super) fn train_as(
        &mut self,
        runs: &Path,
        parent: Option<String>,
        watcher: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Result<Summary, LaunchError> {
        let meta = self.meta(runs, parent);
        let mut trace = Trace::new();
        // From here on there is something to save.
        let _work = stop.orderly();
        let writer = trace.context().within(|| Writer::create(runs, &meta))?;
        let lines = match writer.trace() {
            Ok(lines) => lines,
            Err(error) => {
                writer.discard();
                return Err(error.into());
            }
        };
        trace.attach(writer.info(), lines);
        self.tell(watcher)?;
        let said = samples::warnings(&self.plan);
        drive(&mut self.session, writer, trace, said, watcher, stop)
    }

    /// The record of it in the run directory.
    fn meta(&self, runs: &Path, parent: Option<String>) -> RunMeta {
        let plan = &self.plan;
        RunMeta {
            name: plan.top.name.clone(),
            // The folder of a run is made in that of the runs, whatever its name.
            plan_toml: plan.to_toml_in(&runs.join("run")),
            plan_hash: plan.hash(),
            seed: plan.top.seed,
            config_files: plan.written.files.clone(),
            overrides: plan.written.overrides.clone(),
            parent,
            tags: plan.top.tags.clone(),
            notes: (!plan.top.notes.is_empty()).then(|| plan.top.notes.clone()),
            data_fingerprint: self.fingerprint.clone(),
            data: Some(data_info(&plan.facts)),
            init: self.init.clone(),
            keep: keep(plan),
            attempt: attempt(&self.opened, Vec::new()),
        }
    }

    /// Tells what the user should know about this process, once.
    pub(super) fn tell(&mut self, watcher: &mut dyn Sink) -> Result<(), TrainError> {
        let notes = self.take_notes();
        warn(watcher, self.session.step(), notes)
    }

    /// Takes what the user should know about this process.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// The record of this process.
pub(super) fn attempt(opened: &Opened, changes: Vec<String>) -> AttemptMeta {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    AttemptMeta {
        argv: words.collect(),
        threads: kernel::threads::count(),
        device: opened.name.clone(),
        changes,
    }
}

/// Which checkpoints stay.
pub(super) fn keep(plan: &Plan) -> Keep {
    let best = plan.checkpoint.best.as_ref();
    Keep {
        newest: plan.checkpoint.keep,
        best: best.map_or(1, |best| best.keep),
        mode: best.and_then(|best| best.mode).unwrap_or(Direction::Min),
    }
}
