//! Reading the text of a config: a file or a pipe with UTF-8 text in it.

use std::{
    io::{ErrorKind, Read as _},
    path::Path,
};

use crate::{
    error::io_reason,
    file,
    suggest::{did_you_mean, nearest_file},
};

/// The reason why a file gives no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// The fault.
    pub(super) reason: String,
    /// The remedy.
    pub(super) hint: Option<String>,
}

/// Longest config that is read, in bytes: what is longer is no config.
const LONGEST: u64 = 1 << 20;

/// The text of a file, or of a pipe that the caller has connected; one that another file extends is
/// always a file.
pub(super) fn text(path: &Path, is_base: bool) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    let file = match is_base {
        true => file::open(path),
        false => file::open_or_connected(path),
    };
    let length = file.and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    match length {
        Ok(length) if length as u64 > LONGEST => Err(Unreadable {
            reason: format!("it is longer than {} MB", LONGEST >> 20),
            hint: Some("a config is a short TOML file".into()),
        }),
        Ok(_) => decoded(bytes),
        Err(error) => Err(Unreadable {
            reason: io_reason(&error),
            hint: match error.kind() {
                ErrorKind::NotFound => similar_file(path),
                ErrorKind::IsADirectory => first_file(path),
                _ => None,
            },
        }),
    }
}

/// Bytes as text, or what they are instead.
fn decoded(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let unreadable = |reason: &str, hint: &str| Unreadable {
        reason: reason.into(),
        hint: Some(hint.into()),
    };
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    let zeros = bytes.iter().filter(|byte| **byte == 0).count();
    let is_wide = begins(b"\xff\xfe") || begins(b"\xfe\xff") || zeros * 3 > bytes.len();
    let is_binary = |text: &[u8]| {
        let odd = |byte: &&u8| **byte < 32 && !b"\t\n\r\x1b\x0c".contains(byte);
        text.iter().filter(odd).count() * 20 > text.len()
    };
    match () {
        () if begins(b"\x1f\x8b") => {
            return Err(unreadable("it is compressed with gzip", "unpack it first"));
        }
        () if begins(b"PK\x03\x04") => {
            return Err(unreadable("it is a ZIP archive", "unpack it first"));
        }
        () if is_wide && bytes.len() < 1 << 20 && !bytes.is_empty() => {
            return Err(unreadable("it is UTF-16, not UTF-8", "save it as UTF-8"));
        }
        () => {}
    }
    String::from_utf8(bytes).map_err(|error| {
        if is_binary(error.as_bytes()) {
            return unreadable("it is not a text file", "a config is a TOML file");
        }
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let reason = format!("line {line} is not UTF-8");
        unreadable(&reason, "save the file as UTF-8")
    })
}

/// The TOML files of a folder.
fn toml_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort();
    names
}

/// The TOML file beside it that looks most like the one that was named.
fn similar_file(path: &Path) -> Option<String> {
    let near = nearest_file(path).filter(|name| name.ends_with(".toml"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Some(did_you_mean(folder.join(near).display()))
}

/// A config in a folder that was named instead of it.
fn first_file(folder: &Path) -> Option<String> {
    let name = toml_files(folder).into_iter().next()?;
    Some(format!(
        "name a file in it, such as `{}`",
        folder.join(name).display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_told_for_what_they_are() {
        let utf16: Vec<u8> = "a = 1\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let marked = [b"\xff\xfe".to_vec(), utf16.clone()].concat();
        let table: [(&[u8], &str); 8] = [
            (&utf16, "it is UTF-16, not UTF-8"),
            (&marked, "it is UTF-16, not UTF-8"),
            (b"\x1f\x8b\x08\x00", "it is compressed with gzip"),
            (b"PK\x03\x04\x00", "it is a ZIP archive"),
            (b"a = 1\nname = \"\xe9t\xe9\"\n", "line 2 is not UTF-8"),
            (b"\x80\x02\x01\x03\x04q\x05", "it is not a text file"),
            (b"", ""),
            (b"a = \0 1", ""),
        ];
        for (bytes, expected) in table {
            let found = decoded(bytes.to_vec()).err();
            let told = found.map(|found| found.reason).unwrap_or_default();
            assert_eq!(told, expected, "{bytes:?}");
        }
    }
}
