//! `trainer show`.

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output, with_name};
use crate::{
    report::{self, Record},
    run::{Reader, Store},
};

/// Show one run: how far it came, its best, its curves, checkpoints and warnings
#[derive(Debug, Args)]
pub struct Show {
    /// An id or its beginning, a name (the newest of it), a path, or `last`
    #[arg(default_value = "last")]
    run: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with curves
    Text,
    /// An object
    Json,
}

impl Show {
    /// Prints the run.
    ///
    /// # Errors
    /// Where it cannot be found or read.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let path = Store::new(&global.runs).find(&self.run)?;
        let record = Record::new(Reader::open(&path)?);
        match self.format {
            Format::Text => {
                let widths = (out.width(), out.fold());
                let text = report::run_text(&record, widths, out.palette());
                out.write(&with_name(&text))
            }
            Format::Json => out.json(&report::run_object(&record)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Exit, sample};

    #[test]
    fn a_run_is_found_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = sample::completed(folder.path(), 0.1);
        let (shown, result) = sample::trainer(folder.path(), &["show", "digits"]);
        result.unwrap();
        for part in [
            "digits  completed",
            "2 of 2 epochs, 40 steps",
            "train/loss\n",
            "best val/accuracy 0.9",
        ] {
            assert!(shown.contains(part), "{part} is missing in:\n{shown}");
        }
        assert!(
            shown.contains("warning: the \\u{1b}[1mlast (step 40)"),
            "{shown}"
        );
        let (shown, result) = sample::trainer(folder.path(), &["show", "--format", "json"]);
        result.unwrap();
        let run: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(run["id"], path.file_name().unwrap().to_str().unwrap());
        assert_eq!(run["checkpoints"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn an_unknown_run_is_a_wrong_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let exit = |run: &str| {
            sample::trainer(folder.path(), &["show", run])
                .1
                .unwrap_err()
                .exit()
        };
        assert_eq!(exit("last"), Exit::Usage);
        sample::completed(folder.path(), 0.1);
        assert_eq!(exit("digit5"), Exit::Usage);
    }
}
