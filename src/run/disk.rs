//! Files that are private, whole or absent: exclusive creation with mode 0600 (directories 0700), and
//! replacement by a synced new file and rename. What is no plain file or directory is refused.
//!
//! Every operation on a run's files stands here or in [`File`], so that [`fault`] can number it. An
//! [`Entry`] says which file.

mod entry;
mod folder;
mod strange;

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

#[cfg(not(unix))]
use elsewhere as system;
#[cfg(unix)]
use unix as system;

use super::{
    RunError,
    fault::{self, Op},
    file::File,
};
pub use entry::Entry;
pub use folder::{
    create_dirs, create_run, folder, probe, remove_empty_run, remove_run, rename_run,
};
use strange::{NO_FILE, Strange};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, pipe, socket or device.
    Strange,
}

/// Puts `bytes` in the place of `entry`: after a crash either the old file or the new one is there,
/// whole.
pub fn replace(entry: &Entry, bytes: &[u8]) -> Result<(), RunError> {
    rename(&stage(entry, bytes)?, entry)
}

/// Writes what is to take the place of `entry` to a file beside it, durably, and returns that file.
pub fn stage(entry: &Entry, bytes: &[u8]) -> Result<Entry, RunError> {
    let fresh = fresh_name(entry);
    if kind(&fresh)?.is_some() {
        remove_file(&fresh)?;
    }
    write_new(&fresh, bytes)?;
    Ok(fresh)
}

/// Returns the name under which [`replace`] writes the new file.
pub fn fresh_name(entry: &Entry) -> Entry {
    entry.beside(format!("{TEMPORARY}{}", entry.name()))
}

/// What names of files and directories begin with that are not finished.
pub const TEMPORARY: &str = ".tmp-";

/// Renames a file or directory, and makes the new name durable.
pub fn rename(from: &Entry, to: &Entry) -> Result<(), RunError> {
    for entry in [from, to] {
        if kind(entry)? == Some(Kind::Strange) {
            return Err(told("rename to", entry)(NO_FILE.into()));
        }
    }
    let renamed = done(Op::Rename, to.path(), || system::rename(from, to));
    renamed.map_err(told("rename to", to))?;
    sync_dir(&to.parent())
}

/// Writes a new file and syncs it; refuses where one is there.
pub fn write_new(entry: &Entry, bytes: &[u8]) -> Result<(), RunError> {
    let mut file = create_file(entry)?;
    file.write_all(bytes).map_err(told("write", entry))?;
    file.sync().map_err(told("sync", entry))
}

/// Makes a file of mode 0600; refuses where one is there.
pub fn create_file(entry: &Entry) -> Result<File, RunError> {
    opened(Op::Create, entry, system::create).map_err(told("create", entry))
}

/// Opens a file for appending, and makes it where it is not there.
pub fn append_file(entry: &Entry) -> Result<File, RunError> {
    opened(Op::Open, entry, system::append).map_err(told("open", entry))
}

/// Opens a file for reading and writing, and makes it where it is not there.
pub fn lock_file(entry: &Entry) -> Result<File, RunError> {
    opened(Op::Open, entry, system::lock_file).map_err(told("open", entry))
}

fn opened(
    op: Op,
    entry: &Entry,
    open: impl Fn(&Entry) -> io::Result<fs::File>,
) -> io::Result<File> {
    let file = done(op, entry.path(), || open(entry))?;
    Ok(File::new(file, entry.path()))
}

/// Makes a directory of mode 0700; refuses where something of that name is there.
pub fn create_dir(entry: &Entry) -> Result<(), RunError> {
    let made = done(Op::Mkdir, entry.path(), || system::create_dir(entry));
    made.map_err(told("create", entry))
}

