//! A trained model on one of its splits.

use std::path::Path;

use super::{
    LaunchError,
    edit::relocated,
    start::{Origin, Run},
    verify::refuse_edited,
};
use crate::{
    config::{Extensions, Overrides},
    event::{Confusion, Metrics},
    run,
    train::{Session, Split, StopFlag},
};

/// Which state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest valid one.
    Last,
    /// The best one.
    Best,
    /// The one of a step.
    Step(u64),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Updates that the state had done.
    pub step: u64,
    /// Values by `split/name`.
    pub metrics: Metrics,
    /// The program that trained it and this one, where they differ. None where it is
    /// the same one, as far as the run says.
    pub other_program: Option<(String, String)>,
    /// The confusion matrix of a classification.
    pub confusion: Option<Confusion>,
    /// Remarks for the user about this process.
    pub notes: Vec<String>,
}

/// Keys that may be laid over a plan that is evaluated, beside its paths.
const SETTABLE: [&str; 5] = [
    "device",
    "dataset.batch_size",
    "dataset.eval_batch_size",
    "dataset.prefetch",
    "train.threads",
];

/// Loss and metrics of a run's checkpoint on a split; `None` where `stop` was raised. `overrides`
/// say where its files are now, and on what it is computed.
///
/// # Errors
/// A run without such a checkpoint or split, or one whose data cannot be read.
pub fn evaluate(
    path: &Path,
    which: Which,
    split: Split,
    overrides: &Overrides,
    extensions: &Extensions,
    stop: &StopFlag,
) -> Result<Option<Evaluation>, LaunchError> {
    let (mut ready, step) = restored(path, which, overrides, extensions)?;
    let info = run::Reader::info(path)?;
    let made_by = info.attempts.last().map(|attempt| &attempt.binary);
    let other_program = made_by.and_then(|made_by| made_by.difference(&run::binary()));
    let measured = ready.session.measure(split, stop)?;
    let notes = ready.take_notes();
    Ok(measured.map(|measured| Evaluation {
        step,
        metrics: measured.metrics,
        confusion: measured.confusion,
        other_program,
        notes,
    }))
}

/// Loads the model of a run at one of its checkpoints, to predict with: see [`Session::predict`].
/// The run's data must be where its plan says: shapes, classes and fitted transforms come from them.
///
/// # Errors
/// A run without such a checkpoint, or one whose data cannot be read.
pub fn load_model(
    path: &Path,
    which: Which,
    extensions: &Extensions,
) -> Result<Session, LaunchError> {
    let (ready, _) = restored(path, which, &Overrides::default(), extensions)?;
    Ok(ready.into_session())
}

/// The run as one of its checkpoints left it, and the updates that this had done.
fn restored(
    path: &Path,
    which: Which,
    overrides: &Overrides,
    extensions: &Extensions,
) -> Result<(Run, u64), LaunchError> {
    refuse_edited(path)?;
    let plan = relocated(path, overrides, &SETTABLE, extensions)?;
    let checkpoint = match which {
        Which::Last => run::load_newest(path)?.0,
        Which::Best => run::load_best(path)?.0,
        Which::Step(step) => run::load_step(path, step)?,
    };
    let mut ready = Run::from_origin(&plan, Origin::Checkpoint)?;
    ready.session.restore(&checkpoint)?;
    Ok((ready, checkpoint.step))
}
