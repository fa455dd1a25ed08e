//! The house's rules, held by scanning the sources: which module may import which, how long files
//! and what they must say.

#![expect(
    clippy::unwrap_used,
    reason = "a source that cannot be read fails the test"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What each module may name of `crate::…`, beside itself.
const MAY_IMPORT: [(&str, &[&str]); 29] = [
    ("error", &[]),
    ("direction", &[]),
    ("suggest", &[]),
    ("number", &[]),
    ("array", &["units"]),
    ("file", &[]),
    ("memory", &[]),
    ("printable", &[]),
    ("program", &[]),
    ("units", &["error"]),
    (
        "rng",
        &["error", "direction", "suggest", "number", "array", "units"],
    ),
    (
        "event",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
        ],
    ),
    (
        "safetensors",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
        ],
    ),
    ("schedule", LAYER_0),
    ("kernel", LAYER_0),
    (
        "data",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
            "file",
            "memory",
        ],
    ),
    (
        "objective",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
            "kernel",
        ],
    ),
    (
        "optim",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
            "kernel",
        ],
    ),
    (
        "layer",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
            "kernel",
        ],
    ),
    (
        "model",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
            "kernel",
            "layer",
        ],
    ),
    ("config", LAYERS_0_TO_2),
    (
        "train",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
            "schedule",
            "kernel",
            "data",
            "objective",
            "optim",
            "layer",
            "model",
            "config",
        ],
    ),
    (
        "run",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "file",
            "memory",
            "printable",
            "program",
            "units",
            "rng",
            "event",
            "safetensors",
            "config",
        ],
    ),
    (
        "launch",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "file",
            "memory",
            "printable",
            "program",
            "units",
            "rng",
            "event",
            "safetensors",
            "schedule",
            "kernel",
            "data",
            "objective",
            "optim",
            "layer",
            "model",
            "config",
            "train",
            "run",
        ],
    ),
    (
        "report",
        &[
            "error",
            "suggest",
            "number",
            "printable",
            "units",
            "rng",
            "event",
            "run",
        ],
    ),
    (
        "selftest",
        &[
            "error",
            "direction",
            "suggest",
            "number",
            "array",
            "units",
            "rng",
            "event",
            "run",
        ],
    ),
    ("cli", ALL),
    ("lib", ALL),
    ("main", ALL),
];

const LAYER_0: &[&str] = &[
    "error",
    "direction",
    "suggest",
    "number",
    "array",
    "units",
    "rng",
    "event",
];

const LAYERS_0_TO_2: &[&str] = &[
    "error",
    "direction",
    "suggest",
    "number",
    "array",
    "file",
    "memory",
    "printable",
    "program",
    "units",
    "rng",
    "event",
    "safetensors",
    "schedule",
    "kernel",
    "data",
    "objective",
    "optim",
    "layer",
    "model",
];

const ALL: &[&str] = &[
    "error",
    "direction",
    "suggest",
    "number",
    "array",
    "file",
    "memory",
    "printable",
    "program",
    "units",
    "rng",
    "event",
    "safetensors",
    "schedule",
    "kernel",
    "data",
    "objective",
    "optim",
    "layer",
    "model",
    "config",
    "train",
    "run",
    "launch",
    "report",
    "selftest",
];

struct Source {
    /// Path below `src`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The top-level module that the file belongs to.
    fn module(&self) -> String {
        let first = self
            .path
            .components()
            .next()
            .map(|c| c.as_os_str().to_string_lossy());
        first
            .unwrap_or_default()
            .trim_end_matches(".rs")
            .to_string()
    }

