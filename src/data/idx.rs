//! IDX, the format of MNIST (LeCun, Cortes and Burges): two zero bytes, a type code (08: unsigned
//! bytes), the number of dimensions, each dimension as a big-endian u32, then the numbers.
//!
//! Nothing in the header is believed before it is checked: sizes multiply without overflow, and a
//! promise larger than the file can hold is refused before any memory is taken for it.

mod error;
mod foreign;

pub use error::IdxError;

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{
    DataError,
    content::{Content, MOST_PER_BYTE, Room},
};

/// Bytes of content that a header is believed for each byte of the file: MNIST's images have five.
const LIKELY_PER_BYTE: u64 = 16;

/// Dimensions of an IDX file of unsigned bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdxHeader {
    /// The file.
    pub path: PathBuf,
    /// Sizes, outermost first; each at least 1.
    pub dims: Vec<usize>,
}

impl IdxHeader {
    /// Reads and checks a file's header only, and that the file's length fits it.
    ///
    /// # Errors
    /// The file cannot be read, has not `dimensions` dimensions of unsigned bytes, or is cut off.
    pub fn read(path: &Path, dimensions: u8) -> Result<Self, DataError> {
        let mut content = Content::open(path)?;
        let dims = dims(path, &mut content, dimensions)?;
        let header = Self {
            path: path.into(),
            dims: dims.iter().map(|&d| d as usize).collect(),
        };
        let whole = header.numbers() as u64 + 4 + 4 * u64::from(dimensions);
        let fits = match Content::stated_length(path)? {
            Some(stated) => u64::from(stated) == whole % (1 << 32),
            None => content.stored == whole,
        };
        if !fits {
            // Exact, or right after all (gzip of several members): only the content can tell.
            let mut content = Content::open(path)?;
            let dims = self::dims(path, &mut content, dimensions)?;
            let mut numbers = content.reader.by_ref().take(header.numbers() as u64);
            let found = std::io::copy(&mut numbers, &mut std::io::sink());
            let found = found.map_err(|source| unreadable(path, source))?;
            holds(path, &mut content, found, dims)?;
        }
        Ok(header)
    }

    /// Returns how many numbers the file holds.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.dims.iter().product()
    }
}

/// Reads a whole file: its header and its numbers, row-major.
///
/// # Errors
/// As [`IdxHeader::read`], and where the content is shorter or longer than the header says.
pub(super) fn read_idx(path: &Path, dimensions: u8) -> Result<(IdxHeader, Vec<u8>), DataError> {
    let mut content = Content::open(path)?;
    let dims = dims(path, &mut content, dimensions)?;
    let expected: u64 = dims.iter().map(|&d| u64::from(d)).product();
    let read = |source| unreadable(path, source);
    Room::of(1).takes(path, expected)?;
    let header = IdxHeader {
        path: path.into(),
        dims: dims.iter().map(|&d| d as usize).collect(),
    };
    let first = 4 + 4 * u64::from(dimensions);
    if !content.compressed && content.stored == first + expected {
        let numbers = read_parts(path, first, expected as usize).map_err(read)?;
        return Ok((header, numbers));
    }
    let likely = content.stored.saturating_mul(LIKELY_PER_BYTE);
    let numbers = take(&mut *content.reader, expected, likely).map_err(read)?;
    holds(path, &mut content, numbers.len() as u64, dims)?;
    Ok((header, numbers))
}

/// Checks that content of which `found` numbers were read ends there, with as many as its header says.
fn holds(path: &Path, content: &mut Content, found: u64, dims: Vec<u32>) -> Result<(), DataError> {
    let expected: u64 = dims.iter().map(|&d| u64::from(d)).product();
    let error = if found < expected {
        IdxError::Truncated {
            found,
            expected,
            dims,
        }
    } else if content
        .reader
        .read(&mut [0])
        .map_err(|source| unreadable(path, source))?
        > 0
    {
        IdxError::Trailing { expected, dims }
    } else {
        return Ok(());
    };
    let path = path.into();
    Err(DataError::Idx { path, error })
}

fn unreadable(path: &Path, source: std::io::Error) -> DataError {
    let path = path.into();
    DataError::Read { path, source }
}

/// The dimensions that a header states; their product fits the file.
fn dims(path: &Path, content: &mut Content, dimensions: u8) -> Result<Vec<u32>, DataError> {
    let expected = 4 + 4 * usize::from(dimensions);
    let read = |source| DataError::Read {
        path: path.into(),
        source,
    };
    let mut header = take(&mut *content.reader, expected as u64, 64).map_err(read)?;
    if header.get(..3) != Some(&[0, 0, 8]) {
        // Enough to tell what else it is.
        header.extend(take(&mut *content.reader, 32, 32).unwrap_or_default());
    }
    let most = content
        .stored
        .saturating_mul(if content.compressed { MOST_PER_BYTE } else { 1 });
    parse_header(&header, dimensions, content.stored, most).map_err(|error| DataError::Idx {
        path: path.into(),
        error,
    })
}

