//! One run on one screen: what it is, how far it came, its curves, checkpoints and warnings.

use serde_json::json;

use super::{
    Align, Cell, Ink, Palette, Record, Table,
    absent::{why_absent, why_no_best},
    bytes, class_counts,
    curves::curves,
    duration, folded, list,
    number::moment,
    sanitize, shares, short, split_sizes, tested_state,
};
use crate::{
    event::key,
    run::{CheckpointInfo, RunInfo, Value},
    units::counted,
};

/// The run for a person: curves of `width` characters, and lines that are folded at `fold`, if at
/// all.
#[must_use]
pub fn text(record: &Record, (width, fold): (usize, Option<usize>), palette: Palette) -> String {
    let mut sections = vec![heading(record, fold, palette) + &facts(record, fold, palette)];
    sections.extend(metrics(record, fold, palette).or_else(|| no_metrics(record, fold)));
    sections.extend(curves(record, width, palette));
    sections.extend(checkpoints(record, fold, palette));
    sections.extend(warnings(record, fold, palette));
    sections.join("\n")
}

/// The table, where it has rows.
fn fitted(table: &Table, fold: Option<usize>, palette: Palette) -> Option<String> {
    (!table.is_empty()).then(|| table.fitted(fold, palette))
}

/// Safe text on lines that begin at `margin`, the first of which follows `first`.
fn hung(first: &str, text: &str, margin: usize, fold: Option<usize>) -> String {
    let text = sanitize(text);
    let lines = match fold {
        Some(width) => folded(&text, width.saturating_sub(margin).max(20)),
        None => vec![text.into_owned()],
    };
    let gap = format!("\n{:margin$}", "");
    format!("{first}{}\n", lines.join(&gap))
}

/// The run for a program: what `list::object` has, and the rest.
#[must_use]
pub fn object(record: &Record) -> serde_json::Value {
    let (view, mut object) = (&record.view, list::object(record));
    let summary = view.summary.as_ref();
    let checkpoint = |c: &CheckpointInfo| {
        json!({
            "step": c.step, "epoch": Value::Number(c.epoch), "path": c.path, "reasons": c.reasons,
            "bytes": c.bytes, "created": c.created, "state_hash": c.state_hash,
        })
    };
    let rest = json!({
        "test": summary.and_then(|s| s.test.as_ref()),
        "why": summary.and_then(|s| s.status.why()),
        "notes": view.info.notes,
        "parent": view.info.parent,
        "overrides": view.info.overrides,
        "data_fingerprint": view.info.data_fingerprint,
        "data": view.info.data,
        "init": view.info.init,
        "wall_s": Value::Number(record.seconds()),
        "samples_per_s": summary.map(|s| Value::Number(s.samples_per_s)),
        "state_hash": summary.map(|s| s.state_hash.as_str()),
        "ledger": summary.map(|s| list::numbers(&s.ledger)),
        "attempts": view.info.attempts,
        "checkpoints": view.checkpoints.iter().map(checkpoint).collect::<Vec<_>>(),
        "warnings": all_warnings(record),
    });
    if let (Some(object), serde_json::Value::Object(rest)) = (object.as_object_mut(), rest) {
        object.extend(rest);
    }
    object
}

fn heading(record: &Record, fold: Option<usize>, palette: Palette) -> String {
    let (name, status) = (sanitize(&record.view.info.name), record.view.status.name());
    let reason = why(record);
    let length = format!("{name}  {status}: {reason}").chars().count();
    let (name, status) = (
        palette.paint(Ink::Bold, &name),
        palette.paint((&record.view.status).into(), status),
    );
    match fold {
        _ if reason.is_empty() => format!("{name}  {status}\n"),
        Some(width) if length > width => {
            format!("{name}  {status}\n") + &hung("  why       ", reason, 12, fold)
        }
        _ => format!("{name}  {status}: {}\n", sanitize(reason)),
    }
}

/// Why it ended; empty where it did all its steps or still runs.
fn why(record: &Record) -> &str {
    let summary = record.view.summary.as_ref();
    let why = summary.and_then(|summary| summary.status.why());
    why.unwrap_or_default()
}

