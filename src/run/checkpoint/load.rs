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
    run::{Reader, RunError, disk, layout},
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

/// The newest valid checkpoint of the run at `run`, and the newer ones that are damaged.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where none is valid.
pub fn load_newest(run: &Path) -> Result<(Checkpoint, Vec<Fallback>), RunError> {
    let id = Reader::info(run)?.run;
    let Newest { found, fallbacks } = newest(run, &id)?;
    match found {
        Some((checkpoint, _)) => Ok((checkpoint, fallbacks)),
        None => Err(none(id, "valid", &fallbacks)),
    }
}

/// The checkpoint of the run at `run` that was the best when it was taken, and better ones that are
/// damaged. As such a checkpoint is taken only when a value is better than all before it, the
/// newest of them is the best.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where no valid checkpoint was ever the best.
pub fn load_best(run: &Path) -> Result<(Checkpoint, Vec<Fallback>), RunError> {
    let id = Reader::info(run)?.run;
    let mut fallbacks = Vec::new();
    for (step, dir) in list(run)?.into_iter().rev() {
        let loaded = Manifest::read(&dir, &id).and_then(|manifest| {
            let best = manifest
                .info(&dir)
                .best()
                .is_some_and(|(_, value)| !value.is_nan());
            best.then(|| read(&dir, &manifest)).transpose()
        });
        match loaded {
            Ok(None) => {}
            Ok(Some(checkpoint)) => return Ok((checkpoint, fallbacks)),
            Err(error) => fallbacks.push(Fallback {
                step,
                path: dir,
                why: error.to_string(),
            }),
        }
    }
    Err(none(id, "best", &fallbacks))
}

/// The checkpoint of the run at `run` after `step` updates.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where there is none; its damage where it is damaged.
pub fn load_step(run: &Path, step: u64) -> Result<Checkpoint, RunError> {
    let id = Reader::info(run)?.run;
    let found = list(run)?
        .into_iter()
        .rev()
        .find(|(there, _)| *there == step);
    let (_, dir) = found.ok_or_else(|| none(id.clone(), &format!("step {step}"), &[]))?;
    read(&dir, &Manifest::read(&dir, &id)?)
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

/// The file of the weights in a checkpoint of the run at `run`, whose digests are right.
///
/// # Errors
/// [`RunError::NoCheckpoint`] where there is no such checkpoint; the damage of the one of a step.
pub fn find_weights(run: &Path, pick: Pick) -> Result<PathBuf, RunError> {
    let id = Reader::info(run)?.run;
    let mut damaged = Vec::new();
    for (step, path) in list(run)?.into_iter().rev() {
        if matches!(pick, Pick::Step(wanted) if wanted != step) {
            continue;
        }
        match check(&path, &id) {
            Ok(manifest) if pick == Pick::Best && manifest.info(&path).best().is_none() => {}
            Ok(_) => return Ok(path.join(MODEL)),
            Err(error) if matches!(pick, Pick::Step(_)) => return Err(error),
            Err(error) => damaged.push(Fallback {
                step,
                path,
                why: error.to_string(),
            }),
        }
    }
    let what = match pick {
        Pick::Newest => "valid".to_string(),
        Pick::Best => "best".to_string(),
        Pick::Step(step) => format!("step {step}"),
    };
    Err(none(id, &what, &damaged))
}

/// The run and the step of the checkpoint that holds the weights at `path`, where one does.
#[must_use]
pub fn checkpoint_of(path: &Path) -> Option<(String, u64)> {
    let text = disk::read(&path.with_file_name(MANIFEST), 1 << 20).ok()?;
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

/// The newest valid checkpoint with its manifest, and the newer damaged ones.
pub fn newest(run: &Path, id: &str) -> Result<Newest, RunError> {
    let mut fallbacks = Vec::new();
    for (step, path) in list(run)?.into_iter().rev() {
        let loaded =
            Manifest::read(&path, id).and_then(|manifest| Ok((read(&path, &manifest)?, manifest)));
        match loaded {
            Ok(found) => {
                let found = Some(found);
                return Ok(Newest { found, fallbacks });
            }
            Err(error) => fallbacks.push(Fallback {
                step,
                path,
                why: error.to_string(),
            }),
        }
    }
    Ok(Newest {
        found: None,
        fallbacks,
    })
}

/// Steps and directories of the checkpoints of the run at `run`, oldest first, damaged ones
/// included. Of two of one step the later one has the longer name.
pub fn list(run: &Path) -> Result<Vec<(u64, PathBuf)>, RunError> {
    let dir = run.join(layout::CHECKPOINTS);
    let mut found: Vec<(u64, PathBuf)> = disk::names(&dir)?
        .into_iter()
        .filter_map(|name| Some((layout::checkpoint_step(&name)?, dir.join(name))))
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// Compares every file of the checkpoint at `dir` with its manifest, without keeping tensors.
pub fn check(dir: &Path, run: &str) -> Result<Manifest, RunError> {
    let manifest = Manifest::read(dir, run)?;
    for (name, digest) in &manifest.files {
        digest.check(&dir.join(name))?;
    }
    Ok(manifest)
}

/// Reads what a manifest describes.
fn read(dir: &Path, manifest: &Manifest) -> Result<Checkpoint, RunError> {
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
