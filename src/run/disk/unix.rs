//! System calls below an open directory. Each name is opened from the directory before it, without
//! following links, and what was opened is looked at and not its name: so nothing can be swapped
//! between a check and its use.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::{Component, Path},
};

use rustix::{
    fs::{self, AtFlags, Dev, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{
    Entry, Kind,
    strange::{ELSEWHERE, NO_DIRECTORY, NO_FILE, NO_NAME},
};

/// The open directory of a run.
#[derive(Debug)]
pub struct Root {
    handle: OwnedFd,
    device: Dev,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// A pipe is opened without waiting for its other end, and then refused.
const FILE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

impl Root {
    /// Opens the directory at `path`, also through a link.
    pub fn open(path: &Path) -> io::Result<Self> {
        let handle = fs::open(path, DIRECTORY, Mode::empty())?;
        let device = fs::fstat(&handle)?.st_dev;
        Ok(Self { handle, device })
    }

    fn directory(&self, below: &Path) -> io::Result<OwnedFd> {
        let mut at = fs::openat(&self.handle, c".", DIRECTORY, Mode::empty())?;
        for name in below.components() {
            let Component::Normal(name) = name else {
                return Err(NO_NAME.into());
            };
            at = self.step(&at, name)?;
        }
        Ok(at)
    }

    /// Opens a directory in the directory `at`.
    fn step(&self, at: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
        let opened = fs::openat(at, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
        let directory = opened.map_err(|errno| match errno {
            Errno::LOOP | Errno::MLINK | Errno::NOTDIR => NO_DIRECTORY.into(),
            other => io::Error::from(other),
        })?;
        let is_elsewhere = fs::fstat(&directory)?.st_dev != self.device;
        match is_elsewhere || is_mount(&directory) {
            true => Err(ELSEWHERE.into()),
            false => Ok(directory),
        }
    }
}

/// Returns whether something is mounted there. The device of a file does not tell it: in a container
/// it may be another one than that of its directory.
#[cfg(target_os = "linux")]
fn is_mount(opened: impl AsFd) -> bool {
    let found = fs::statx(
        opened,
        c"",
        AtFlags::EMPTY_PATH,
        fs::StatxFlags::BASIC_STATS,
    );
    let root = fs::StatxAttributes::MOUNT_ROOT;
    found.is_ok_and(|found| found.stx_attributes.contains(root))
}

#[cfg(not(target_os = "linux"))]
fn is_mount(_: impl AsFd) -> bool {
    false
}

/// The directory that an entry is in, and its name there.
fn place(entry: &Entry) -> io::Result<(OwnedFd, &OsStr)> {
    let name = entry.below.file_name().ok_or(NO_NAME)?;
    let parent = entry.below.parent().unwrap_or(Path::new(""));
    Ok((entry.root.directory(parent)?, name))
}

/// Opens a regular file.
fn file(entry: &Entry, flags: OFlags) -> io::Result<File> {
    let (at, name) = place(entry)?;
    let opened = fs::openat(at, name, FILE | flags, PRIVATE_FILE);
    let opened = opened.map_err(|errno| match errno {
        Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::ISDIR => NO_FILE.into(),
        other => io::Error::from(other),
    })?;
    let found = fs::fstat(&opened)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(NO_FILE.into());
    }
    match is_mount(&opened) {
        true => Err(ELSEWHERE.into()),
        false => Ok(opened.into()),
    }
}

/// Opens a regular file for reading.
pub fn open(entry: &Entry) -> io::Result<File> {
    file(entry, OFlags::RDONLY)
}

/// Opens any file for reading, also through a link.
pub fn open_named(path: &Path) -> io::Result<File> {
    let flags = FILE.difference(OFlags::NOFOLLOW) | OFlags::RDONLY;
    Ok(fs::open(path, flags, Mode::empty())?.into())
}

/// Makes a file of mode 0600 where nothing is.
pub fn create(entry: &Entry) -> io::Result<File> {
    file(entry, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
}

/// Opens a regular file for appending; makes it where nothing is.
pub fn append(entry: &Entry) -> io::Result<File> {
    file(entry, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND)
}

/// Opens a regular file for reading and writing; makes it where nothing is.
pub fn lock_file(entry: &Entry) -> io::Result<File> {
    file(entry, OFlags::RDWR | OFlags::CREATE)
}

/// Makes a directory of mode 0700.
pub fn create_dir(entry: &Entry) -> io::Result<()> {
    let (at, name) = place(entry)?;
    Ok(fs::mkdirat(at, name, Mode::RWXU)?)
}

/// Renames.
pub fn rename(from: &Entry, to: &Entry) -> io::Result<()> {
    let ((from_at, from), (to_at, to)) = (place(from)?, place(to)?);
    Ok(fs::renameat(from_at, from, to_at, to)?)
}

/// Deletes a file.
pub fn remove_file(entry: &Entry) -> io::Result<()> {
    let (at, name) = place(entry)?;
    Ok(fs::unlinkat(at, name, AtFlags::empty())?)
}

/// Deletes an empty directory.
pub fn remove_empty(entry: &Entry) -> io::Result<()> {
    let (at, name) = place(entry)?;
    Ok(fs::unlinkat(at, name, AtFlags::REMOVEDIR)?)
}

/// Makes what happened in a directory durable.
pub fn sync_dir(entry: &Entry) -> io::Result<()> {
    Ok(fs::fsync(entry.root.directory(&entry.below)?)?)
}

/// Returns what an entry is; `None` where there is nothing.
pub fn kind(entry: &Entry) -> io::Result<Option<Kind>> {
    let (at, name) = place(entry)?;
    match fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some(match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            _ => Kind::Strange,
        })),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Returns the names in a directory.
pub fn names(entry: &Entry) -> io::Result<Vec<OsString>> {
    let directory = entry.root.directory(&entry.below)?;
    let mut names = Vec::new();
    for found in Dir::read_from(directory)? {
        let found = found?;
        let name = found.file_name().to_bytes();
        if ![&b"."[..], b".."].contains(&name) {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    Ok(names)
}
