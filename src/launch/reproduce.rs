//! Running a stored plan again and comparing every number.

use std::path::{Path, PathBuf};

use super::{
    LaunchError,
    edit::{is_unseen, relocated},
    memory::check_memory,
    start::{Origin, Run},
    verify::refuse_edited,
};
use crate::{
    config::{Extensions, Overrides, Plan, Written},
    event::Sink,
    run::{self, Comparison, Reader, RunStatus, RunView},
    train::StopFlag,
};

/// Options of a repetition.
#[derive(Debug, Clone)]
pub struct Repeat {
    /// The folder of the new run.
    pub runs: PathBuf,
    /// True to run where its memory does not fit.
    pub ignore_memory: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Reproduction {
    /// The first run.
    pub original: String,
    /// The new run.
    pub repeated: String,
    /// Where the new run lies.
    pub path: PathBuf,
    /// The comparison.
    pub comparison: Comparison,
    /// Status of a first run that did not come to its end; the rows until then are compared.
    pub broken_off: Option<RunStatus>,
    /// Sameness of the program that made the first run and this one.
    pub program: SameProgram,
    /// What is different about the circumstances: another program, processor or data.
    pub circumstances: Vec<String>,
}

/// Sameness of the programs that made two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameProgram {
    /// The same executable.
    Yes,
    /// Another one.
    No,
    /// The first run is of a version that kept no digest of its program; what it kept is the same.
    Unknown,
}

impl SameProgram {
    fn of(was: &RunView, now: &RunView) -> Self {
        let last = |view: &RunView| view.info.attempts.last().map(|last| last.binary.clone());
        let (Some(was), Some(now)) = (last(was), last(now)) else {
            return Self::Unknown;
        };
        match was.difference(&now) {
            Some(_) => Self::No,
            None if was.blake3.is_some() && now.blake3.is_some() => Self::Yes,
            None => Self::Unknown,
        }
    }
}

/// Runs the plan of the run at `path` again, in a new run directory, as far as the first went;
/// `overrides` say where its files are now.
///
/// # Errors
/// Where the run cannot be read or the plan cannot be run.
pub fn reproduce(
    path: &Path,
    extensions: &Extensions,
    overrides: &Overrides,
    repeat: Repeat,
    watcher: &mut dyn Sink,
    stop: &StopFlag,
    say: &mut dyn FnMut(String),
) -> Result<Reproduction, LaunchError> {
    let view = Reader::open(path)?;
    let mut changes = view.info.attempts.iter().flat_map(|a| &a.changes);
    if let Some(change) = changes.find(|change| !is_unseen(change)) {
        return Err(LaunchError::Refused(format!(
            "run `{}` was changed on its way ({change}), so no plan tells all of it; hint: run its plan.toml as a new run",
            view.info.run
        )));
    }
    refuse_edited(path)?;
    let whole = relocated(&view.path, overrides, &["train.threads"], extensions)?;
    let reached = view
        .summary
        .as_ref()
        .map(|s| s.step)
        .or(view.rows.last().map(|row| row.step));
    let mut plan = match reached {
        Some(step) if step > 0 && step < whole.length.total_steps => cut(&whole, step, extensions)?,
        _ => whole,
    };
    // The plan is all that this run is made from.
    plan.written = Written::plan(&plan);
    if !repeat.ignore_memory {
        check_memory(&plan)?;
    }
    let mut ready = Run::from_origin(&plan, Origin::Again(view.info.init.as_ref()))?;
    let circumstances = circumstances(&view, &ready);
    for line in &circumstances {
        say(format!(
            "different now: {line}; the bits may differ for that reason"
        ));
    }
    let parent = Some(view.info.run.clone());
    let summary = ready.train_as(&repeat.runs, parent, watcher, stop)?;
    let repeated = Reader::open(Path::new(&summary.path))?;
    Ok(Reproduction {
        original: view.info.run.clone(),
        repeated: summary.run.clone(),
        path: summary.path.into(),
        comparison: run::compare(&view, &repeated),
        broken_off: (!view.status.is_complete()).then(|| view.status.clone()),
        program: SameProgram::of(&view, &repeated),
        circumstances,
    })
}

/// What is different now: program, processor, device, data, weights to start from.
fn circumstances(view: &RunView, ready: &Run) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(last) = view.info.attempts.last() {
        let differs = |what: &str, was: &str, now: &str| {
            (was != now).then(|| format!("{what}: {was} then, {now} now"))
        };
        if let Some((was, now)) = last.binary.difference(&run::binary()) {
            all.extend(differs("program", &was, &now));
        }
        all.extend(differs("instruction sets", &last.isa, &run::isa_class()));
        all.extend(differs("device", &last.device, &ready.opened.name));
    }
    if ready.fingerprint != view.info.data_fingerprint {
        all.push("data: its content has changed".into());
    }
    if let (Some(was), Some(now)) = (&view.info.init, &ready.init)
        && was.blake3 != now.blake3
    {
        all.push(format!("init: the content of `{}` has changed", now.from));
    }
    all
}

/// The same plan, ended at `step`; the schedules keep their curve.
fn cut(plan: &Plan, step: u64, extensions: &Extensions) -> Result<Plan, LaunchError> {
    let mut overrides = Overrides::default();
    overrides.flag_number("--steps", "train.steps", step);
    Ok(plan.with(&overrides, extensions)?)
}
