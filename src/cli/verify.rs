//! `trainer verify`.

use clap::Args;

use super::{CliError, Global, Output, exit, run::Format};
use crate::units::counted;
use crate::{
    launch,
    report::{Align, Cell, Ink, Table, bytes, sanitize},
    run::{self, CheckpointVerdict, Store, Verification},
};

/// Check every byte of a run: its checkpoints, its log, its summary, its config and plan
///
/// Each is compared with a digest that was kept of it. Exit code 4 where something was changed or
/// damaged.
#[derive(Debug, Args)]
pub struct Verify {
    /// An id or its beginning, a name (the newest of it), a path, or `last`
    run: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Verify {
    /// Prints what was found.
    ///
    /// # Errors
    /// Where the run cannot be found, or something in it is damaged.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let found = launch::verify(&Store::new(&global.runs).find(&self.run)?)?;
        if self.format == Format::Json {
            let mut object = serde_json::json!({ "ok": found.is_valid() });
            object["run"] = found.run.as_str().into();
            object["rows"] = found.rows.into();
            object["files"] = found.files.into();
            object["checkpoints"] = serde_json::json!(found.checkpoints);
            let faults = found.faults.iter().map(|why| exit::fault(why, None));
            object["faults"] = faults.collect();
            object["notes"] = serde_json::json!(found.notes);
            out.json(&object)?;
            return verdict_of(found);
        }
        out.table(&table(&found))?;
        for fault in &found.faults {
            let line = format!(
                "{}: {}\n",
                out.palette().paint(Ink::Bad, "damaged"),
                sanitize(fault)
            );
            out.lines(&line)?;
        }
        for note in &found.notes {
            out.lines(&format!("note: {}\n", sanitize(note)))?;
        }
        verdict_of(found)
    }
}

fn verdict_of(found: Verification) -> Result<(), CliError> {
    if found.is_valid() {
        Ok(())
    } else {
        Err(CliError::Damaged(found.run))
    }
}

/// One line a checkpoint, and one for the log.
fn table(found: &Verification) -> Table {
    let mut table = Table::new([
        ("part", Align::Left),
        ("size", Align::Right),
        ("", Align::Left),
    ]);
    for checkpoint in &found.checkpoints {
        let name = checkpoint
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        table.row([
            Cell::from(name.as_ref()),
            size(checkpoint).into(),
            verdict(checkpoint.fault.as_deref()),
        ]);
    }
    let log = if found.faults.is_empty() {
        None
    } else {
        Some("see below")
    };
    table.row([
        run::METRICS.into(),
        counted(found.rows as u64, "row").into(),
        verdict(log),
    ]);
    if found.files > 0 {
        let files = counted(found.files as u64, "file");
        table.row(["the rest".into(), files.into(), verdict(log)]);
    }
    table
}

fn size(checkpoint: &CheckpointVerdict) -> String {
    match checkpoint.fault {
        Some(_) => String::new(),
        None => bytes(checkpoint.bytes),
    }
}

fn verdict(fault: Option<&str>) -> Cell {
    match fault {
        None => Cell::from("ok").ink(Ink::Good),
        Some(fault) => Cell::from(format!("damaged: {fault}")).ink(Ink::Bad),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::sample;

    #[test]
    fn a_whole_run_is_ok_and_a_flipped_bit_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = sample::completed(folder.path(), 0.1);
        let (shown, result) = sample::trainer(folder.path(), &["verify", "last"]);
        insta::assert_snapshot!(shown, @"
        part                size
        step-0000000020    154 B  ok
        step-0000000040    154 B  ok
        metrics.jsonl    11 rows  ok
        the rest         3 files  ok
        ");
        result.unwrap();

        let weights = path.join("checkpoints/step-0000000040/model.safetensors");
        let mut bytes = std::fs::read(&weights).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&weights, bytes).unwrap();
        let (shown, result) = sample::trainer(folder.path(), &["verify", "digits"]);
        assert!(
            shown.contains("step-0000000040           damaged: "),
            "{shown}"
        );
        assert_eq!(result.unwrap_err().exit(), crate::cli::Exit::Data);

        let (shown, result) =
            sample::trainer(folder.path(), &["verify", "last", "--format", "json"]);
        assert_eq!(result.unwrap_err().exit(), crate::cli::Exit::Data);
        let found: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((&found["ok"], &found["rows"]), (&false.into(), &11.into()));
        assert!(found["checkpoints"][1]["fault"].is_string(), "{found}");
        assert!(found["checkpoints"][0]["fault"].is_null(), "{found}");
    }
}
