//! Hashing (BLAKE3) on the way to and from the disk, so that every byte is read or written once.

use std::{
    io::{self, BufReader, Read, Write},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use crate::run::{
    RunError,
    disk::{self, Entry},
    file::File,
};

/// Length and digest of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// In bytes.
    pub bytes: u64,
    /// BLAKE3 of its content, in hexadecimal.
    pub blake3: String,
}

/// A file that is hashed as it is written or read.
pub struct Hashed {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Hashed {
    /// Hashes from the file's beginning on.
    pub fn new(file: File) -> Self {
        Self {
            file,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        }
    }

    /// Syncs a written file and gives its digest.
    pub fn synced(self) -> io::Result<FileDigest> {
        self.file.sync()?;
        Ok(self.digest())
    }

    /// The digest of what went through.
    pub fn digest(&self) -> FileDigest {
        FileDigest {
            bytes: self.bytes,
            blake3: self.hasher.finalize().to_hex().to_string(),
        }
    }

    fn seen(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.seen(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.seen(&into[..read]);
        Ok(read)
    }
}

impl FileDigest {
    /// Returns the digest of a file with this content.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            blake3: blake3::hash(bytes).to_hex().to_string(),
        }
    }

    /// Opens a file of this length for hashed reading, before anything is allocated for it.
    pub fn open(&self, path: &Entry) -> Result<Hashed, RunError> {
        let (file, length) = disk::open(path)?;
        if length != self.bytes {
            let why = format_args!("it has {length} bytes, its manifest says {}", self.bytes);
            return Err(RunError::damaged(path, why));
        }
        Ok(Hashed::new(file))
    }

    /// Compares what was read with what should be there.
    pub fn compare(&self, path: impl Into<PathBuf>, read: &FileDigest) -> Result<(), RunError> {
        if self == read {
            return Ok(());
        }
        Err(RunError::damaged(
            path,
            "its content does not have the digest in its manifest",
        ))
    }

    /// Reads a file of this length and digest.
    pub fn read(&self, path: &Entry) -> Result<Vec<u8>, RunError> {
        let mut file = self.open(path)?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        (&mut file)
            .take(self.bytes)
            .read_to_end(&mut bytes)
            .map_err(RunError::io("read", path))?;
        self.compare(path, &file.digest())?;
        Ok(bytes)
    }

    /// Reads a file without keeping it, and compares.
    pub fn check(&self, path: &Entry) -> Result<(), RunError> {
        const BLOCK: usize = 1 << 20;
        let mut file = BufReader::with_capacity(BLOCK, self.open(path)?);
        io::copy(&mut file, &mut io::sink()).map_err(RunError::io("read", path))?;
        self.compare(path, &file.get_ref().digest())
    }
}

/// Length and digest of the file at `path`.
pub fn digest(path: &Entry) -> Result<FileDigest, RunError> {
    let (file, _) = disk::open(path)?;
    let mut file = Hashed::new(file);
    io::copy(&mut file, &mut io::sink()).map_err(RunError::io("read", path))?;
    Ok(file.digest())
}
