//! A new run: device, data, session, run directory, loop.

use std::path::PathBuf;

use super::{
    LaunchError, device, device::Opened, fanout::Fanout, recipe, samples, samples::data_info,
    trace::Trace, weights,
};
use crate::{
    config::{Plan, Spec, WeightFile, short_path},
    data::Data,
    direction::Direction,
    event::{Ending, Event, Sink, SinkError, Status},
    kernel, program,
    run::{AttemptMeta, InitInfo, Keep, RunMeta, Summary, Warnings, Writer},
    train::{Session, StopFlag, TrainError},
};

/// What a run is started from.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The config's texts as (file name, text): first the one that was named.
    pub config_files: Vec<(String, String)>,
    /// Overrides as `key=value`.
    pub overrides: Vec<String>,
    /// The folder of the runs.
    pub runs: PathBuf,
    /// The process's command line.
    pub argv: Vec<String>,
    /// The run that this one repeats.
    pub parent: Option<String>,
}

/// The texts of a spec's files, the named one first.
#[must_use]
pub fn config_files(spec: &Spec) -> Vec<(String, String)> {
    let named = spec.path.display().to_string();
    let is_file = |name: &str| !name.starts_with("--");
    let files = spec.sources.iter().filter(|source| is_file(&source.name));
    let mut files: Vec<_> = files.map(|s| (s.name.clone(), s.text.clone())).collect();
    files.sort_by_key(|(name, _)| *name != named);
    files
}

/// A session with its device, before a run directory exists.
pub struct Prepared {
    pub(super) session: Session,
    pub(super) opened: Opened,
    pub(super) fingerprint: String,
    /// The weights it starts from.
    pub(super) init: Option<InitInfo>,
    /// One line about them: which the model took, and which of its tensors are new.
    pub weights: Option<String>,
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

/// Opens the device, loads the data and builds the session; its numbers come from the seed and
/// `[model] init`.
///
/// # Errors
/// Whatever keeps the plan from running here.
pub fn prepare(plan: &Plan) -> Result<Prepared, LaunchError> {
    prepare_from(plan, Origin::Plan)
}

/// The same with numbers from elsewhere.
pub(super) fn prepare_from(plan: &Plan, origin: Origin<'_>) -> Result<Prepared, LaunchError> {
    threads(plan);
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
    Ok(Prepared {
        session,
        opened,
        fingerprint,
        init: loaded.map(|(info, _)| info),
        weights,
    })
}

/// Sets the number of threads that compute, where nothing has computed in this process yet.
fn threads(plan: &Plan) {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    kernel::threads::set(plan.train.threads.unwrap_or_else(all));
}

impl Launch<'_> {
    /// Trains in a new run directory; `watcher` sees every event after it was kept.
    ///
    /// # Errors
    /// Where the run cannot be prepared, or fails on the way; the directory then says so.
    pub fn start(
        &self,
        prepared: Prepared,
        watcher: &mut dyn Sink,
        stop: &StopFlag,
    ) -> Result<Summary, LaunchError> {
        let Prepared {
            mut session,
            opened,
            fingerprint,
            init,
            ..
        } = prepared;
        let plan = self.plan;
        let meta = RunMeta {
            name: plan.top.name.clone(),
            // The folder of a run is made in that of the runs, whatever its name.
            plan_toml: plan.to_toml_in(&self.runs.join("run")),
            plan_hash: plan.hash(),
            seed: plan.top.seed,
            config_files: self.config_files.clone(),
            overrides: self.overrides.clone(),
            parent: self.parent.clone(),
            tags: plan.top.tags.clone(),
            notes: (!plan.top.notes.is_empty()).then(|| plan.top.notes.clone()),
            data_fingerprint: fingerprint,
            data: Some(data_info(&plan.facts)),
            init,
            keep: keep(plan),
            attempt: attempt(&self.argv, &opened, Vec::new()),
        };
        let mut trace = Trace::new();
        // From here on there is something to save.
        let _work = stop.orderly();
        let writer = trace
            .context()
            .within(|| Writer::create(&self.runs, &meta))?;
        let lines = match writer.trace() {
            Ok(lines) => lines,
            Err(error) => {
                writer.discard();
                return Err(error.into());
            }
        };
        trace.attach(writer.info(), lines);
        let said = samples::warnings(plan);
        drive(&mut session, writer, trace, said, watcher, stop)
    }
}

/// Tells of something besides the training itself.
pub(super) fn warn(
    sink: &mut dyn Sink,
    step: u64,
    messages: Vec<String>,
) -> Result<(), TrainError> {
    for message in messages {
        sink.event(&Event::Warning { step, message })?;
    }
    Ok(())
}

/// The record of this process.
pub(super) fn attempt(argv: &[String], opened: &Opened, changes: Vec<String>) -> AttemptMeta {
    AttemptMeta {
        argv: argv.to_vec(),
        threads: crate::kernel::threads::count(),
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

/// Runs the session into its directory and sums it up. The writer was made within the trace, so
/// that its thread's events go there too. `said` is what the user has been told about the data: the
/// log keeps it.
pub(super) fn drive(
    session: &mut Session,
    mut writer: Writer,
    mut trace: Trace,
    said: Vec<String>,
    watcher: &mut dyn Sink,
    stop: &StopFlag,
) -> Result<Summary, LaunchError> {
    let context = trace.context();
    let warnings = writer.warnings();
    let ended = context.within(|| {
        warn(&mut Fanout(vec![&mut writer, &mut trace]), 0, said)?;
        let mut watcher = Watcher {
            inner: &mut *watcher,
            warnings: warnings.clone(),
        };
        let mut sinks = Fanout(vec![&mut writer, &mut trace, &mut watcher]);
        session.run(&mut sinks, stop)
    });
    let ending = match &ended {
        Ok(ending) => ending.clone(),
        Err(error) => failed(session, error),
    };
    let run = writer.info().run.clone();
    let summary = context.within(|| writer.finish(&ending));
    ended.map_err(|error| LaunchError::from(error).of_run(&run))?;
    for (step, message) in warnings.take() {
        warn(watcher, step, vec![message])?;
    }
    summary.map_err(|error| LaunchError::from(error).of_run(&run))
}

/// A watcher that is also told what the thread of the writer warns of.
struct Watcher<'a> {
    inner: &'a mut dyn Sink,
    warnings: Warnings,
}

impl Sink for Watcher<'_> {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        for (step, message) in self.warnings.take() {
            self.inner.event(&Event::Warning { step, message })?;
        }
        self.inner.event(event)
    }
}

/// The ending of a run whose session could not say it itself.
fn failed(session: &mut Session, error: &TrainError) -> Ending {
    session.ending(Status::Failed {
        why: error.to_string(),
    })
}
