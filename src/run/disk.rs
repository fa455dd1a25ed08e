//! Files that are private, whole or absent: exclusive creation with mode 0600 (directories 0700),
//! replacement by a synced new file and rename, and reading that follows no link.
//!
//! Every operation on a run's files stands here or in [`File`], so that [`fault`] can number it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::{
    RunError,
    fault::{self, Op},
    file::File,
};

/// Puts `bytes` in the place of `path`: after a crash either the old file or the new one is there,
/// whole.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let fresh = fresh_name(path);
    if fresh.symlink_metadata().is_ok() {
        remove_file(&fresh)?;
    }
    write_new(&fresh, bytes)?;
    rename(&fresh, path)
}

/// The name under which [`replace`] writes the new file.
pub fn fresh_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{TEMPORARY}{name}"))
}

/// What names of files and directories begin with that are not finished.
pub const TEMPORARY: &str = ".tmp-";

/// Renames, and makes the new name durable.
pub fn rename(from: &Path, to: &Path) -> Result<(), RunError> {
    done(Op::Rename, to, || fs::rename(from, to)).map_err(RunError::io("rename to", to))?;
    sync_dir(to.parent().unwrap_or(Path::new(".")))
}

/// Writes a new file and syncs it; refuses where one is there.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let mut file = create_file(path)?;
    file.write_all(bytes).map_err(RunError::io("write", path))?;
    file.sync().map_err(RunError::io("sync", path))
}

/// Makes a file of mode 0600; refuses where one is there.
pub fn create_file(path: &Path) -> Result<File, RunError> {
    let mut options = private();
    options.write(true).create_new(true);
    let file = done(Op::Create, path, || options.open(path));
    Ok(File::new(file.map_err(RunError::io("create", path))?, path))
}

/// Opens a file for appending, and makes it where it is not there.
pub fn append_file(path: &Path) -> Result<File, RunError> {
    open_with(private().append(true).create(true), path)
}

/// Opens a file for reading and writing, and makes it where it is not there.
pub fn lock_file(path: &Path) -> Result<File, RunError> {
    let mut options = private();
    options.read(true).write(true).create(true).truncate(false);
    open_with(&options, path)
}

fn open_with(options: &OpenOptions, path: &Path) -> Result<File, RunError> {
    refuse_link(path)?;
    let file = done(Op::Open, path, || options.open(path));
    Ok(File::new(file.map_err(RunError::io("open", path))?, path))
}

/// Makes a directory of mode 0700; refuses where something of that name is there.
pub fn create_dir(path: &Path) -> Result<(), RunError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    done(Op::Mkdir, path, || builder.create(path)).map_err(RunError::io("create", path))
}

/// Makes a directory and those above it, as far as they are missing.
pub fn create_dirs(path: &Path) -> Result<(), RunError> {
    done(Op::Mkdir, path, || fs::create_dir_all(path)).map_err(RunError::io("create", path))
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

/// Deletes a file.
pub fn remove_file(path: &Path) -> Result<(), RunError> {
    done(Op::Remove, path, || fs::remove_file(path)).map_err(RunError::io("remove", path))
}

/// Deletes a directory and all that is in it; links are deleted, not followed.
pub fn remove_dir(path: &Path) -> Result<(), RunError> {
    for entry in fs::read_dir(path).map_err(RunError::io("read", path))? {
        let inside = entry.map_err(RunError::io("read", path))?.path();
        if is_dir(&inside) {
            remove_dir(&inside)?;
        } else {
            remove_file(&inside)?;
        }
    }
    remove_empty(path)
}

/// Deletes a directory with nothing in it.
pub fn remove_empty(path: &Path) -> Result<(), RunError> {
    done(Op::Remove, path, || fs::remove_dir(path)).map_err(RunError::io("remove", path))
}

/// Makes renames and new names in a directory durable.
pub fn sync_dir(path: &Path) -> Result<(), RunError> {
    // Elsewhere a directory cannot be opened, and renames are durable by themselves.
    if cfg!(unix) {
        let sync = || fs::File::open(path)?.sync_all();
        done(Op::SyncDir, path, sync).map_err(RunError::io("sync", path))?;
    }
    Ok(())
}

/// Does an operation, again where a signal interrupted it.
pub fn done<T>(op: Op, path: &Path, what: impl Fn() -> io::Result<T>) -> io::Result<T> {
    loop {
        match fault::before(op, path).and_then(|_| what()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Opens a regular file for reading, and says how long it is. Links, pipes and devices are refused,
/// so that a run directory made by a stranger names nothing outside itself.
pub fn open(path: &Path) -> Result<(File, u64), RunError> {
    let found = path
        .symlink_metadata()
        .map_err(RunError::io("read", path))?;
    if !found.is_file() {
        return Err(RunError::damaged(path, "not a regular file"));
    }
    let file = done(Op::Open, path, || fs::File::open(path));
    let file = file.map_err(RunError::io("read", path))?;
    Ok((File::new(file, path), found.len()))
}

/// Reads a regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, RunError> {
    let (file, length) = open(path)?;
    if length > limit {
        return Err(RunError::damaged(
            path,
            format_args!("it has {length} bytes, more than {limit}"),
        ));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(RunError::io("read", path))?;
    Ok(bytes)
}

/// Whether `path` is a directory, and no link to one.
pub fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// Names of the directories and files in `path`, sorted; none where it is not there.
pub fn names(path: &Path) -> Result<Vec<String>, RunError> {
    if !is_dir(path) {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(RunError::io("read", path))? {
        let name = entry.map_err(RunError::io("read", path))?.file_name();
        names.extend(name.into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Refuses to write through a link.
pub fn refuse_link(path: &Path) -> Result<(), RunError> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(RunError::damaged(path, "not a regular file")),
        _ => Ok(()),
    }
}

/// Options for a file that only its owner reads.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_are_private_and_links_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        create_dir(&inside).unwrap();
        let file = inside.join("a");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(read(&file, 3).unwrap(), b"two");
        assert_eq!(names(&inside).unwrap(), ["a"]);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&inside)), (0o600, 0o700));

        let link = inside.join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(matches!(read(&link, 3), Err(RunError::Damaged { .. })));
        assert!(matches!(append_file(&link), Err(RunError::Damaged { .. })));
    }

    #[test]
    fn limits_and_exclusive_creation_hold() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        write_new(&file, b"four").unwrap();
        assert!(matches!(read(&file, 3), Err(RunError::Damaged { .. })));
        assert!(matches!(
            write_new(&file, b"five"),
            Err(RunError::Io {
                doing: "create",
                ..
            })
        ));
    }

    #[test]
    fn a_leftover_of_a_crashed_replacement_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(fresh_name(&file), b"half").unwrap();
        replace(&file, b"whole").unwrap();
        assert_eq!(names(dir.path()).unwrap(), ["a"]);
    }
}
