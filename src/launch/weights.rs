//! `[model] init`: weights to start from.

use std::fs;

use super::{LaunchError, hub};
use crate::{
    config::Init,
    run::{self, InitInfo, RunError},
    train::Session,
};

/// Lays the arrays of a safetensors file over the session's parameters and buffers, and says what
/// they were. A file of the hub is that of the commit that is `known` from an earlier start.
///
/// # Errors
/// Where the file cannot be had or read, or names and shapes are not exactly the model's.
pub fn load(
    session: &mut Session,
    init: &Init,
    known: Option<&InitInfo>,
) -> Result<InitInfo, LaunchError> {
    let from = init.to_string();
    let (path, revision) = match init {
        Init::File(path) => (path.clone(), None),
        Init::Hub(file) => {
            let commit = known.and_then(|known| known.revision.as_deref());
            let found = hub::fetch(file, commit)?;
            (found.path, Some(found.commit))
        }
    };
    // The hub's cache is made of links, and a user's own link means what it points to.
    let path = fs::canonicalize(&path).map_err(|source| LaunchError::NoWeights {
        from: from.clone(),
        source: RunError::Io {
            doing: "read",
            path,
            source,
        },
    })?;
    let loaded = run::load_weights(&path).map_err(|source| LaunchError::NoWeights {
        from: from.clone(),
        source,
    });
    let (arrays, blake3) = loaded?;
    match session.load_weights(&arrays) {
        Ok(()) => Ok(InitInfo {
            from,
            revision,
            blake3,
        }),
        Err(source) => Err(LaunchError::OtherWeights { from, source }),
    }
}
