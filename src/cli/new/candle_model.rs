//! `trainer new --candle-model`: a crate with a model written for `candle_nn`, its config, and the
//! lines that give candle_nn's fused operations a backward pass.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::cli::CliError;

/// The program and the config: those of the example, which the tests run.
const MAIN: &str = include_str!("../../../examples/candle_model.rs");
const CONFIG: &str = include_str!("../../../examples/candle_model.toml");
/// The lines for candle_nn, as `patch` takes them.
const PATCH: &str = include_str!("candle-nn.patch");

/// Writes the crate and returns its folder.
///
/// # Errors
/// A name that no crate can have, or a folder that exists or cannot be written.
pub(super) fn write(name: &str) -> Result<PathBuf, CliError> {
    let folder = PathBuf::from(name);
    let package = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_name = package.starts_with(|c: char| c.is_ascii_lowercase())
        && package
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if !is_name {
        return Err(CliError::Usage(format!(
            "a crate cannot be called `{package}`; hint: small letters, digits, `-` and `_`, a letter first"
        )));
    }
    if folder.exists() {
        return Err(CliError::Usage(format!(
            "`{}` is there already, and stays as it is; hint: choose another name",
            folder.display()
        )));
    }
    let files = [
        ("Cargo.toml", manifest(&package)),
        (".gitignore", "/target\n/runs\n/candle-nn\n".to_owned()),
        ("candle-nn.patch", PATCH.to_owned()),
        ("config.toml", config(&package)),
        ("src/main.rs", main()),
    ];
    for (path, text) in files {
        let path = folder.join(path);
        put(&path, &text).map_err(|source| CliError::Write { path, source })?;
    }
    Ok(folder)
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// The example's program without the comment that tells how an example is run.
fn main() -> String {
    let code = MAIN.trim_start_matches(|c| c != '\n');
    let code = code
        .lines()
        .skip_while(|line| line.starts_with("//!") || line.is_empty());
    let code: String = code.map(|line| format!("{line}\n")).collect();
    format!(
        "//! A model written for candle_nn, trained as it stands: `cargo run --release -- run config.toml`.\n\n{code}"
    )
}

fn config(package: &str) -> String {
    let rest = CONFIG.lines().skip(2).map(|line| format!("{line}\n"));
    let rest: String = rest.collect();
    format!("# cargo run --release -- run config.toml\nname = {package:?}\n{rest}")
}

fn manifest(package: &str) -> String {
    let trainer = env!("CARGO_MANIFEST_DIR");
    format!(
        r#"[package]
name = "{package}"
version = "0.1.0"
edition = "2024"

[dependencies]
candle-core = {{ version = "=0.11.1", default-features = false }}
candle-nn = {{ version = "=0.11.1", default-features = false }}
schemars = "1.2"
serde = {{ version = "1", features = ["derive"] }}
trainer = {{ path = {trainer:?} }}

# Training is arithmetic: even a debug build runs optimised kernels.
[profile.dev]
opt-level = 1

[profile.dev.package."*"]
opt-level = 3
debug = false

[profile.release]
lto = "thin"
codegen-units = 4

# Some operations of candle_nn have no backward pass: LayerNorm, RmsNorm, softmax_last_dim, rope. The
# five lines of candle-nn.patch mend them:
#
#   cargo fetch
#   cp -r ~/.cargo/registry/src/*/candle-nn-0.11.1 candle-nn
#   patch -d candle-nn -p1 < candle-nn.patch
#
# Then take the `#` away here.
# [patch.crates-io]
# candle-nn = {{ path = "candle-nn" }}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_this_crate() {
        let ours = include_str!("../../../Cargo.toml");
        let manifest = manifest("mine");
        let lines = manifest.lines().filter(|line| line.starts_with("candle-"));
        let lines: Vec<&str> = lines.collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| ours.contains(line)));
        assert!(manifest.parse::<toml::Table>().is_ok());
    }

    #[test]
    fn the_program_begins_with_its_own_comment() {
        let text = main();
        assert_eq!(text.matches("//!").count(), 1);
        assert!(text.contains("\n\nuse candle_core::"), "{text}");
        assert!(config("mine").contains("name = \"mine\"\nseed = 42"));
    }

    /// Where Cargo keeps the sources, the lines go where they belong.
    #[test]
    fn the_lines_for_candle_nn_apply() {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
        let sources = fs::read_dir(home.unwrap_or_default().join("registry/src"));
        let crates = sources.into_iter().flatten().flatten();
        let mut found = crates.map(|e| e.path().join("candle-nn-0.11.1/src"));
        let Some(source) = found.find(|path| path.is_dir()) else {
            return;
        };
        let mut lines: Vec<String> = Vec::new();
        for line in PATCH.lines() {
            if let Some(file) = line.strip_prefix("--- a/src/") {
                let text = fs::read_to_string(source.join(file)).unwrap();
                lines = text.lines().map(str::to_owned).collect();
            }
            let place = line.strip_prefix("@@ -").and_then(|l| l.split_once(','));
            if let Some((before, _)) = place {
                // Counted from 1, the line after is the one that the new line stands before.
                let next = &lines[before.parse::<usize>().unwrap()];
                assert!(next.starts_with("    xs.apply_op"), "{next}");
            }
        }
    }
}