/// Makes renames and new names in a directory durable.
pub fn sync_dir(entry: &Entry) -> Result<(), RunError> {
    let synced = done(Op::SyncDir, entry.path(), || system::sync_dir(entry));
    synced.map_err(told("sync", entry))
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

/// Makes durable what others wrote into a file, where it is there.
pub fn sync_file(entry: &Entry) -> Result<(), RunError> {
    if !exists(entry) {
        return Ok(());
    }
    let file = append_file(entry)?;
    file.sync().map_err(told("sync", entry))
}

/// Opens a regular file for reading, and returns how long it is.
pub fn open(entry: &Entry) -> Result<(File, u64), RunError> {
    let opened = done(Op::Open, entry.path(), || {
        let file = system::open(entry)?;
        let length = file.metadata()?.len();
        Ok((File::new(file, entry.path()), length))
    });
    opened.map_err(told("read", entry))
}

/// Opens a regular file that the user named, wherever it is, for reading.
pub fn open_named(path: &Path) -> Result<File, RunError> {
    let opened = done(Op::Open, path, || {
        let file = system::open_named(path)?;
        match file.metadata()?.is_file() {
            true => Ok(File::new(file, path)),
            false => Err(NO_FILE.into()),
        }
    });
    opened.map_err(told("read", path))
}

/// Reads a regular file of at most `limit` bytes.
pub fn read(entry: &Entry, limit: u64) -> Result<Vec<u8>, RunError> {
    let (file, length) = open(entry)?;
    if length > limit {
        let why = format_args!("it has {length} bytes, more than {limit}");
        return Err(RunError::damaged(entry, why));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(told("read", entry))?;
    Ok(bytes)
}

/// Reads a text of at most `limit` bytes.
pub fn read_text(entry: &Entry, limit: u64) -> Result<String, RunError> {
    String::from_utf8(read(entry, limit)?).map_err(|error| RunError::damaged(entry, error))
}

/// Returns what an entry is; `None` where there is nothing.
pub fn kind(entry: &Entry) -> Result<Option<Kind>, RunError> {
    system::kind(entry).map_err(told("read", entry))
}

/// Returns whether there is anything of that name.
pub fn exists(entry: &Entry) -> bool {
    !matches!(kind(entry), Ok(None))
}

/// Returns whether an entry is a directory, and no link to one.
pub fn is_dir(entry: &Entry) -> bool {
    matches!(kind(entry), Ok(Some(Kind::Directory)))
}

/// Returns the names in a directory, sorted; none where it is not there. Those that are no UTF-8 are
/// no names of ours.
pub fn names(entry: &Entry) -> Result<Vec<String>, RunError> {
    let names = match system::names(entry) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(told("read", entry))?,
    };
    let mut names: Vec<String> = names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Deletes a file.
pub fn remove_file(entry: &Entry) -> Result<(), RunError> {
    let removed = done(Op::Remove, entry.path(), || system::remove_file(entry));
    removed.map_err(told("remove", entry))
}

/// Deletes a directory with all that is in it. Of a link the link is deleted.
pub fn remove_dir(entry: &Entry) -> Result<(), RunError> {
    empty(entry, DEEPEST)?;
    remove_empty(entry)
}

fn remove_empty(entry: &Entry) -> Result<(), RunError> {
    let removed = done(Op::Remove, entry.path(), || system::remove_empty(entry));
    removed.map_err(told("remove", entry))
}

/// Directories in directories that are deleted; a run has two.
const DEEPEST: usize = 32;

fn empty(directory: &Entry, depth: usize) -> Result<(), RunError> {
    for name in system::names(directory).map_err(told("remove", directory))? {
        let entry = directory.join(name);
        match kind(&entry)? {
            None => {}
            Some(Kind::Directory) if depth == 0 => {
                return Err(RunError::damaged(&entry, "directories are too deep"));
            }
            Some(Kind::Directory) => {
                empty(&entry, depth - 1)?;
                remove_empty(&entry)?;
            }
            Some(Kind::File | Kind::Strange) => remove_file(&entry)?,
        }
    }
    Ok(())
}

/// For `map_err` on an operation on an entry.
fn told(doing: &'static str, entry: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> RunError {
    let path = entry.into();
    move |error| match error.get_ref() {
        Some(inner) if inner.is::<Strange>() => RunError::damaged(path, error),
        _ => RunError::io(doing, path)(error),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn run() -> (tempfile::TempDir, Entry) {
        let folder = tempfile::tempdir().unwrap();
        let run = create_run(&folder.path().join("run")).unwrap();
        (folder, run)
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private_and_whole() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, run) = run();
        let inside = run.join("inside");
        create_dir(&inside).unwrap();
        let file = inside.join("a");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(read(&file, 3).unwrap(), b"two");
        assert_eq!(names(&inside).unwrap(), ["a"]);
        let mode = |entry: &Entry| entry.path().metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&file), mode(&inside), mode(&run)),
            (0o600, 0o700, 0o700)
        );
    }

    #[test]
    fn limits_and_exclusive_creation_hold() {
        let (_folder, run) = run();
        let file = run.join("a");
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
        let (_folder, run) = run();
        let file = run.join("a");
        fs::write(fresh_name(&file).path(), b"half").unwrap();
        replace(&file, b"whole").unwrap();
        assert_eq!(names(&run).unwrap(), ["a"]);
    }

    fn is_refused<T>(result: Result<T, RunError>) -> bool {
        matches!(result, Err(RunError::Damaged { .. }))
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_done_through_a_link_at_any_depth() {
        use std::os::unix::fs::symlink;
        let (folder, run) = run();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "kept").unwrap();
        symlink(&outside, run.join("link").path()).unwrap();
        symlink(outside.join("kept"), run.join("file").path()).unwrap();
        for entry in [run.join("link/kept"), run.join("file"), run.join("link")] {
            assert!(is_refused(open(&entry)), "{entry:?}");
            assert!(is_refused(append_file(&entry)), "{entry:?}");
            assert!(is_refused(lock_file(&entry)), "{entry:?}");
            assert!(is_refused(rename(&entry, &run.join("b"))), "{entry:?}");
        }
        for inside in [run.join("link/new"), run.join("link/../new")] {
            assert!(is_refused(create_file(&inside)), "{inside:?}");
            assert!(is_refused(create_dir(&inside)), "{inside:?}");
        }
        assert!(is_refused(names(&run.join("link"))));
        assert!(is_refused(remove_dir(&run.join("link"))));
        assert!(is_refused(remove_file(&run.join("link/kept"))));
        remove_run(run.path()).unwrap();
        assert_eq!(fs::read(outside.join("kept")).unwrap(), b"kept");
        assert_eq!(folder_names(&outside), ["kept"]);
    }

    #[cfg(unix)]
    fn folder_names(path: &Path) -> Vec<OsString> {
        folder(path).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_is_swapped_for_a_link_is_not_followed() {
        use std::os::unix::fs::symlink;
        let (folder, run) = run();
        let (inside, outside) = (run.join("inside"), folder.path().join("outside"));
        fs::create_dir(&outside).unwrap();
        // The swap happens between any two operations.
        for swapped in [false, true] {
            if swapped {
                symlink(&outside, inside.path()).unwrap();
                assert!(is_refused(write_new(&inside.join("a"), b"")));
            } else {
                create_dir(&inside).unwrap();
                write_new(&inside.join("a"), b"").unwrap();
                fs::rename(inside.path(), folder.path().join("aside")).unwrap();
            }
        }
        assert!(folder_names(&outside).is_empty());
        // The run's own directory may be moved, and is still the run.
        let moved = folder.path().join("moved");
        fs::rename(run.path(), &moved).unwrap();
        symlink(&outside, run.path()).unwrap();
        write_new(&run.join("b"), b"").unwrap();
        assert!(moved.join("b").is_file());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_without_waiting_for_it() {
        let (_folder, run) = run();
        let pipe = run.join("pipe");
        let made = std::process::Command::new("mkfifo")
            .arg(pipe.path())
            .status();
        assert!(made.unwrap().success());
        assert!(is_refused(open(&pipe)));
        assert!(append_file(&pipe).is_err() && lock_file(&pipe).is_err());
        assert!(is_refused(open(&run.join("."))) || open(&run.join(".")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_file_system_is_refused() {
        let root = Entry::open(Path::new("/")).unwrap();
        assert!(is_refused(open(&root.join("proc/self/status"))));
        assert!(is_refused(names(&root.join("proc"))));
    }
}
