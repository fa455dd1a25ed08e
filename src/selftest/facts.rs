//! What a run left behind, without the times: lines that two runs which did the same have in common.

use std::{fs, path::Path};

use crate::run::{Confusions, Reader, Row, RunView, TIMES};

/// Everything that must be the same, a line each.
///
/// # Errors
/// A run that cannot be read, or that has not ended.
pub fn facts(path: &Path) -> Result<Vec<String>, String> {
    let view = Reader::open(path).map_err(|error| error.to_string())?;
    let confusions = Confusions::read(path).map_err(|error| error.to_string())?;
    let mut lines = summary(&view)?;
    lines.extend(confusions.map(|found| format!("confusion {:?}", found.evaluations)));
    for checkpoint in &view.checkpoints {
        lines.push(format!(
            "checkpoint {} {:?} {} {:?}",
            checkpoint.step, checkpoint.reasons, checkpoint.state_hash, checkpoint.metrics
        ));
    }
    lines.extend(view.rows.iter().map(row));
    lines.extend(view.warnings.iter().map(|why| format!("unreadable: {why}")));
    Ok(lines)
}

fn summary(view: &RunView) -> Result<Vec<String>, String> {
    let summary = view.summary.as_ref().ok_or("it has no summary")?;
    let best = summary.best.as_ref();
    let best = best.map(|best| (&best.metric, best.value, best.step, &best.checkpoint));
    Ok(vec![
        format!("status {} {:?}", view.status, summary.status.why()),
        format!("end {} {}", summary.step, summary.epoch),
        format!("state {}", summary.state_hash),
        format!("metrics {:?}", summary.metrics),
        format!("best {best:?}"),
        format!("test {:?}", summary.test),
    ])
}

fn row(row: &Row) -> String {
    let mut line = format!("row {} {} {:?}", row.kind, row.step, row.epoch);
    for (key, value) in &row.values {
        if !TIMES.contains(&key.as_str()) {
            line += &format!(" {key}={value:?}");
        }
    }
    line
}

/// The first difference, in words.
pub fn difference(expected: &[String], found: &[String]) -> Option<String> {
    let length = expected.len().max(found.len());
    let line = |lines: &[String], index| lines.get(index).cloned().unwrap_or("nothing".into());
    let pairs = (0..length).map(|index| (line(expected, index), line(found, index)));
    let (expected, found) = pairs.into_iter().find(|(a, b)| a != b)?;
    let same = expected
        .chars()
        .zip(found.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let (expected, found) = (shown(&expected, same), shown(&found, same));
    Some(format!("expected `{expected}`, found `{found}`"))
}

/// A line's beginning, and the words from its `same`-th character on.
fn shown(line: &str, same: usize) -> String {
    const BEGINNING: usize = 20;
    const BEFORE: usize = 30;
    const LONGEST: usize = 120;
    let beginning: String = line.chars().take(BEGINNING).collect();
    let skipped = same.saturating_sub(BEFORE).max(BEGINNING);
    let rest: String = line.chars().skip(skipped).take(LONGEST).collect();
    let gap = if skipped > BEGINNING { "…" } else { "" };
    beginning + gap + &rest
}

/// Names in a run, at any depth, that no run that has ended leaves behind.
pub fn litter(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let begins = [".tmp-", ".trash-", ".damaged-"];
        if begins.iter().any(|begin| name.starts_with(begin)) || name.ends_with(".next") {
            found.push(name);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(litter(&entry.path()));
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        let lines = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (a, b) = (lines(&["x", "y"]), lines(&["x"]));
        assert_eq!(difference(&a, &a), None);
        let told = difference(&a, &b).unwrap();
        assert_eq!(told, "expected `y`, found `nothing`");
        let long = |end: &str| vec![format!("checkpoint {} {end}", "z".repeat(60))];
        let told = difference(&long("1"), &long("2")).unwrap();
        let z = "z".repeat(29);
        let (beginning, end) = ("checkpoint zzzzzzzzz…", format!("{z} "));
        assert_eq!(
            told,
            format!("expected `{beginning}{end}1`, found `{beginning}{end}2`")
        );
    }

    #[test]
    fn litter_is_found_wherever_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run/checkpoints");
        fs::create_dir_all(run.join(".trash-step-1/.tmp-x")).unwrap();
        fs::create_dir_all(run.join("step-2.next")).unwrap();
        fs::write(dir.path().join("run/.tmp-run.json"), "").unwrap();
        fs::write(dir.path().join("run/.lock"), "").unwrap();
        assert_eq!(
            litter(dir.path()),
            [".tmp-run.json", ".trash-step-1", "step-2.next"]
        );
    }
}
