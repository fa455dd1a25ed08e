//! An open file of a run, whose operations [`fault`] numbers.

use std::{
    fs::{self, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    disk,
    fault::{self, Manner, Op},
};

/// A file of a run. It is opened by the functions of `disk`.
#[derive(Debug)]
pub struct File {
    file: fs::File,
    path: PathBuf,
}

impl File {
    pub(super) fn new(file: fs::File, path: &Path) -> Self {
        let path = path.into();
        Self { file, path }
    }

    /// Makes the content and the length durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        disk::done(Op::Sync, &self.path, || self.file.sync_all())
    }

    /// Makes the content durable.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        disk::done(Op::Sync, &self.path, || self.file.sync_data())
    }

    /// Empties it.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        disk::done(Op::Truncate, &self.path, || self.file.set_len(0))?;
        self.file.rewind()
    }

    /// Takes its lock, and returns whether nobody else has it.
    pub(super) fn try_lock(&self) -> io::Result<bool> {
        disk::done(Op::Lock, &self.path, || match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }

    /// Returns whether somebody has taken its lock.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

impl Write for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let half = &bytes[..bytes.len() / 2];
        match fault::before(Op::Write, &self.path)? {
            Manner::Whole => (&self.file).write(bytes),
            Manner::Short if half.is_empty() => (&self.file).write(bytes),
            Manner::Short => (&self.file).write(half),
            Manner::Lie => Ok(bytes.len()),
            Manner::Half => {
                (&self.file).write_all(half)?;
                fault::kill()
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for File {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        fault::before(Op::Read, &self.path)?;
        self.file.read(into)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
