//! Kinds of files that are not IDX, told by their first bytes: for a hint.

/// Beginnings of files, and what to do about such a file.
const KINDS: [(&[u8], &str); 10] = [
    (b"PK\x03\x04", "this is a zip archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "this is a 7z archive: unpack it"),
    (
        b"\xfd7zXZ",
        "this is compressed by xz: unpack it, or use gzip",
    ),
    (
        b"BZh",
        "this is compressed by bzip2: unpack it, or use gzip",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "this is compressed by zstd: unpack it, or use gzip",
    ),
    (b"\x1f\x8b", "this is gzip inside gzip: unpack it once"),
    (
        b"version https://git-lfs",
        "this is a Git LFS pointer: fetch the file with `git lfs pull`",
    ),
    (b"<!DOCTYPE", "this is a web page: download the file itself"),
    (b"<html", "this is a web page: download the file itself"),
    (b"\x93NUMPY", "this is a NumPy array"),
];

/// A hint about a file that begins with these bytes; `None` where they tell nothing.
pub(super) fn hint(bytes: &[u8]) -> Option<&'static str> {
    let found = KINDS.iter().find(|(start, _)| {
        let beginning = bytes.get(..start.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
    });
    found.map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_beginnings_give_a_hint_and_others_none() {
        for (start, hint_of) in KINDS {
            assert_eq!(hint(&[start, b" and more"].concat()), Some(hint_of));
            assert_eq!(hint(&start[..start.len() - 1]), None);
        }
        assert_eq!(
            hint(b"<!doctype html>"),
            Some("this is a web page: download the file itself")
        );
        assert_eq!(hint(b"First Citizen:"), None);
        assert_eq!(hint(b""), None);
    }
}
