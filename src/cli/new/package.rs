//! `trainer new --crate`: a Cargo package with one component of each kind.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::super::CliError;
use crate::program::TRAINER;

/// A component's file, which is also one of the example `own`.
macro_rules! component {
    ($name:literal) => {
        (
            concat!("src/components/", $name, ".rs"),
            include_str!(concat!("../../../examples/own/components/", $name, ".rs")),
        )
    };
}

/// The files beside `Cargo.toml`.
const FILES: [(&str, &str); 11] = [
    (".gitignore", "/runs\n/target\n"),
    ("own.toml", include_str!("../../../examples/own.toml")),
    ("src/main.rs", include_str!("../../../examples/own/main.rs")),
    component!("mod"),
    component!("dataset"),
    component!("loss"),
    component!("metric"),
    component!("model"),
    component!("optimizer"),
    component!("schedule"),
    component!("tests"),
];

const MANIFEST: &str = include_str!("package/manifest.toml");

/// The line of the example's config that tells how to run it.
const EXAMPLE_RUN: &str = "cargo run --release --example own -- run examples/own.toml";

/// Names that Cargo or the package itself uses.
const TAKEN: [&str; 9] = [
    "build",
    "candle-core",
    "core",
    "deps",
    "incremental",
    "schemars",
    "serde",
    "test",
    TRAINER,
];

/// Writes a package into the new folder `path`, whose last part is its name. `trainer` is the folder
/// of this library's sources.
///
/// # Errors
/// A name that Cargo does not take, or a folder that exists or cannot be written.
pub(super) fn write(path: &Path, trainer: Option<&Path>) -> Result<(), CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    check_name(&name).map_err(CliError::Usage)?;
    let manifest = MANIFEST
        .replace("NAME", &name)
        .replace("TRAINER", &dependency(trainer)?);
    fs::create_dir(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CliError::Usage(format!(
            "`{}` is there already, and stays as it is; hint: choose another name",
            path.display()
        )),
        _ => failed(path, source),
    })?;
    let files = FILES.map(|(file, text)| {
        (
            file,
            text.replace(EXAMPLE_RUN, "cargo run --release -- run own.toml"),
        )
    });
    let manifest = ("Cargo.toml", manifest);
    let written = std::iter::once(manifest)
        .chain(files)
        .try_for_each(|(file, text)| put(&path.join(file), &text));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(path);
    }
    written
}

/// Writes a file of the package, and the folder that it lies in.
fn put(path: &Path, text: &str) -> Result<(), CliError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    fs::write(path, text).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> CliError {
    let path = PathBuf::from(path);
    CliError::Write { path, source }
}

/// Says what keeps a name from being that of a package.
fn check_name(name: &str) -> Result<(), String> {
    let refuse = |why: &str, hint: &str| {
        Err(format!(
            "`{name}` cannot be the name of a crate: {why}; hint: {hint}"
        ))
    };
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return refuse(
            "it does not begin with a small letter",
            "for example `my-net`",
        );
    }
    if let Some(other) = name.chars().find(|c| !is_word(*c)) {
        let why = format!("it has a {other:?}");
        return refuse(&why, "use small letters, digits, `-` and `_`");
    }
    if name.len() > 64 {
        return refuse("it has more than 64 characters", "choose a shorter one");
    }
    if TAKEN.contains(&name) || KEYWORDS.contains(&name) {
        return refuse("the name is taken", "for example `my-net`");
    }
    Ok(())
}

/// Words of the language.
const KEYWORDS: [&str; 39] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "pub", "ref",
    "return", "static", "struct", "true", "type", "use",
];

/// Where the package finds this library: in the folder given, in the one it was built from, else in
/// the registry.
fn dependency(trainer: Option<&Path>) -> Result<String, CliError> {
    let is_there = |folder: &&Path| folder.join("Cargo.toml").is_file();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = match trainer {
        Some(folder) if !is_there(&folder) => {
            return Err(CliError::Usage(format!(
                "there is no Cargo.toml in `{}`; hint: `--trainer` takes the folder of trainer's sources",
                folder.display()
            )));
        }
        Some(folder) => Some(folder),
        None => Some(own).filter(is_there),
    };
    let Some(folder) = folder else {
        return Ok(format!("version = {:?}", env!("CARGO_PKG_VERSION")));
    };
    let folder = fs::canonicalize(folder).map_err(|source| CliError::Read {
        path: folder.into(),
        source,
    })?;
    let path = toml::Value::from(folder.to_string_lossy().as_ref());
    Ok(format!("path = {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_cargo_takes() {
        for good in ["my-net", "a", "net_2"] {
            assert_eq!(check_name(good), Ok(()));
        }
        for bad in [
            "", "2net", "My", "a b", "a/b", "serde", "trainer", "fn", "ä", "-a", "a.b",
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        let long = "a".repeat(65);
        assert!(check_name(&long).unwrap_err().contains("64"));
    }

    #[test]
    fn the_manifest_has_the_profiles_of_this_package() {
        let read = |text: &str| text.parse::<toml::Table>().unwrap();
        let mut own = read(include_str!("../../../Cargo.toml"));
        // What only our own tests depend on.
        let packages = own["profile"]["dev"]["package"].as_table_mut().unwrap();
        packages.retain(|name, _| name == "*");
        let theirs = read(&MANIFEST.replace("TRAINER", "version = \"1\""));
        assert_eq!(own["profile"], theirs["profile"]);
    }

    #[test]
    fn the_config_says_how_to_run_it() {
        let config = FILES.iter().find(|(file, _)| *file == "own.toml");
        assert!(config.unwrap().1.contains(EXAMPLE_RUN));
    }
}
