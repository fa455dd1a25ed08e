//! Tensors as safetensors files: the header of [`crate::safetensors`], then the elements.
//!
//! Written here and not by a library because the same tensors must give the same bytes (the
//! library writes its metadata in random order), and read here because a file is believed only
//! after its length, its header and its digest were checked.

use std::{
    cmp::Reverse,
    io::{BufWriter, Read, Write},
    path::Path,
};

use serde_json::json;

use super::digest::{FileDigest, Hashed};
use crate::{
    array::NamedArray,
    run::{
        RunError,
        disk::{self, Entry},
    },
    safetensors::{HeaderError, Stored, header},
};

/// Bytes that are collected for one write, where tensors are smaller.
const BUFFER: usize = 1 << 20;

/// Writes `arrays` to a new file at `path` and syncs it. Wide elements come first and names are in
/// order within a width, so that every element is aligned and the bytes are always the same.
pub fn write(path: &Entry, arrays: &[NamedArray]) -> Result<FileDigest, RunError> {
    let mut order: Vec<&NamedArray> = arrays.iter().collect();
    order.sort_by_key(|array| (Reverse(array.dtype.width()), &array.name));
    let mut header = String::from(r#"{"__metadata__":{"format":"pt"}"#);
    let mut offset = 0;
    for array in &order {
        let end = offset + array.bytes.len();
        if array.fits(array.dtype, &array.shape).is_err() {
            let why = format_args!(
                "tensor `{}` of shape {:?} has {} bytes",
                array.name,
                array.shape,
                array.bytes.len()
            );
            return Err(RunError::damaged(path, why));
        }
        let entry = json!({"dtype": array.dtype.name(), "shape": array.shape, "data_offsets": [offset, end]});
        header += &format!(",{}:{entry}", json!(array.name));
        offset = end;
    }
    header.push('}');
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = BufWriter::with_capacity(BUFFER, Hashed::new(disk::create_file(path)?));
    let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(RunError::io("write", path));
    put(&(header.len() as u64).to_le_bytes())?;
    put(header.as_bytes())?;
    for array in order {
        put(&array.bytes)?;
    }
    let file = file.into_inner().map_err(|error| error.into_error());
    let file = file.map_err(RunError::io("write", path))?;
    file.synced().map_err(RunError::io("sync", path))
}

/// Reads the tensors of the file at `path`, sorted by name, if it has the length and digest that
/// are `expected` of it.
pub fn read(path: &Entry, expected: &FileDigest) -> Result<Vec<NamedArray>, RunError> {
    let mut arrays = Vec::new();
    for (tensor, bytes) in read_any(path.path(), expected.open(path)?, expected)? {
        let Some(dtype) = tensor.element.dtype() else {
            let (name, element) = (tensor.name, tensor.element.name());
            let why = format_args!("tensor `{name}` is {element}, which no checkpoint holds");
            return Err(RunError::damaged(path, why));
        };
        arrays.push(NamedArray {
            name: tensor.name,
            dtype,
            shape: tensor.shape,
            bytes,
        });
    }
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(arrays)
}

/// Tensors of any element type with their bytes, in the order of the file.
pub type Tensors = Vec<(Stored, Vec<u8>)>;

/// The same with elements of any type, in the order of the file.
fn read_any(path: &Path, mut file: Hashed, expected: &FileDigest) -> Result<Tensors, RunError> {
    let stored = header(&mut file, expected.bytes).map_err(|error| match error {
        HeaderError::Io(source) => RunError::io("read", path)(source),
        HeaderError::Wrong(why) => RunError::damaged(path, why),
    })?;
    let mut tensors = Vec::with_capacity(stored.len());
    for tensor in stored {
        let mut bytes = vec![0; tensor.bytes];
        file.read_exact(&mut bytes)
            .map_err(RunError::io("read", path))?;
        tensors.push((tensor, bytes));
    }
    expected.compare(path, &file.digest())?;
    Ok(tensors)
}

/// The tensors of a safetensors file that no manifest vouches for, and the BLAKE3 of the file.
///
/// # Errors
/// A file that cannot be read, or whose header does not describe its bytes exactly.
pub fn load_weights(path: &Path) -> Result<(Tensors, String), RunError> {
    let mut file = Hashed::new(disk::open_named(path)?);
    std::io::copy(&mut file, &mut std::io::sink()).map_err(RunError::io("read", path))?;
    let digest = file.digest();
    let again = Hashed::new(disk::open_named(path)?);
    Ok((read_any(path, again, &digest)?, digest.blake3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Dtype;

    /// Reads a file with this header and so many bytes of elements; its digest is right.
    fn read_with(header: &str, data: usize) -> Result<Vec<NamedArray>, String> {
        let bytes = [
            &(header.len() as u64).to_le_bytes(),
            header.as_bytes(),
            &vec![7; data],
        ]
        .concat();
        read_bytes(&bytes)
    }

    fn read_bytes(bytes: &[u8]) -> Result<Vec<NamedArray>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = Entry::open(dir.path()).unwrap().join("t.safetensors");
        std::fs::write(path.path(), bytes).unwrap();
        let digest = FileDigest {
            bytes: bytes.len() as u64,
            blake3: blake3::hash(bytes).to_hex().to_string(),
        };
        read(&path, &digest)
            .map_err(|error| error.to_string().split("damaged: ").last().unwrap().into())
    }

    #[test]
    fn hostile_headers_are_refused_before_anything_is_allocated() {
        let tensor = |shape: &str, from: u64, to: u64| {
            format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
        };
        let a = tensor("[2]", 0, 8);
        let refused = [
            (format!(r#"{{"a":{a},"a":{a}}}"#), "name `a` twice"),
            (
                format!(r#"{{"a":{a},"b":{a}}}"#),
                "tensor `b` of shape [2] does not fit its place 0..8",
            ),
            (
                format!(r#"{{"a":{}}}"#, tensor("[1]", 4, 8)),
                "does not fit its place 4..8",
            ),
            (
                format!(r#"{{"a":{}}}"#, tensor("[1]", 8, 4)),
                "does not fit its place 8..4",
            ),
            (
                format!(r#"{{"a":{}}}"#, tensor("[3]", 0, 12)),
                "does not fit its place 0..12",
            ),
            (
                format!(r#"{{"a":{}}}"#, tensor("[4294967296,4294967296]", 0, 0)),
                "does not fit its place 0..0",
            ),
            (
                format!(r#"{{"a":{}}}"#, tensor("[4611686018427387904]", 0, 0)),
                "does not fit its place 0..0",
            ),
            (
                format!(
                    r#"{{"a":{}}}"#,
                    tensor("[1000000000000]", 0, 4_000_000_000_000)
                ),
                "does not fit",
            ),
            (
                format!(r#"{{"a":{}}}"#, tensor("[1]", 0, 4)),
                "its tensors have 4 bytes, the file 8",
            ),
            (
                format!(r#"{{"a":{}}}"#, tensor("[-1]", 0, 8)),
                "invalid value: integer `-1`",
            ),
            (
                r#"{"a":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}}"#.into(),
                "unknown dtype `F8`",
            ),
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#.into(),
                "unknown field `x`",
            ),
            (
                r#"{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}"#.into(),
                "is BF16, which no checkpoint holds",
            ),
            ("{}".into(), "its tensors have 0 bytes, the file 8"),
            ("[]".into(), "invalid type: sequence"),
            ("{".into(), "EOF while parsing"),
        ];
        for (header, why) in refused {
            let message = read_with(&header, 8).unwrap_err();
            assert!(message.contains(why), "{header}: {message}");
        }
        assert_eq!(
            read_with(&format!(r#"{{"a":{a}}}"#), 8).unwrap()[0].bytes,
            [7; 8]
        );
    }

    #[test]
    fn hostile_lengths_are_refused_before_anything_is_allocated() {
        for length in [17, u64::MAX, u64::MAX - 7, 1 << 40] {
            let message =
                read_bytes(&[&length.to_le_bytes()[..], b"{}      "].concat()).unwrap_err();
            assert_eq!(
                message,
                format!("its header of {length} bytes is longer than the file")
            );
        }
        assert!(read_bytes(b"").is_err() && read_bytes(b"1234567").is_err());
    }

    #[test]
    fn wide_elements_come_first_so_that_all_are_aligned() {
        let dir = tempfile::tempdir().unwrap();
        let path = Entry::open(dir.path()).unwrap().join("t.safetensors");
        let array = |name: &str, dtype, bytes: usize| NamedArray {
            name: name.into(),
            dtype,
            shape: vec![1],
            bytes: vec![1; bytes],
        };
        let arrays = [
            array("a", Dtype::F32, 4),
            array("b", Dtype::F64, 8),
            array("c", Dtype::U32, 4),
        ];
        let digest = write(&path, &arrays).unwrap();
        assert_eq!(read(&path, &digest).unwrap(), arrays);
        let bytes = std::fs::read(path.path()).unwrap();
        let header = String::from_utf8_lossy(&bytes[8..]);
        let place = |name: &str| header.find(&format!("\"{name}\"")).unwrap();
        assert!(place("b") < place("a") && place("a") < place("c"));
        assert!(
            header.contains(r#""b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}"#),
            "{header}"
        );
        assert_eq!(u64::from_le_bytes(bytes[..8].try_into().unwrap()) % 8, 0);
    }
}
