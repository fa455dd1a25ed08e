//! The house's rules, held by scanning the sources: which module may import which, how long files
//! and what they must say.

#![expect(
    clippy::unwrap_used,
    reason = "a source that cannot be read fails the test"
)]

mod imports;
mod known_circles;
mod layers;
mod paths;
mod source;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use imports::{Crate, Imports, circles};
use known_circles::KNOWN_CIRCLES;
use layers::layers;
use source::{Source, sources};

#[test]
fn modules_import_only_what_their_layer_allows() {
    let layers = layers();
    let mut faults = Vec::new();
    for source in sources() {
        let module = source.module();
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some(row) = layers.get(&module) else {
            faults.push(format!("{module}: no row in docs/architecture.md"));
            continue;
        };
        for name in source.modules_named() {
            let foreign = layers.contains_key(&name) && name != module;
            if foreign && !row.may_import.contains(&name) {
                let (file, layer) = (source.path.display(), row.layer);
                faults.push(format!("{file}: layer {layer} names `crate::{name}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_of_layers_names_modules_that_exist() {
    let modules: BTreeSet<String> = sources().iter().map(Source::module).collect();
    for module in layers().keys() {
        assert!(modules.contains(module), "`{module}` is not in src");
    }
}

#[test]
fn only_the_training_side_names_candle() {
    let layers = layers();
    let without = |source: &&Source| layers.get(&source.module()).is_some_and(|row| !row.candle);
    let faults: Vec<String> = sources()
        .iter()
        .filter(without)
        .filter(|source| source.code().any(|line| line.contains("candle_core")))
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let imports = Crate::read(&sources()).imports();
    let circles = circles(&imports);
    let inside = |circle: &BTreeSet<PathBuf>, known: &[&str]| {
        circle
            .iter()
            .all(|f| known.iter().any(|k| f == Path::new(k)))
    };
    let is_new = |c: &&BTreeSet<PathBuf>| !KNOWN_CIRCLES.iter().any(|known| inside(c, known));
    let faults: Vec<String> = circles
        .iter()
        .filter(is_new)
        .map(|c| drawn(c, &imports))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    for known in KNOWN_CIRCLES {
        let stands = circles.iter().any(|circle| inside(circle, known));
        assert!(
            stands,
            "no longer a circle, so strike it from the list: {known:?}"
        );
    }
}

/// Returns a circle in words: each import, and the names that it takes.
fn drawn(circle: &BTreeSet<PathBuf>, imports: &Imports) -> String {
    let mut lines = vec![format!("a circle of {} files:", circle.len())];
    for from in circle {
        for (to, names) in imports[from].iter().filter(|(to, _)| circle.contains(*to)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            lines.push(format!(
                "  {} -> {}: {}",
                from.display(),
                to.display(),
                names.join(", ")
            ));
        }
    }
    lines.join("\n")
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
