//! Names: of the files in a run directory, of runs, of checkpoints.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, Hasher, RandomState},
    path::{Path, PathBuf},
};

use jiff::Zoned;

use super::disk::Entry;

/// What a run is: [`RunInfo`](super::RunInfo).
pub const RUN: &str = "run.json";
/// One object a line: [`Row`](super::Row).
pub const METRICS: &str = "metrics.jsonl";
/// The confusion matrices: [`Confusions`](super::Confusions).
pub const CONFUSION: &str = "confusion.json";
/// What came of it: [`Summary`](super::Summary).
pub const SUMMARY: &str = "summary.json";
/// `tracing` events, one object a line.
pub const TRACE: &str = "trace.jsonl";
/// The config as the user wrote it.
pub const CONFIG: &str = "config.toml";
/// Directory of the config's bases and of `overrides.txt`.
pub const CONFIG_PARTS: &str = "config";
/// Overrides from the command line, one a line.
pub const OVERRIDES: &str = "overrides.txt";
/// The resolved plan.
pub const PLAN: &str = "plan.toml";
/// Held locked by the process that writes; names it.
pub const LOCK: &str = ".lock";
/// Directory of the checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// Beginning of the name of a directory that is being deleted.
pub const TRASH: &str = ".trash-";
/// Beginning of the name of a checkpoint that a resumed run had to pass over.
pub const DAMAGED: &str = ".damaged-";

/// Characters of a short id.
const SHORT: usize = 6;
/// Longest name that goes into an id.
const LONGEST: usize = 64;

/// Returns whether the folder at `path` is that of a run.
#[must_use]
pub fn is_run(path: &Path) -> bool {
    path.join(RUN).is_file()
}

/// Returns where the plan of the run at `run` lies.
#[must_use]
pub fn plan_path(run: &Path) -> PathBuf {
    run.join(PLAN)
}

/// Returns the plan of the run that keeps the file `config` as the copy of its config; `None` where
/// it is no such copy.
#[must_use]
pub fn plan_beside(config: &Path) -> Option<PathBuf> {
    let run = config.parent()?;
    let is_copy = config.file_name().is_some_and(|name| name == CONFIG) && is_run(run);
    is_copy.then(|| plan_path(run))
}

/// A new id, `<name>-<YYYYMMDD-HHMMSS>-<short id>`, in local time. The short id is random, and
/// differs from those of the `taken` ids.
pub fn run_id(name: &str, now: &Zoned, taken: &[String]) -> String {
    let shorts: BTreeSet<&str> = taken.iter().map(|id| short_id(id)).collect();
    let mut short = random_short();
    while shorts.contains(short.as_str()) {
        short = random_short();
    }
    format!(
        "{}-{}-{short}",
        safe_name(name),
        now.strftime("%Y%m%d-%H%M%S")
    )
}

/// The last part of an id.
pub fn short_id(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

/// Six random hexadecimal digits, from the randomness that the standard library takes from the
/// system for each new `RandomState`.
fn random_short() -> String {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())[..SHORT].to_string()
}

/// `name` with everything but letters, digits, `.`, `_` and `-` replaced, so that it is a file name
/// everywhere; `run` where nothing is left.
pub fn safe_name(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut safe = String::new();
    for c in name.chars().map(|c| if kept(c) { c } else { '-' }) {
        if safe.len() < LONGEST && !(c == '-' && safe.ends_with('-')) {
            safe.push(c);
        }
    }
    let safe = safe.trim_matches(['-', '.']);
    if safe.is_empty() {
        "run".into()
    } else {
        safe.into()
    }
}

/// Name of the directory of the checkpoint at `step`.
pub fn checkpoint_name(step: u64) -> String {
    format!("step-{step:010}")
}

/// The step that a checkpoint's directory is named after; `None` for any other name.
pub fn checkpoint_step(name: &str) -> Option<u64> {
    let name = name.strip_suffix(NEXT).unwrap_or(name);
    let step = name.strip_prefix("step-")?.parse().ok()?;
    (checkpoint_name(step) == name).then_some(step)
}

/// What the name of a checkpoint ends in that takes the place of an earlier one of the same step,
/// until that one is gone.
pub const NEXT: &str = ".next";

/// Where the checkpoint at `step` is, relative to the run's directory, with `/` everywhere.
pub fn checkpoint_path(step: u64) -> String {
    format!("{CHECKPOINTS}/{}", checkpoint_name(step))
}

/// Returns whether a file of this name in a run's directory is one that the run leaves behind, beside its
/// log and its summary. A file that a person puts there is not.
pub fn is_result(name: &str) -> bool {
    [RUN, TRACE, CONFUSION].contains(&name)
        || is_fixed(name)
        || is_numbered(name, "metrics.cut-", ".jsonl")
}

/// Returns whether a file of this name in a run's directory stays as it is while an attempt runs: the
/// config and its plans.
pub fn is_fixed(name: &str) -> bool {
    [CONFIG, PLAN].contains(&name) || is_numbered(name, "plan.before-", ".toml")
}

fn is_numbered(name: &str, begin: &str, end: &str) -> bool {
    let number = name.strip_prefix(begin).and_then(|n| n.strip_suffix(end));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Returns the path of the manifest of the checkpoint in the directory `name`, relative to the run's
/// directory, with `/` everywhere.
pub fn manifest_path(name: &str) -> String {
    format!("{CHECKPOINTS}/{name}/manifest.json")
}

/// Where the plan is kept that attempt `attempt` replaced.
pub fn old_plan(run: &Entry, attempt: u32) -> Entry {
    run.join(format!("plan.before-{attempt}.toml"))
}

/// Where the rows go that attempt `attempt` cut from the log.
pub fn cut_rows(run: &Entry, attempt: u32) -> Entry {
    run.join(format!("metrics.cut-{attempt}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names() {
        assert_eq!(safe_name("digits"), "digits");
        assert_eq!(safe_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(safe_name("größer  als\n1"), "gr-er-als-1");
        assert_eq!(safe_name("…"), "run");
        assert_eq!(safe_name(&"x".repeat(500)).len(), LONGEST);
    }

    #[test]
    fn ids_hold_name_time_and_an_unused_short_id() {
        let moment: jiff::Timestamp = "2026-11-22T09:04:05Z".parse().unwrap();
        let now = moment.to_zoned(jiff::tz::TimeZone::UTC);
        let id = run_id("digits", &now, &[]);
        assert_eq!(&id[..23], "digits-20261122-090405-");
        assert_eq!(short_id(&id).len(), SHORT);
        let mut taken = Vec::new();
        for _ in 0..200 {
            taken.push(run_id("digits", &now, &taken));
        }
        let shorts: BTreeSet<_> = taken.iter().map(|id| short_id(id)).collect();
        assert_eq!(shorts.len(), taken.len());
    }

    #[test]
    fn steps_are_read_from_exact_names_only() {
        assert_eq!(checkpoint_name(500), "step-0000000500");
        for step in [0, 500, 99_999_999_999] {
            assert_eq!(checkpoint_step(&checkpoint_name(step)), Some(step));
            assert_eq!(checkpoint_step(&(checkpoint_name(step) + NEXT)), Some(step));
        }
        for other in [
            "step-500",
            ".tmp-step-0000000500",
            "step-+000000500",
            "step-",
            "step-0000000500x",
        ] {
            assert_eq!(checkpoint_step(other), None, "{other}");
        }
    }
}
