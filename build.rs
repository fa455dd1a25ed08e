//! Tells the program which sources it was built from, by asking git; without git it says nothing.

use std::{env, path::Path, process::Command};

const SOURCES: [&str; 4] = ["src", "build.rs", "Cargo.toml", "Cargo.lock"];

fn main() {
    for name in ["OPT_LEVEL", "PROFILE", "TARGET"] {
        println!(
            "cargo:rustc-env=TRAINER_{name}={}",
            env::var(name).unwrap_or_default()
        );
    }
    SOURCES
        .iter()
        .for_each(|path| println!("cargo:rerun-if-changed={path}"));
    // Sources unpacked inside a foreign repository are not that repository's.
    let commit = git(&["ls-files", "--error-unmatch", "Cargo.toml"])
        .and_then(|_| git(&["rev-parse", "HEAD"]));
    let Some(commit) = commit else { return };
    println!("cargo:rustc-env=TRAINER_COMMIT={}", commit.trim());
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name]).unwrap_or_default();
        if Path::new(path.trim()).exists() {
            println!("cargo:rerun-if-changed={}", path.trim());
        }
    }
    let changes = git(&[&["diff", "HEAD", "--"], &SOURCES[..]].concat()).unwrap_or_default();
    if !changes.is_empty() {
        // FNV-1a: tells two changed builds of one commit apart.
        let hash = changes.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        println!("cargo:rustc-env=TRAINER_CHANGES={:08x}", hash >> 32);
    }
}

/// What git prints; nothing where it fails or does not exist.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(["--no-optional-locks"])
        .args(arguments)
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