/// The weights that it started from, with their commit on the hub.
fn init(info: &RunInfo) -> String {
    let Some(init) = &info.init else {
        return String::new();
    };
    match &init.revision {
        Some(revision) => format!("{} at {revision}", init.from),
        None => format!("{} ({})", init.from, init.blake3),
    }
}

/// Labelled lines.
fn facts(record: &Record, fold: Option<usize>, palette: Palette) -> String {
    let info = &record.view.info;
    let mut facts: Vec<(&str, String)> = vec![
        ("run", info.run.clone()),
        ("path", record.view.path.display().to_string()),
        ("created", moment(&info.created)),
        ("progress", progress(record)),
        ("time", time(record)),
        ("spent on", spent(record)),
        ("lr", record.number("lr").map(short).unwrap_or_default()),
        ("plan", info.plan_hash.clone()),
        ("data", info.data_fingerprint.clone()),
        (
            "samples",
            info.data.as_ref().map(split_sizes).unwrap_or_default(),
        ),
        (
            "classes",
            info.data.as_ref().map(class_counts).unwrap_or_default(),
        ),
        ("init", init(info)),
        ("from", info.parent.clone().unwrap_or_default()),
        ("set", info.overrides.join(", ")),
        ("tags", info.tags.join(", ")),
        ("notes", info.notes.clone().unwrap_or_default()),
        ("no best", no_best(record)),
    ];
    if let Some(last) = info.attempts.last() {
        let nth = match info.attempts.len() {
            1 => String::new(),
            n => format!(", attempt {n} (from step {})", last.from_step),
        };
        facts.push((
            "on",
            format!(
                "{}, {}, {}, {}{nth}",
                last.host,
                last.device,
                counted(last.threads as u64, "thread"),
                last.isa
            ),
        ));
    }
    facts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| {
            let label = palette.paint(Ink::Dim, &format!("{label:<8}")).into_owned();
            hung(&format!("  {label}  "), text, 12, fold)
        })
        .collect()
}

fn progress(record: &Record) -> String {
    let mut text = match record.number("train.epochs") {
        Some(1.0) => format!("{} of 1 epoch", short(record.epoch())),
        Some(whole) => format!("{} of {} epochs", short(record.epoch()), short(whole)),
        None if record.epoch() == 1.0 => "1 epoch".into(),
        None => format!("{} epochs", short(record.epoch())),
    };
    match record.number("train.steps") {
        Some(whole) => {
            text += &format!(", {} of {}", record.step(), counted(whole as u64, "step"));
        }
        None => text += &format!(", {}", counted(record.step(), "step")),
    }
    text
}

