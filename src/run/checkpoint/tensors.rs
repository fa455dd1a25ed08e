//! Tensors as safetensors files: `u64` length of the header, a JSON header, the elements.
//!
//! Written here and not by a library because the same tensors must give the same bytes (the
//! library writes its metadata in random order), and read here because a header is believed only
//! after checked arithmetic against the file's length, with no name twice.
//! Format: <https://huggingface.co/docs/safetensors>.

use std::{
    cmp::Reverse,
    fmt,
    io::{Read, Write},
    path::Path,
};

use serde::{Deserialize, Deserializer, de};
use serde_json::json;

use super::digest::{FileDigest, Hashed};
use crate::{
    event::{Dtype, NamedArray},
    run::{RunError, disk},
};

/// Longest header that is read; the format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// Writes `arrays` to a new file at `path` and syncs it. Wide elements come first and names are in
/// order within a width, so that every element is aligned and the bytes are always the same.
pub fn write(path: &Path, arrays: &[NamedArray]) -> Result<FileDigest, RunError> {
    let mut order: Vec<&NamedArray> = arrays.iter().collect();
    order.sort_by_key(|array| (Reverse(width(array.dtype)), &array.name));
    let mut header = String::from(r#"{"__metadata__":{"format":"pt"}"#);
    let mut offset = 0;
    for array in &order {
        let end = offset + array.bytes.len();
        if elements(&array.shape).and_then(|n| n.checked_mul(width(array.dtype)))
            != Some(array.bytes.len())
        {
            let why = format_args!(
                "tensor `{}` of shape {:?} has {} bytes",
                array.name,
                array.shape,
                array.bytes.len()
            );
            return Err(RunError::damaged(path, why));
        }
        let entry = json!({"dtype": name(array.dtype), "shape": array.shape, "data_offsets": [offset, end]});
        header += &format!(",{}:{entry}", json!(array.name));
        offset = end;
    }
    header.push('}');
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = Hashed::new(disk::create_file(path)?);
    let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(RunError::io("write", path));
    put(&(header.len() as u64).to_le_bytes())?;
    put(header.as_bytes())?;
    for array in order {
        put(&array.bytes)?;
    }
    file.synced().map_err(RunError::io("sync", path))
}

/// Reads the tensors of the file at `path`, sorted by name, if it has the length and digest that
/// are `expected` of it.
pub fn read(path: &Path, expected: &FileDigest) -> Result<Vec<NamedArray>, RunError> {
    let mut file = expected.open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)
        .map_err(RunError::io("read", path))?;
    let length = u64::from_le_bytes(length);
    let Some(data) = expected
        .bytes
        .checked_sub(8)
        .and_then(|rest| rest.checked_sub(length))
    else {
        return Err(RunError::damaged(
            path,
            format_args!("its header of {length} bytes is longer than the file"),
        ));
    };
    if length > LONGEST_HEADER {
        return Err(RunError::damaged(
            path,
            format_args!("its header has {length} bytes"),
        ));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)
        .map_err(RunError::io("read", path))?;
    let header: Header = serde_json::from_slice(&header).map_err(|e| RunError::damaged(path, e))?;
    let entries = header
        .checked(data)
        .map_err(|why| RunError::damaged(path, why))?;
    let mut arrays = Vec::with_capacity(entries.len());
    for (name, dtype, entry) in entries {
        let mut bytes = vec![0; entry.data_offsets.1 - entry.data_offsets.0];
        file.read_exact(&mut bytes)
            .map_err(RunError::io("read", path))?;
        arrays.push(NamedArray {
            name,
            dtype,
            shape: entry.shape,
            bytes,
        });
    }
    expected.compare(path, &file.digest())?;
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(arrays)
}

/// The tensors of a safetensors file that no manifest vouches for, sorted by name.
///
/// # Errors
/// A file that cannot be read, or whose header does not describe its bytes exactly.
pub fn load_weights(path: &Path) -> Result<Vec<NamedArray>, RunError> {
    let (file, _) = disk::open(path)?;
    let mut file = Hashed::new(file);
    std::io::copy(&mut file, &mut std::io::sink()).map_err(RunError::io("read", path))?;
    read(path, &file.digest())
}

/// One tensor in a header.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// A header as it is written; no name twice.
struct Header(Vec<(String, Entry)>);

impl Header {
    /// The tensors in the order of their elements, once these fill `data` bytes without gap or
    /// overlap.
    fn checked(mut self, data: u64) -> Result<Vec<(String, Dtype, Entry)>, String> {
        self.0.sort_by_key(|(_, entry)| entry.data_offsets);
        let mut end = 0;
        let mut checked = Vec::with_capacity(self.0.len());
        for (name, entry) in self.0 {
            let dtype = dtype(&entry.dtype)
                .ok_or_else(|| format!("tensor `{name}` has unknown dtype `{}`", entry.dtype))?;
            let bytes = elements(&entry.shape).and_then(|n| n.checked_mul(width(dtype)));
            let (from, to) = entry.data_offsets;
            if from != end
                || to.checked_sub(from).is_none()
                || bytes != to.checked_sub(from)
                || to as u64 > data
            {
                return Err(format!(
                    "tensor `{name}` of shape {:?} does not fit its place {from}..{to}",
                    entry.shape
                ));
            }
            end = to;
            checked.push((name, dtype, entry));
        }
        if end as u64 != data {
            return Err(format!("its tensors have {end} bytes, the file {data}"));
        }
        Ok(checked)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tensors by name")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut names = std::collections::BTreeSet::new();
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        return Err(de::Error::custom(format_args!("name `{name}` twice")));
                    }
                    if name == "__metadata__" {
                        map.next_value::<de::IgnoredAny>()?;
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Elements of a shape; `None` where there are too many to count.
fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |n, size| n.checked_mul(*size))
}

/// Bytes of one element.
fn width(dtype: Dtype) -> usize {
    match dtype {
        Dtype::F32 | Dtype::U32 => 4,
        Dtype::F64 | Dtype::I64 => 8,
    }
}

/// The format's name of an element type.
fn name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "F32",
        Dtype::F64 => "F64",
        Dtype::U32 => "U32",
        Dtype::I64 => "I64",
    }
}

/// The element type of that name.
fn dtype(text: &str) -> Option<Dtype> {
    [Dtype::F32, Dtype::F64, Dtype::U32, Dtype::I64]
        .into_iter()
        .find(|dtype| name(*dtype) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let path = dir.path().join("t.safetensors");
        std::fs::write(&path, bytes).unwrap();
        load_weights(&path)
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
        let path = dir.path().join("t.safetensors");
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
        let bytes = std::fs::read(&path).unwrap();
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
