//! A file's content, decompressed where it is gzip. What a file is, its first bytes say, not its
//! name: tools that fetch files decompress some and keep the name, and the other way round.

use std::{
    fs::File,
    io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::DataError;
use crate::memory;

/// DEFLATE cannot make more than this of one byte (zlib's technical notes: 1032 to 1).
pub(super) const MOST_PER_BYTE: u64 = 1032;

/// The content of an open file.
pub(super) struct Content {
    /// The content's bytes in order.
    pub reader: Box<dyn Read>,
    /// The file's length on disk in bytes.
    pub stored: u64,
    /// Whether the file is gzip, so that the content is longer than `stored`.
    pub compressed: bool,
}

impl Content {
    /// Opens a regular file; anything else (a folder, a pipe, a device) is refused.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let read = |source| DataError::Read {
            path: path.into(),
            source,
        };
        let metadata = std::fs::metadata(path).map_err(read)?;
        if !metadata.is_file() {
            return Err(DataError::NotAFile { path: path.into() });
        }
        let mut file = File::open(path).map_err(read)?;
        let mut start = Vec::new();
        file.by_ref()
            .take(2)
            .read_to_end(&mut start)
            .map_err(read)?;
        file.seek(SeekFrom::Start(0)).map_err(read)?;
        let (stored, compressed) = (metadata.len(), start == [0x1f, 0x8b]);
        let plain = BufReader::with_capacity(1 << 16, file.take(stored));
        let reader: Box<dyn Read> = if compressed {
            Box::new(Gzip(MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Self {
            reader,
            stored,
            compressed,
        })
    }

    /// The uncompressed length that the last four bytes of a gzip file state, modulo 2³² and right
    /// only for files of one member; `None` for a plain file.
    pub(super) fn stated_length(path: &Path) -> Result<Option<u32>, DataError> {
        let read = |source| DataError::Read {
            path: path.into(),
            source,
        };
        let content = Self::open(path)?;
        if !content.compressed || content.stored < 18 {
            return Ok(None);
        }
        let mut file = File::open(path).map_err(read)?;
        let mut length = [0; 4];
        file.seek(SeekFrom::End(-4)).map_err(read)?;
        file.read_exact(&mut length).map_err(read)?;
        Ok(Some(u32::from_le_bytes(length)))
    }

    /// The whole content, refused beyond `most_per_byte` times the file's length (and 1 MiB), and where
    /// it does not fit in memory.
    pub(super) fn read_all(path: &Path, most_per_byte: u64) -> Result<Vec<u8>, DataError> {
        Self::read_lines(path, most_per_byte, usize::MAX).map(|(bytes, _)| bytes)
    }

    /// The same, but only up to a line of more than `longest` bytes, and the number of that line.
    pub(super) fn read_lines(
        path: &Path,
        most_per_byte: u64,
        longest: usize,
    ) -> Result<(Vec<u8>, Option<usize>), DataError> {
        let read = |source| DataError::Read {
            path: path.into(),
            source,
        };
        let mut content = Self::open(path)?;
        let room = Room::of(NEEDED_PER_BYTE);
        let most = content
            .stored
            .saturating_mul(most_per_byte)
            .saturating_add(1 << 20);
        room.takes(path, content.stored)?;
        let mut bytes = Vec::new();
        let (mut number, mut length) = (1, 0);
        loop {
            let before = bytes.len();
            let part = content.reader.by_ref().take(PART);
            if { part }.read_to_end(&mut bytes).map_err(read)? == 0 {
                return Ok((bytes, None));
            }
            if bytes.len() as u64 > most {
                let message = format!("it expands to more than {most_per_byte} times its size");
                return Err(read(std::io::Error::other(message)));
            }
            room.takes(path, bytes.len() as u64)?;
            for piece in bytes[before..].split_inclusive(|byte| b"\n\r".contains(byte)) {
                length += piece.len();
                if length > longest {
                    // Not in the middle of a character.
                    let whole = bytes.len() - bytes.utf8_chunks().last().map_or(0, begun);
                    bytes.truncate(whole);
                    return Ok((bytes, Some(number)));
                }
                if piece.ends_with(b"\n") || piece.ends_with(b"\r") {
                    (number, length) = (number + 1, 0);
                }
            }
        }
    }
}

/// Bytes of a character that is cut off.
fn begun(last: std::str::Utf8Chunk<'_>) -> usize {
    let cut = std::str::from_utf8(last.invalid()).is_err_and(|e| e.error_len().is_none());
    if cut { last.invalid().len() } else { 0 }
}

/// Bytes of memory that a text takes for each of its own, until it is a dataset.
const NEEDED_PER_BYTE: u64 = 4;

/// Bytes that are read at a time.
const PART: u64 = 1 << 20;

/// The number of bytes of content that memory has room for; `None` where the system does not say.
pub(super) struct Room(Option<u64>);

impl Room {
    /// For content that takes so many bytes for each of its own.
    pub(super) fn of(needed_per_byte: u64) -> Self {
        Self(memory::free().map(|free| free.bytes / needed_per_byte))
    }

    /// Refuses more than there is room for.
    pub(super) fn takes(&self, path: &Path, bytes: u64) -> Result<(), DataError> {
        match self.0 {
            Some(room) if bytes > room => Err(DataError::NoMemory {
                path: path.into(),
                room,
            }),
            _ => Ok(()),
        }
    }
}

/// Unpacks gzip; what is wrong with it is said in words that name a remedy.
struct Gzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(out).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                let message =
                    "its gzip data ends too early; hint: the file is incomplete, get it again";
                std::io::Error::new(ErrorKind::UnexpectedEof, message)
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData => std::io::Error::other(format!(
                "its gzip data is damaged ({error}); hint: get the file again"
            )),
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn reading_stops_in_a_line_that_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        let read = |text: &str, longest| {
            std::fs::write(&path, text).unwrap();
            let (bytes, line) = Content::read_lines(&path, 1, longest).unwrap();
            (String::from_utf8(bytes).unwrap(), line)
        };
        let text = "ab\r\nc\n\nüüü\n";
        assert_eq!(read(text, 7), (text.into(), None));
        assert_eq!(read(text, 6), (text.into(), Some(5)));
        let long = format!("a\n{}", "ü".repeat(1 << 20));
        let (part, line) = read(&long, 9);
        assert_eq!(line, Some(2));
        assert!(long.starts_with(&part) && part.len() < long.len());
    }

    #[test]
    fn what_memory_has_no_room_for_is_refused() {
        let path = Path::new("t");
        assert!(Room(None).takes(path, u64::MAX).is_ok());
        assert!(Room(Some(9_000_000)).takes(path, 9_000_000).is_ok());
        let error = Room(Some(9_000_000)).takes(path, 9_000_001).unwrap_err();
        assert!(error.to_string().contains("there is room for 9 MB of it"));
    }

    use super::*;
    use std::io::Write;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_compressed_files_have_the_same_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        for bytes in [
            b"hello".to_vec(),
            gzip(b"hello"),
            [gzip(b"hel"), gzip(b"lo")].concat(),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(Content::read_all(&path, 256).unwrap(), b"hello");
        }
    }

    #[test]
    fn bombs_folders_and_damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        std::fs::write(&path, gzip(&vec![0; 8 << 20])).unwrap();
        let error = Content::read_all(&path, 16).unwrap_err().to_string();
        assert!(
            error.ends_with("it expands to more than 16 times its size"),
            "{error}"
        );
        let whole = gzip(&(0..=255).cycle().take(9999).collect::<Vec<u8>>());
        for (length, expected) in [
            (
                whole.len() - 9,
                "its gzip data ends too early; hint: the file is incomplete, get it again",
            ),
            (
                5,
                "its gzip data ends too early; hint: the file is incomplete, get it again",
            ),
        ] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = Content::read_all(&path, 256).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        }
        let mut damaged = whole.clone();
        let checksum = whole.len() - 8;
        damaged[checksum] ^= 1;
        for bytes in [damaged, [whole, b"more, but no gzip".to_vec()].concat()] {
            std::fs::write(&path, bytes).unwrap();
            let error = Content::read_all(&path, 256).unwrap_err().to_string();
            assert!(error.contains("its gzip data is damaged ("), "{error}");
            assert!(error.ends_with("; hint: get the file again"), "{error}");
        }
        assert!(matches!(
            Content::open(folder.path()),
            Err(DataError::NotAFile { .. })
        ));
        assert!(matches!(
            Content::open(&folder.path().join("no")),
            Err(DataError::Read { .. })
        ));
    }
}