/// The dimensions in a header of a file of `stored` bytes, whose content has at most `most`.
fn parse_header(
    header: &[u8],
    dimensions: u8,
    stored: u64,
    most: u64,
) -> Result<Vec<u32>, IdxError> {
    let expected = [0, 0, 8, dimensions];
    if header.get(..4) != Some(&expected) {
        let found = header.to_vec();
        return Err(IdxError::Magic { found, expected });
    }
    let length = 4 + 4 * usize::from(dimensions);
    if header.len() < length {
        return Err(IdxError::Header {
            found: header.len(),
            expected: length,
        });
    }
    let dims: Vec<u32> = header[4..]
        .chunks_exact(4)
        .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let product = dims
        .iter()
        .try_fold(1u64, |product, &d| product.checked_mul(u64::from(d)));
    match product {
        Some(n) if n > 0 && n <= most && usize::try_from(n).is_ok() => Ok(dims),
        _ => Err(IdxError::Size { dims, stored }),
    }
}

/// `count` bytes of a file from byte `first` on, by several threads: most of the time goes into pages
/// that are new to the process.
fn read_parts(path: &Path, first: u64, count: usize) -> std::io::Result<Vec<u8>> {
    const PART: usize = 4 << 20;
    let mut bytes = vec![0; count];
    let parts = bytes.par_chunks_mut(PART).enumerate();
    parts.try_for_each(|(i, part)| {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(first + (i * PART) as u64))?;
        file.read_exact(part)
    })?;
    Ok(bytes)
}