    /// The lines before the unit tests, comments left out.
    fn code(&self) -> impl Iterator<Item = &str> {
        let code = self
            .text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        code.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, root: &Path, out: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                out.push(Source {
                    path: path.strip_prefix(root).unwrap().into(),
                    text,
                });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut out = Vec::new();
    walk(&root, &root, &mut out);
    assert!(out.len() > 100, "only {} sources were found", out.len());
    out
}

/// The modules that a line names as `crate::name`, also inside `use crate::{a, b::c}`.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + 7..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            let mut in_path = false;
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 1 && (c.is_alphanumeric() || c == '_') && !in_path {
                    word.push(c);
                } else if depth == 1 && c == ',' || depth == 0 {
                    names.push(std::mem::take(&mut word));
                    in_path = false;
                } else if !word.is_empty() {
                    in_path = true;
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            names.push(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    names.retain(|name: &String| !name.is_empty());
    names
}

#[test]
fn modules_import_only_what_lies_below_them() {
    let may: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let modules: Vec<String> = sources().iter().map(Source::module).collect();
    let mut faults = Vec::new();
    for source in sources() {
        let module = source.module();
        let Some(allowed) = may.get(module.as_str()) else {
            faults.push(format!(
                "{}: module `{module}` has no layer",
                source.path.display()
            ));
            continue;
        };
        let code: String = source.code().map(|line| format!("{line}\n")).collect();
        for name in named(&code) {
            let own = name == module || !modules.contains(&name);
            if !own && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: names `crate::{name}`", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_the_training_side_names_candle() {
    let without = [
        "error",
        "direction",
        "suggest",
        "number",
        "array",
        "units",
        "rng",
        "event",
        "safetensors",
        "schedule",
        "data",
        "config",
        "run",
        "report",
    ];
    let faults: Vec<String> = sources()
        .iter()
        .filter(|source| without.contains(&source.module().as_str()))
        .filter(|source| source.code().any(|line| line.contains("candle_core")))
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_of_a_run_are_touched_in_one_place() {
    // These do it, and the folder `disk`; the host's name is no file of a run.
    let doors =
        ["disk.rs", "file.rs", "fault.rs", "machine.rs"].map(|name| Path::new("run").join(name));
    let own = |source: &&Source| {
        let [tests, system] =
            ["run/tests", "run/disk"].map(|folder| source.path.starts_with(folder));
        let is_door = tests || system || doors.contains(&source.path);
        source.module() == "run" && !is_door
    };
    let mut faults = Vec::new();
    for source in sources().iter().filter(own) {
        for line in source.code() {
            if line.contains("fs::") || line.contains("std::fs") {
                faults.push(format!("{}: {line}", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What it shows, `run` has read and checked.
#[test]
fn reports_read_no_file() {
    for source in sources().iter().filter(|s| s.module() == "report") {
        let found = source.code().find(|line| line.contains("fs::"));
        assert_eq!(found, None, "{}", source.path.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for source in sources() {
        assert!(
            source.text.starts_with("//!"),
            "{} has no `//!`",
            source.path.display()
        );
    }
}

#[test]
fn mod_files_hold_no_logic() {
    for source in sources().iter().filter(|s| s.path.ends_with("mod.rs")) {
        let logic = source
            .code()
            .find(|line| line.trim_start().starts_with("fn ") || line.contains("impl "));
        assert!(
            logic.is_none(),
            "{}: {}",
            source.path.display(),
            logic.unwrap_or_default()
        );
    }
}

#[test]
fn unsafe_stays_in_the_kernel() {
    for source in sources().iter().filter(|s| s.module() != "kernel") {
        let found = source
            .code()
            .find(|line| line.contains("unsafe ") && !line.contains("unsafe_code"));
        assert!(
            found.is_none(),
            "{}: {}",
            source.path.display(),
            found.unwrap_or_default()
        );
    }
}

#[test]
fn files_stay_short_and_have_names_that_say_something() {
    let all = sources();
    let mut lengths: Vec<usize> = all.iter().map(|s| s.code().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < 200, "the median file has {median} lines of code");
    for source in all {
        let stem = source
            .path
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let vague = [
            "utils", "util", "common", "base", "manager", "helper", "helpers", "misc",
        ];
        assert!(
            !vague.contains(&stem.as_str()),
            "{} says nothing",
            source.path.display()
        );
    }
}
