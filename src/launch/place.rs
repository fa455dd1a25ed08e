//! The folder of the runs is looked at before anything is trained: it takes a run, or the error says
//! why not.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::LaunchError;
use crate::{config::Plan, run, units::Span};

/// Checks that a run of this plan can be made in the folder `runs`, which need not exist yet.
/// Nothing is left behind.
///
/// # Errors
/// The folder cannot be written into, or its disk has no room for the run's checkpoints.
pub fn check_place(plan: &Plan, runs: &Path) -> Result<(), LaunchError> {
    let error = |source| LaunchError::NoPlace {
        runs: runs.into(),
        source,
    };
    let folder = nearest(runs).map_err(error)?;
    run::probe(&folder).map_err(error)?;
    let Some(free) = free(&folder) else {
        return Ok(());
    };
    match Room::needed(plan) {
        room if room.bytes() > free => Err(LaunchError::NoRoom {
            runs: runs.into(),
            free,
            needed: room.bytes(),
            checkpoints: room.checkpoints,
        }),
        _ => Ok(()),
    }
}

/// The folder itself, or the nearest one above it that exists.
fn nearest(runs: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(runs)?;
    for folder in whole.ancestors() {
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => return Ok(folder.into()),
            Ok(_) => return Err(io::Error::from(io::ErrorKind::NotADirectory)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::NotFound))
}

/// Bytes that this user may still write; `None` where the system does not say.
fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The most that the checkpoints of a run take.
#[derive(Debug, PartialEq)]
struct Room {
    checkpoints: u64,
    each: u64,
}

impl Room {
    /// Those that are kept, and the one that is written before an old one goes. A run that saves
    /// fewer has only these.
    fn needed(plan: &Plan) -> Self {
        let every = match plan.checkpoint.every {
            // By the clock there may be none before the end.
            Span::Seconds(_) | Span::Rest => plan.length.total_steps,
            span => span
                .steps(&plan.length.clock())
                .map_or(1, |steps| steps.max(1.0) as u64),
        };
        let saved = plan.length.total_steps.div_ceil(every.max(1)).max(1);
        let kept = plan.checkpoint.keep as u64;
        Self {
            checkpoints: saved.min(kept.saturating_add(1)),
            each: plan.cost.weights.saturating_add(plan.cost.optimizer),
        }
    }

    fn bytes(&self) -> u64 {
        self.checkpoints.saturating_mul(self.each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Extensions, Overrides, Spec};

    fn plan(more: &str) -> Plan {
        let text = format!(
            "[model]\ntype = \"mlp\"\nhidden = [10]\n[dataset]\ntype = \"digits\"\n\
             [optimizer]\ntype = \"adam\"\nlr = 0.1\n[train]\nsteps = 100\n{more}"
        );
        let spec = Spec::parse("a.toml", &text, &Overrides::default());
        Plan::resolve(&spec, &Extensions::new()).unwrap()
    }

    #[test]
    fn room_is_for_the_kept_ones_and_the_next() {
        // 64·10 + 10 and 10·10 + 10 numbers of four bytes, and Adam's two for each.
        let each = 3 * 4 * 760;
        for (more, checkpoints) in [
            ("[checkpoint]\nevery = \"10 steps\"", 3),
            ("[checkpoint]\nevery = \"10 steps\"\nkeep = 50", 10),
            ("[checkpoint]\nevery = \"100%\"", 1),
            ("[checkpoint]\nevery = \"5 min\"", 1),
        ] {
            let room = Room::needed(&plan(more));
            assert_eq!(room, Room { checkpoints, each }, "{more}");
        }
    }

    #[test]
    fn a_place_that_is_none_is_told_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (plan, at) = (plan(""), |name: &str| folder.path().join(name));
        fs::write(at("file"), "").unwrap();
        check_place(&plan, &at("a/b/runs")).unwrap();
        assert!(!at("a").exists());
        check_place(&plan, folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for wrong in ["file", "file/runs"] {
            let error = check_place(&plan, &at(wrong)).unwrap_err().to_string();
            assert!(error.contains("--runs DIR"), "{error}");
        }
    }
}
