//! The header of a safetensors file: `u64` length, then JSON with the names, element types, shapes
//! and places of the tensors. It is believed only after checked arithmetic against the file's
//! length, with no name twice. Format: <https://huggingface.co/docs/safetensors>.

use std::{
    fmt,
    io::{self, Read},
};

use serde::{Deserialize, Deserializer, de};

use crate::array::{Dtype, bytes_of};

/// Longest header that is read; the format's own limit.
const LONGEST: u64 = 100_000_000;

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub element: Element,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its length in bytes.
    pub bytes: usize,
}

/// Why a header is not believed.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not say what the file holds.
    #[error("{0}")]
    Wrong(String),
}

/// Reads the header of a file of `length` bytes: its tensors in the order in which their elements
/// follow, which they do without gap or overlap up to the file's end.
///
/// # Errors
/// Where the file cannot be read, or its header does not describe its bytes exactly.
pub fn header(file: &mut impl Read, length: u64) -> Result<Vec<Stored>, HeaderError> {
    let wrong = |why: String| HeaderError::Wrong(why);
    let mut size = [0; 8];
    file.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    let data = length
        .checked_sub(8)
        .and_then(|rest| rest.checked_sub(size));
    let Some(data) = data else {
        let why = format!("its header of {size} bytes is longer than the file");
        return Err(wrong(why));
    };
    if size > LONGEST {
        return Err(wrong(format!("its header has {size} bytes")));
    }
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text)?;
    let header: Header = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
    header.checked(data).map_err(wrong)
}

/// An element type that a file may name. Checkpoints hold those of [`Dtype`]; other programs write
/// the others, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Element {
    F32,
    F64,
    F16,
    Bf16,
    F8E4m3,
    F8E5m2,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

/// Every element type with its name in the format and its bytes.
const ELEMENTS: [(Element, &str, usize); 15] = [
    (Element::F32, "F32", 4),
    (Element::F64, "F64", 8),
    (Element::F16, "F16", 2),
    (Element::Bf16, "BF16", 2),
    (Element::F8E4m3, "F8_E4M3", 1),
    (Element::F8E5m2, "F8_E5M2", 1),
    (Element::I64, "I64", 8),
    (Element::I32, "I32", 4),
    (Element::I16, "I16", 2),
    (Element::I8, "I8", 1),
    (Element::U64, "U64", 8),
    (Element::U32, "U32", 4),
    (Element::U16, "U16", 2),
    (Element::U8, "U8", 1),
    (Element::Bool, "BOOL", 1),
];

impl Element {
    /// The format's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = ELEMENTS.iter().find(|(element, ..)| *element == self);
        found.map_or("", |(_, name, _)| name)
    }

    /// The same as an element type of checkpoints, where these have it.
    #[must_use]
    pub fn dtype(self) -> Option<Dtype> {
        match self {
            Self::F32 => Some(Dtype::F32),
            Self::F64 => Some(Dtype::F64),
            Self::U32 => Some(Dtype::U32),
            Self::I64 => Some(Dtype::I64),
            _ => None,
        }
    }

    /// The element type of that name and its bytes.
    fn named(text: &str) -> Option<(Self, usize)> {
        let found = ELEMENTS.iter().find(|(_, name, _)| *name == text)?;
        Some((found.0, found.2))
    }
}

/// One tensor as it is written.
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
    /// The tensors in the order of their elements, once these fill `data` bytes.
    fn checked(mut self, data: u64) -> Result<Vec<Stored>, String> {
        self.0.sort_by_key(|(_, entry)| entry.data_offsets);
        let mut end = 0;
        let mut checked = Vec::with_capacity(self.0.len());
        for (name, entry) in self.0 {
            let (element, width) = Element::named(&entry.dtype)
                .ok_or_else(|| format!("tensor `{name}` has unknown dtype `{}`", entry.dtype))?;
            let bytes = bytes_of(&entry.shape, width);
            let (from, to) = entry.data_offsets;
            match to.checked_sub(from) {
                Some(place) if from == end && bytes == Some(place) && to as u64 <= data => {
                    checked.push(Stored {
                        name,
                        element,
                        shape: entry.shape,
                        bytes: place,
                    });
                }
                _ => {
                    return Err(format!(
                        "tensor `{name}` of shape {:?} does not fit its place {from}..{to}",
                        entry.shape
                    ));
                }
            }
            end = to;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_the_file_holds() {
        let text = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#;
        let bytes = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let length = bytes.len() as u64 + 16;
        let found = header(&mut &bytes[..], length).unwrap();
        let names: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.bytes)).collect();
        assert_eq!(names, [("a", 8), ("b", 8)]);
        assert_eq!(
            (&found[1].shape[..], found[1].element),
            (&[2][..], Element::F32)
        );
        let longer = header(&mut &bytes[..], length + 1).unwrap_err().to_string();
        assert_eq!(longer, "its tensors have 16 bytes, the file 17");
        assert!(header(&mut &bytes[..20], length).is_err(), "torn");
    }
}
