//! Opening files that a config names. Only a regular file has an end that is known before it is
//! read: a pipe without a writer would block, and a device has no end.

use std::{fs::File, io, path::Path};

/// Opens a regular file.
///
/// # Errors
/// A file that cannot be opened, or something that is no file; the error then says what it is.
pub fn open(path: &Path) -> io::Result<File> {
    match other(path)? {
        Some(what) => Err(io::Error::other(format!("{what}, not a file"))),
        None => File::open(path),
    }
}

/// Opens a regular file, or a pipe that the caller of the program has connected: `/dev/stdin`, and
/// `/dev/fd/N`, which a shell makes of `<(command)`.
///
/// # Errors
/// As [`open`].
pub fn open_or_connected(path: &Path) -> io::Result<File> {
    const CONNECTED: [&str; 3] = ["/dev/stdin", "/dev/fd", "/proc/self/fd"];
    match CONNECTED.iter().any(|start| path.starts_with(start)) {
        true => File::open(path),
        false => open(path),
    }
}

/// Says what a path leads to that is no regular file; opens nothing.
fn other(path: &Path) -> io::Result<Option<&'static str>> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok((!kind.is_file()).then(|| special(kind)))
}

#[cfg(unix)]
fn special(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match () {
        () if kind.is_fifo() => "it is a named pipe",
        () if kind.is_socket() => "it is a socket",
        () => "it is a device",
    }
}

#[cfg(not(unix))]
fn special(_: std::fs::FileType) -> &'static str {
    "it is a device"
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(made.unwrap().success());
        assert!(open(&at("file")).is_ok() && open(&at("link")).is_ok());
        let why = |path: &Path| open_or_connected(path).unwrap_err();
        assert_eq!(
            why(&at("pipe")).to_string(),
            "it is a named pipe, not a file"
        );
        assert_eq!(
            why(Path::new("/dev/zero")).to_string(),
            "it is a device, not a file"
        );
        assert_eq!(why(folder.path()).kind(), io::ErrorKind::IsADirectory);
        assert_eq!(why(&at("none")).kind(), io::ErrorKind::NotFound);
    }
}
