//! Finding and reading checkpoints: the directory is listed, and the newest one whose manifest and
//! digests are right wins. There is no pointer to the latest one that could be wrong.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::manifest::{MANIFEST, MODEL, Manifest, OPTIMIZER, STATE};
use super::tensors;
use crate::{
    event::Checkpoint,
    run::{
        Reader, RunError,
        disk::{self, Entry},
        layout,
    },
};

/// A checkpoint that was passed over because it is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// Its step.
    pub step: u64,
    /// Its directory.
    pub path: PathBuf,
    /// The fault.
    pub why: String,
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "checkpoint of step {} was passed over: {}",
            self.step, self.why
        )
    }
}

/// Returns the newest valid checkpoint of the run at `run`, and the newer ones that are damaged.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where none is valid.
pub fn load_newest(run: &Path) -> Result<(Checkpoint, Vec<Fallback>), RunError> {
    let (run, id) = opened(run)?;
    let Newest { found, fallbacks } = newest(&run, &id)?;
    match found {
        Some((checkpoint, _)) => Ok((checkpoint, fallbacks)),
        None => Err(none(id, "valid", &fallbacks)),
    }
}

/// Returns the checkpoint of the run at `run` that was the best when it was taken, and better ones
/// that are damaged. As such a checkpoint is taken only when a value is better than all before it, the
/// newest of them is the best.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where no valid checkpoint was ever the best.
pub fn load_best(run: &Path) -> Result<(Checkpoint, Vec<Fallback>), RunError> {
    let (run, id) = opened(run)?;
    let (found, fallbacks) = search(&run, |dir| {
        let manifest = Manifest::read(dir, &id)?;
        let best = manifest.info(dir.path());
        let is_best = best.best().is_some_and(|(_, value)| !value.is_nan());
        is_best.then(|| read(dir, &manifest)).transpose()
    })?;
    match found {
        Some(checkpoint) => Ok((checkpoint, fallbacks)),
        None => Err(none(id, "best", &fallbacks)),
    }
}

/// Returns the checkpoint of the run at `run` after `step` updates.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where there is none; its damage where it is damaged.
pub fn load_step(run: &Path, step: u64) -> Result<Checkpoint, RunError> {
    let (run, id) = opened(run)?;
    let dir = at_step(&run, &id, step)?;
    twice(|| read(&dir, &Manifest::read(&dir, &id)?))
}

/// One of a run's checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The newest valid one.
    Newest,
    /// The newest valid one that was the best when it was taken, which is the best.
    Best,
    /// The one after so many updates.
    Step(u64),
}

/// Returns the file of the weights in a checkpoint of the run at `run`, whose digests are right.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where there is no such checkpoint; the damage of the one of a step.
pub fn find_weights(run: &Path, pick: Pick) -> Result<PathBuf, RunError> {
    let (run, id) = opened(run)?;
    if let Pick::Step(step) = pick {
        let dir = at_step(&run, &id, step)?;
        twice(|| check(&dir, &id))?;
        return Ok((&dir.join(MODEL)).into());
    }
    let (found, damaged) = search(&run, |dir| {
        let manifest = check(dir, &id)?;
        let wanted = pick == Pick::Newest || manifest.info(dir.path()).best().is_some();
        Ok(wanted.then(|| PathBuf::from(&dir.join(MODEL))))
    })?;
    let what = match pick {
        Pick::Best => "best",
        _ => "valid",
    };
    found.ok_or_else(|| none(id, what, &damaged))
}

/// Returns the run and the step of the checkpoint that holds the weights at `path`, where one does.
#[must_use]
pub fn checkpoint_of(path: &Path) -> Option<(String, u64)> {
    let folder = Entry::open(path.parent()?).ok()?;
    let text = disk::read(&folder.join(MANIFEST), 1 << 20).ok()?;
    let manifest: Manifest = serde_json::from_slice(&text).ok()?;
    Some((manifest.run, manifest.step))
}

/// What [`newest`] finds.
pub struct Newest {
    /// The newest valid checkpoint and its manifest.
    pub found: Option<(Checkpoint, Manifest)>,
    /// The newer damaged ones.
    pub fallbacks: Vec<Fallback>,
}