/// The reason why the run has no best value, where it has none and that is known.
fn no_best(record: &Record) -> String {
    match record.best() {
        None if !record.metrics().is_empty() => why_no_best(record).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The wall time and the speed.
fn time(record: &Record) -> String {
    let mut text = duration(record.seconds());
    if let Some(summary) = &record.view.summary {
        text += &format!(", {} samples/s", short(summary.samples_per_s.round()));
    }
    text
}

/// Where the time of the last attempt went.
fn spent(record: &Record) -> String {
    let summary = record.view.summary.as_ref();
    summary.map_or(String::new(), |summary| shares(&summary.ledger))
}

fn metrics(record: &Record, fold: Option<usize>, palette: Palette) -> Option<String> {
    let best = record.best();
    let summary = record.view.summary.as_ref();
    let tested = summary.and_then(|summary| summary.test.as_ref());
    let mut table = Table::new([
        ("metric", Align::Left),
        ("last", Align::Right),
        ("best", Align::Right),
        ("", Align::Left),
    ]);
    for (name, value) in record.metrics() {
        let (mut value_of_best, mut place) = (String::new(), String::new());
        if let Some(best) = best.as_ref().filter(|best| best.metric == name) {
            value_of_best = short(best.value);
            place = format!("at step {}", best.step);
            if let Some(checkpoint) = &best.checkpoint {
                place += &format!(", {checkpoint}");
            }
        }
        if let Some(tested) = tested.filter(|_| name.starts_with("test/")) {
            place += tested_state(tested).trim_start();
        }
        table.row([name, short(value), value_of_best, place]);
    }
    fitted(&table, fold, palette)
}

/// The reason why there is no table of metrics.
fn no_metrics(record: &Record, fold: Option<usize>) -> Option<String> {
    let why = why_absent(record, key::TRAIN_LOSS)?;
    Some(hung("no metrics: ", &why, 12, fold))
}

fn checkpoints(record: &Record, fold: Option<usize>, palette: Palette) -> Option<String> {
    let mut table = Table::new([
        ("checkpoint", Align::Left),
        ("step", Align::Right),
        ("size", Align::Right),
        ("", Align::Left),
    ]);
    for checkpoint in &record.view.checkpoints {
        let name = checkpoint
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let best = checkpoint.best().map_or(String::new(), |(metric, value)| {
            format!("best {metric} {}", short(value))
        });
        let cells: [Cell; 4] = [
            name.as_ref().into(),
            checkpoint.step.to_string().into(),
            bytes(checkpoint.bytes).into(),
            Cell::from(best).ink(Ink::Good),
        ];
        table.row(cells);
    }
    fitted(&table, fold, palette)
}

/// What the run said and what could not be read.
fn all_warnings(record: &Record) -> Vec<String> {
    let said = record.view.rows.iter().filter(|row| row.kind == "warning");
    let said = said.map(|row| {
        format!(
            "{} (step {})",
            row.text("message").unwrap_or("(no message)"),
            row.step
        )
    });
    said.chain(record.view.warnings.iter().cloned()).collect()
}

fn warnings(record: &Record, fold: Option<usize>, palette: Palette) -> Option<String> {
    /// Warnings that repeat at every step must not push the rest off the screen.
    const SHOWN: usize = 10;
    let warnings = all_warnings(record);
    let mut text: String = warnings
        .iter()
        .take(SHOWN)
        .map(|warning| {
            let label = palette.paint(Ink::Notice, "warning");
            hung(&format!("{label}: "), warning, 9, fold)
        })
        .collect();
    if warnings.len() > SHOWN {
        text += &format!(
            "  and {} more: trainer logs {} --level warn\n",
            warnings.len() - SHOWN,
            sanitize(&record.view.info.run)
        );
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::sample,
        run::{ClassInfo, DataInfo},
    };

    #[test]
    fn a_completed_run_on_one_screen() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = sample::completed(folder.path(), 2);
        record.view.path = "runs/digits-2".into();
        record.view.warnings = vec!["the last line of metrics.jsonl is torn".into()];
        insta::assert_snapshot!(text(&record, (60, Some(60)), Palette::PLAIN), @r"
        digits  completed
          run       digits-20261122-094002-2f3a9c
          path      runs/digits-2
          created   2026-11-22T09:40:02Z
          progress  10 of 10 epochs, 200 steps
          time      1m 03s, 12346 samples/s
          spent on  data 5.8%, forward 42%, backward 52%, logging
                    0.2%
          lr        0.02
          plan      2b1946ac92492d23
          data      d8e8fca2dc0f896f
          set       optimizer.lr=0.02
          tags      even, paper
          notes     first\u{1b}[31m try
          on        atlas, cpu, 2 threads, x86-64-avx2-fma

        metric          last  best
        train/loss    0.0057
        val/accuracy    0.91  0.92  at step 180,
                                    checkpoints/step-0000000180

        train/loss (log)
           1.262 ┤⠉⠒⠒⠤⠤⣀⡀
                 │      ⠈⠉⠒⠤⢄⣀
                 │            ⠉⠉⠒⠒⠤⢄⣀
                 │                   ⠉⠒⠢⠤⣀⣀
         0.05768 ┤                         ⠉⠉⠒⠢⠤⣀
                 │                               ⠉⠑⠒⠤⠤⣀⣀
                 │                                      ⠉⠑⠒⠤⣀⡀
        0.005701 ┤                                           ⠈⠉⠒⠒⠤⠤⣀
                 └──────────────────────────────────────────────────
                  1                                        10 epochs

        val/loss
         1.362 ┤⠑⡄
               │ ⠈⠢⡀
               │   ⠑⢄
               │    ⠈⠢⣀
        0.6442 ┤       ⠑⠢⣀
               │          ⠑⠢⢄⣀
               │              ⠉⠒⠢⠤⢄⣀⣀⡀
        0.1057 ┤                     ⠈⠉⠉⠑⠒⠒⠢⠤⠤⠤⠤⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
               └────────────────────────────────────────────────────
                1                                          10 epochs

        val/accuracy
        0.9981 ┤                     ⢀⣀⣀⡠⠤⠤⠔⠒⠒⠒⠒⠒⠒⠒⠒⠒⠊⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
               │              ⣀⠤⠔⠒⠊⠉⠉⠁
               │          ⡠⠔⠊⠉
               │       ⡠⠔⠉
        0.7588 ┤    ⢀⠔⠉
               │   ⡠⠊
               │ ⢀⠔⠁
        0.5792 ┤⡠⠃
               └────────────────────────────────────────────────────
                1                                          10 epochs

        lr
          0.0191 ┤⠉⠑⠒⠢⢄⣀⡀
                 │      ⠈⠉⠉⠒⠤⠤⣀⣀
                 │              ⠉⠒⠢⢄⣀⡀
                 │                   ⠈⠉⠉⠒⠤⠤⣀⣀
        0.008185 ┤                           ⠉⠒⠒⠤⠤⢄⡀
                 │                                 ⠈⠉⠒⠤⠤⣀⣀
                 │                                        ⠉⠒⠢⠤⣀⡀
               0 ┤                                             ⠈⠑⠒⠤⣀
                 └──────────────────────────────────────────────────
                  10                                       200 steps

        checkpoint       step      size
        step-0000000100   100  123.5 kB
        step-0000000180   180  123.5 kB  best val/accuracy 0.92

        warning: an update was skipped (step 30)
        warning: the last line of metrics.jsonl is torn
        ");
    }

    #[test]
    fn lines_are_folded_at_the_terminals_width() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = sample::completed(folder.path(), 2);
        record.view.path = "runs/digits-2".into();
        record.view.info.notes = Some("a long note ".repeat(20));
        record.view.warnings = vec!["a long warning ".repeat(20)];
        for width in [60, 80, 120] {
            let shown = text(&record, (width, Some(width)), Palette::PLAIN);
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width), "{width}:\n{shown}");
        }
        let whole = text(&record, (80, None), Palette::PLAIN);
        assert!(whole.contains(&"a long warning ".repeat(20)));
    }

    #[test]
    fn a_run_that_just_began_has_no_empty_sections() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = sample::running(folder.path(), 2);
        record.view.path = "runs/digits-2".into();
        record.view.rows.clear();
        record.view.info.attempts.clear();
        insta::assert_snapshot!(text(&record, (60, Some(60)), Palette::PLAIN), @r"
        digits  running
          run       digits-20261122-094002-2f3a9c
          path      runs/digits-2
          created   2026-11-22T09:40:02Z
          progress  0 of 10 epochs, 0 steps
          time      0ms
          lr        0.02
          plan      2b1946ac92492d23
          data      d8e8fca2dc0f896f
          set       optimizer.lr=0.02
          tags      even, paper
          notes     first\u{1b}[31m try

        no metrics: no step is done yet
        ");
    }

    #[test]
    fn the_classes_of_the_data_stand_below_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = sample::completed(folder.path(), 2);
        let class = |name: &str, train| ClassInfo {
            name: name.into(),
            train,
            val: 4,
            test: 0,
        };
        record.view.info.data = Some(DataInfo {
            train: 37,
            val: 8,
            test: 0,
            classes: vec![class("cat", 30), class("dog\x1b[31m", 7)],
        });
        let shown = text(&record, (60, None), Palette::PLAIN);
        let lines = "  data      d8e8fca2dc0f896f\n  samples   37 train, 8 val samples; no test split\n  \
                     classes   `cat` 30/4, `dog\\u{1b}[31m` 7/4 (train/val)\n";
        assert!(shown.contains(lines), "{shown}");
        assert_eq!(object(&record)["data"]["classes"][1]["train"], 7);
    }

    #[test]
    fn programs_get_everything() {
        let folder = tempfile::tempdir().unwrap();
        let object = object(&sample::completed(folder.path(), 2));
        assert_eq!(object["status"], "completed");
        assert_eq!(object["best"]["checkpoint"], "checkpoints/step-0000000180");
        assert_eq!(object["checkpoints"][1]["reasons"][0]["kind"], "best");
        assert_eq!(object["ledger"]["backward"], 31.5);
        assert_eq!(object["warnings"][0], "an update was skipped (step 30)");
    }
}
