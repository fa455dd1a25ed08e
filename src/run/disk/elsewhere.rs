//! The same for systems without directory handles: each name is looked at before it is used. That
//! refuses every link that is there, but not one that is put there in between.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Component, Path, PathBuf},
};

use super::{
    Entry, Kind,
    strange::{NO_DIRECTORY, NO_FILE, NO_NAME},
};

/// The directory of a run.
#[derive(Debug)]
pub struct Root(PathBuf);

impl Root {
    /// Takes the directory at `path`, also through a link.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        match path.is_dir() {
            true => Ok(Self(path)),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn directory(&self, below: &Path) -> io::Result<PathBuf> {
        let mut at = self.0.clone();
        for name in below.components() {
            let Component::Normal(name) = name else {
                return Err(NO_NAME.into());
            };
            at.push(name);
            if !at.symlink_metadata()?.is_dir() {
                return Err(NO_DIRECTORY.into());
            }
        }
        Ok(at)
    }
}

/// The path of an entry, whose directories have been looked at.
fn place(entry: &Entry) -> io::Result<PathBuf> {
    let name = entry.below.file_name().ok_or(NO_NAME)?;
    let parent = entry.below.parent().unwrap_or(Path::new(""));
    Ok(entry.root.directory(parent)?.join(name))
}

/// Opens a regular file.
fn file(entry: &Entry, options: &OpenOptions) -> io::Result<File> {
    let path = place(entry)?;
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(NO_FILE.into()),
        _ => options.open(path),
    }
}

/// Opens a regular file for reading.
pub fn open(entry: &Entry) -> io::Result<File> {
    file(entry, File::options().read(true))
}

/// Opens any file for reading, also through a link.
pub fn open_named(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Makes a file where nothing is.
pub fn create(entry: &Entry) -> io::Result<File> {
    file(entry, File::options().write(true).create_new(true))
}

/// Opens a regular file for appending; makes it where nothing is.
pub fn append(entry: &Entry) -> io::Result<File> {
    file(entry, File::options().append(true).create(true))
}

/// Opens a regular file for reading and writing; makes it where nothing is.
pub fn lock_file(entry: &Entry) -> io::Result<File> {
    let mut options = File::options();
    file(
        entry,
        options.read(true).write(true).create(true).truncate(false),
    )
}

/// Makes a directory.
pub fn create_dir(entry: &Entry) -> io::Result<()> {
    fs::create_dir(place(entry)?)
}

/// Renames.
pub fn rename(from: &Entry, to: &Entry) -> io::Result<()> {
    fs::rename(place(from)?, place(to)?)
}

/// Deletes a file.
pub fn remove_file(entry: &Entry) -> io::Result<()> {
    fs::remove_file(place(entry)?)
}

/// Deletes an empty directory.
pub fn remove_empty(entry: &Entry) -> io::Result<()> {
    fs::remove_dir(place(entry)?)
}

/// Does nothing: a directory cannot be opened here, and renames are durable by themselves.
pub fn sync_dir(_: &Entry) -> io::Result<()> {
    Ok(())
}

/// Returns what an entry is; `None` where there is nothing.
pub fn kind(entry: &Entry) -> io::Result<Option<Kind>> {
    match place(entry)?.symlink_metadata() {
        Ok(found) if found.is_file() => Ok(Some(Kind::File)),
        Ok(found) if found.is_dir() => Ok(Some(Kind::Directory)),
        Ok(_) => Ok(Some(Kind::Strange)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the names in a directory.
pub fn names(entry: &Entry) -> io::Result<Vec<OsString>> {
    let directory = entry.root.directory(&entry.below)?;
    fs::read_dir(directory)?
        .map(|found| Ok(found?.file_name()))
        .collect()
}