/// Returns the newest valid checkpoint with its manifest, and the newer damaged ones.
pub fn newest(run: &Entry, id: &str) -> Result<Newest, RunError> {
    let (found, fallbacks) = search(run, |dir| {
        let manifest = Manifest::read(dir, id)?;
        Ok(Some((read(dir, &manifest)?, manifest)))
    })?;
    Ok(Newest { found, fallbacks })
}

/// Times that the checkpoints of a run are listed again, where its process has deleted the one that
/// was to be read. It saves another one before it does.
const AGAIN: usize = 50;

/// Goes through the checkpoints, newest first, and returns the first thing that is taken of one, and
/// the newer ones that could not be read.
fn search<T>(
    run: &Entry,
    take: impl Fn(&Entry) -> Result<Option<T>, RunError>,
) -> Result<(Option<T>, Vec<Fallback>), RunError> {
    let mut tries = 0;
    'listed: loop {
        let mut fallbacks = Vec::new();
        for (step, dir) in list(run)?.into_iter().rev() {
            match twice(|| take(&dir)) {
                Ok(None) => {}
                Ok(found) => return Ok((found, fallbacks)),
                Err(_) if !disk::exists(&dir) && tries < AGAIN => {
                    tries += 1;
                    continue 'listed;
                }
                Err(error) => fallbacks.push(Fallback {
                    step,
                    path: (&dir).into(),
                    why: error.to_string(),
                }),
            }
        }
        return Ok((None, fallbacks));
    }
}

/// Tries again what failed: a run under way may have put another checkpoint of the same step there.
pub fn twice<T>(what: impl Fn() -> Result<T, RunError>) -> Result<T, RunError> {
    what().or_else(|_| what())
}

/// Returns the directory of the run at `run`, opened, and its id.
fn opened(run: &Path) -> Result<(Entry, String), RunError> {
    let run = Entry::open(run)?;
    let id = Reader::info_of(&run)?.run;
    Ok((run, id))
}

/// Returns the directory of the checkpoint at `step`.
fn at_step(run: &Entry, id: &str, step: u64) -> Result<Entry, RunError> {
    let all = list(run)?.into_iter().rev();
    let mut found = all.filter(|(there, _)| *there == step);
    let (_, dir) = found
        .next()
        .ok_or_else(|| none(id.into(), &format!("step {step}"), &[]))?;
    Ok(dir)
}

/// Returns steps and directories of the checkpoints of the run at `run`, oldest first, damaged ones
/// included. Of two of one step the later one has the longer name.
pub fn list(run: &Entry) -> Result<Vec<(u64, Entry)>, RunError> {
    let dir = run.join(layout::CHECKPOINTS);
    // In order of the names, which is that of the steps up to ten digits.
    let mut found: Vec<(u64, Entry)> = disk::names(&dir)?
        .into_iter()
        .filter_map(|name| Some((layout::checkpoint_step(&name)?, dir.join(name))))
        .collect();
    found.sort_by_key(|(step, _)| *step);
    Ok(found)
}

/// Compares every file of the checkpoint at `dir` with its manifest, without keeping tensors.
pub fn check(dir: &Entry, run: &str) -> Result<Manifest, RunError> {
    let manifest = Manifest::read(dir, run)?;
    for (name, digest) in &manifest.files {
        digest.check(&dir.join(name))?;
    }
    Ok(manifest)
}

/// Reads what a manifest describes.
fn read(dir: &Entry, manifest: &Manifest) -> Result<Checkpoint, RunError> {
    let state = dir.join(STATE);
    let text = manifest.file(STATE)?.read(&state)?;
    Ok(Checkpoint {
        step: manifest.step,
        epoch: manifest.epoch,
        model: tensors::read(&dir.join(MODEL), manifest.file(MODEL)?)?,
        optimizer: tensors::read(&dir.join(OPTIMIZER), manifest.file(OPTIMIZER)?)?,
        state: serde_json::from_slice(&text).map_err(|e| RunError::damaged(&state, e))?,
        state_hash: manifest.state_hash.clone(),
        reason: manifest.main_reason(),
        metrics: manifest.metrics.clone(),
    })
}

fn none(run: String, what: &str, damaged: &[Fallback]) -> RunError {
    let what = what.to_string();
    RunError::NoCheckpoint {
        run,
        what,
        damaged: damaged.iter().map(Fallback::to_string).collect(),
    }
}
