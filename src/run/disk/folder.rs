//! The folder of the runs. It is the user's: links on the way to it, and in it to whole runs, are
//! followed.

use std::{ffi::OsString, fs, io, path::Path};

use super::{DEEPEST, Entry, TEMPORARY, done, empty, sync_dir};
use crate::run::{RunError, fault::Op};

/// Makes a directory and those above it, as far as they are missing; their names are durable then.
pub fn create_dirs(path: &Path) -> Result<(), RunError> {
    let is_missing = |dir: &&Path| !dir.as_os_str().is_empty() && !dir.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    done(Op::Mkdir, path, || fs::create_dir_all(path)).map_err(RunError::io("create", path))?;
    for parent in missing.iter().rev().filter_map(|dir| dir.parent()) {
        match parent.as_os_str().is_empty() {
            true => sync_folder(Path::new("."))?,
            false => sync_folder(parent)?,
        }
    }
    Ok(())
}

/// Makes a directory in `folder` and removes it, to see whether anything can be made there.
///
/// # Errors
/// What the system says where it cannot.
pub fn probe(folder: &Path) -> io::Result<()> {
    let place = folder.join(format!("{TEMPORARY}{}", std::process::id()));
    match done(Op::Mkdir, &place, || fs::create_dir(&place)) {
        // A process with this number was killed in between.
        Err(found) if found.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    done(Op::Remove, &place, || fs::remove_dir(&place))
}

/// Returns the names in the folder of the runs, sorted; none where it is not there.
pub fn folder(path: &Path) -> Result<Vec<OsString>, RunError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(RunError::io("read", path))?,
    };
    let names: io::Result<Vec<OsString>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let mut names = names.map_err(RunError::io("read", path))?;
    names.sort_unstable();
    Ok(names)
}

/// Makes the directory of a new run, with mode 0700; refuses where something of that name is there.
pub fn create_run(path: &Path) -> Result<Entry, RunError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    done(Op::Mkdir, path, || builder.create(path)).map_err(RunError::io("create", path))?;
    Entry::open(path)
}

/// Makes new names in the folder of the runs durable.
fn sync_folder(path: &Path) -> Result<(), RunError> {
    sync_dir(&Entry::open(path)?)
}

/// Renames the directory of a run.
pub fn rename_run(from: &Path, to: &Path) -> Result<(), RunError> {
    done(Op::Rename, to, || fs::rename(from, to)).map_err(RunError::io("rename to", to))?;
    sync_folder(to.parent().unwrap_or(Path::new(".")))
}

/// Deletes the directory of a run.
pub fn remove_run(path: &Path) -> Result<(), RunError> {
    empty(&Entry::open(path)?, DEEPEST)?;
    remove_empty_run(path)
}

/// Deletes the directory of a run that has nothing in it.
pub fn remove_empty_run(path: &Path) -> Result<(), RunError> {
    done(Op::Remove, path, || fs::remove_dir(path)).map_err(RunError::io("remove", path))
}