/// Up to `expected` bytes. Memory for `likely` of them is taken at once; beyond that it follows what
/// has arrived.
fn take(reader: &mut dyn Read, expected: u64, likely: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(expected.min(likely) as usize);
    reader.take(expected).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// An IDX file of these dimensions, its numbers 0, 1, 2, … 250, 0, 1, …
    pub(crate) fn idx(dims: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dims.len() as u8];
        dims.iter().for_each(|d| bytes.extend(d.to_be_bytes()));
        let numbers: u32 = dims.iter().product();
        bytes.extend((0..numbers).map(|i| (i % 251) as u8));
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// What reading a file of these bytes says: wholly, and by its header.
    fn read(bytes: &[u8], dimensions: u8) -> (Result<Vec<u8>, String>, Result<Vec<usize>, String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let name = format!("`{}` ", path.display());
        let text = |error: DataError| error.to_string().replace(&name, "");
        (
            read_idx(&path, dimensions)
                .map(|(_, numbers)| numbers)
                .map_err(text),
            IdxHeader::read(&path, dimensions)
                .map(|header| header.dims)
                .map_err(text),
        )
    }

    #[test]
    fn plain_and_compressed_files_read_the_same() {
        let plain = idx(&[3, 2, 2]);
        let members = [gzip(&plain[..9]), gzip(&plain[9..])].concat();
        for bytes in [plain.clone(), gzip(&plain), members] {
            let (numbers, dims) = read(&bytes, 3);
            assert_eq!(numbers.unwrap(), (0..12).collect::<Vec<u8>>());
            assert_eq!(dims.unwrap(), [3, 2, 2]);
        }
    }

    #[test]
    fn a_file_of_several_parts_is_whole() {
        let plain = idx(&[3, 1234, 2345]);
        let (numbers, dims) = read(&plain, 3);
        assert!(numbers.unwrap() == plain[16..]);
        assert_eq!(dims.unwrap(), [3, 1234, 2345]);
    }

    #[test]
    fn every_fault_says_what_was_expected() {
        let plain = idx(&[3, 2, 2]);
        let cases: [(&[u8], &str); 6] = [
            (
                b"",
                "starts with ``, expected `00 00 08 03` (unsigned bytes, dimensions: 3)",
            ),
            (
                &idx(&[12]),
                "starts with `00 00 08 01`, expected `00 00 08 03` (unsigned bytes, dimensions: 3); hint: these are labels: are two files exchanged?",
            ),
            (&plain[..15], "ends in its header, after 15 of 16 bytes"),
            (&plain[..27], "is cut off: 11 numbers, expected 12 (3×2×2)"),
            (
                &[&plain[..], &[0]].concat(),
                "goes on after its 12 numbers (3×2×2)",
            ),
            (
                &idx(&[3, 2, 0]),
                "promises 3×2×0 numbers and is 16 bytes long; hint: is it cut off?",
            ),
        ];
        for (bytes, message) in cases {
            for bytes in [bytes.to_vec(), gzip(bytes)] {
                let message =
                    message.replace("16 bytes long", &format!("{} bytes long", bytes.len()));
                let (numbers, dims) = read(&bytes, 3);
                assert_eq!(numbers.unwrap_err(), message);
                assert_eq!(dims.unwrap_err(), message);
            }
        }
    }

    /// Files that people have in place of an IDX file.
    #[test]
    fn files_of_another_kind_are_named() {
        let plain = idx(&[3, 2, 2]);
        let start = |hex: &str, hint: &str| {
            let hint = if hint.is_empty() {
                String::new()
            } else {
                format!("; hint: {hint}")
            };
            format!(
                "starts with `{hex}`, expected `00 00 08 03` (unsigned bytes, dimensions: 3){hint}"
            )
        };
        let utf16: Vec<u8> = "0,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let floats = [&[0, 0, 13, 3][..], &plain[4..]].concat();
        let cases = [
            (
                b"PK\x03\x04 and so on".to_vec(),
                start("50 4b 03 04", "this is a zip archive: unpack it"),
            ),
            (
                b"<!DOCTYPE html><html>".to_vec(),
                start(
                    "3c 21 44 4f",
                    "this is a web page: download the file itself",
                ),
            ),
            (
                b"version https://git-lfs.github.com/spec/v1".to_vec(),
                start(
                    "76 65 72 73",
                    "this is a Git LFS pointer: fetch the file with `git lfs pull`",
                ),
            ),
            (
                gzip(&gzip(&plain)),
                start("1f 8b 08 00", "this is gzip inside gzip: unpack it once"),
            ),
            (
                floats,
                start(
                    "00 00 0d 03",
                    "only unsigned bytes are read: convert the numbers",
                ),
            ),
            (
                [&b"\xef\xbb\xbf"[..], &plain].concat(),
                start("ef bb bf 00", ""),
            ),
            (b"\r\n0,1,2\r\n".to_vec(), start("0d 0a 30 2c", "")),
            (utf16, start("30 00 2c 00", "")),
            (b"caf\xe9".to_vec(), start("63 61 66 e9", "")),
            (vec![0; 40], start("00 00 00 00", "")),
            (vec![0], start("00", "")),
        ];
        for (bytes, message) in cases {
            let (numbers, dims) = read(&bytes, 3);
            assert_eq!(numbers.unwrap_err(), message);
            assert_eq!(dims.unwrap_err(), message);
        }
        let folder = tempfile::tempdir().unwrap();
        let error = read_idx(folder.path(), 3).unwrap_err();
        assert!(matches!(error, DataError::NotAFile { .. }), "{error}");
    }

    /// Truncates everywhere and sets each header byte to other values: a fault or the whole truth.
    #[test]
    fn hostile_files_never_panic() {
        let plain = idx(&[3, 2, 2]);
        for bytes in [plain.clone(), gzip(&plain)] {
            for end in 0..bytes.len() {
                let (numbers, dims) = read(&bytes[..end], 3);
                assert!(numbers.is_err() && dims.is_err(), "cut off at {end}");
            }
        }
        for at in 0..16 {
            for value in [0, 1, 2, 3, 4, 8, 13, 127, 128, 255] {
                let mut bytes = plain.clone();
                bytes[at] = value;
                let changed = bytes != plain;
                for bytes in [bytes.clone(), gzip(&bytes)] {
                    let (numbers, dims) = read(&bytes, 3);
                    assert_eq!(numbers.is_err(), changed, "byte {at} = {value}");
                    assert_eq!(dims.is_err(), changed, "byte {at} = {value}");
                }
            }
        }
    }

    #[test]
    fn promises_beyond_the_file_are_refused_before_memory_is_taken() {
        let all = [
            0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        ];
        let huge = [0, 0, 8, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for header in [all, huge] {
            assert!(matches!(
                parse_header(&header, 3, 1000, 1_032_000),
                Err(IdxError::Size { .. })
            ));
        }
        let fits = [0, 0, 8, 1, 0, 0, 3, 232];
        assert_eq!(parse_header(&fits, 1, 1000, 1000), Ok(vec![1000]));
        assert!(parse_header(&fits, 1, 999, 999).is_err());
    }

    /// A reader of nothing that notes the largest buffer it is given.
    struct Probe {
        largest: usize,
        bytes: usize,
    }

    impl Read for Probe {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.largest = self.largest.max(buffer.len());
            let n = buffer.len().min(self.bytes).min(1000);
            self.bytes -= n;
            Ok(n)
        }
    }

    #[test]
    fn memory_follows_what_has_arrived() {
        for bytes in [0, 10, 100_000, 5_000_000] {
            let mut probe = Probe { largest: 0, bytes };
            assert_eq!(take(&mut probe, 1 << 40, 1 << 10).unwrap().len(), bytes);
            assert!(
                probe.largest <= bytes.max(1 << 16),
                "{} for {bytes}",
                probe.largest
            );
        }
    }
}
