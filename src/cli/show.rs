//! `trainer show`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{
    CliError, Global, Output,
    schedule::{Ground, size},
    with_name,
};
use crate::{
    event::Confusion,
    report::{
        self, Ink, Record,
        plot::{Style, Theme, matrix, png},
    },
    run::{Confusions, Evaluated, Reader, Store},
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
    /// Show only the classes: precision, recall and F1 of each, and the whole confusion matrix
    #[arg(long)]
    confusion: bool,
    /// Split of the matrix. Default: test where it was evaluated, else val
    #[arg(long, value_enum, requires = "confusion")]
    split: Option<SplitName>,
    /// Evaluation of the matrix. Default last
    #[arg(long, value_enum, requires = "confusion")]
    of: Option<Of>,
    /// Draw the confusion matrix into a file, which ends in .svg or .png
    #[arg(short, long, value_name = "FILE", requires = "confusion")]
    output: Option<PathBuf>,
    /// Size of the picture in pixels of 1/96 inch; PNG has three of its own for each. Default 640x640
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size, requires = "output")]
    size: Option<(u32, u32)>,
    /// Colours of the picture: light for print, dark for slides. Default light
    #[arg(long, value_enum, requires = "output")]
    theme: Option<Ground>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The validation split
    Val,
    /// The test split
    Test,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// The newest one
    Last,
    /// The one of the best checkpoint
    Best,
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
        let confusions = Confusions::read(&path)?;
        if self.confusion {
            return self.show_classes(&path, confusions.as_ref(), out);
        }
        let record = Record::new(Reader::open(&path)?);
        match self.format {
            Format::Text => {
                let widths = (out.width(), out.fold());
                let text = report::run_text(&record, widths, out.palette());
                out.lines(&with_name(&text))?;
                match confusions.as_ref().and_then(|all| self.chosen(all)) {
                    Some((title, confusion)) => classes(&title, &confusion, false, out),
                    None => Ok(()),
                }
            }
            Format::Json => {
                let mut object = report::run_object(&record);
                object["confusion"] = confusions.as_ref().map_or(Value::Null, all_of);
                out.json(&object)
            }
        }
    }

    /// Prints or draws what became of the classes.
    fn show_classes(
        &self,
        path: &Path,
        confusions: Option<&Confusions>,
        out: &mut Output<'_>,
    ) -> Result<(), CliError> {
        let Some((title, confusion)) = confusions.and_then(|all| self.chosen(all)) else {
            return Err(CliError::Usage(self.none(path, confusions)));
        };
        let Some(output) = &self.output else {
            return match (self.format, confusions) {
                (Format::Json, Some(all)) => out.json(&all_of(all)),
                _ => classes(&title, &confusion, true, out),
            };
        };
        let (width, height) = self.size.unwrap_or((640, 640));
        let theme = self.theme.map_or(Theme::Light, Ground::theme);
        let style = Style {
            width,
            height,
            theme,
        };
        let svg = matrix(&confusion, &title, style);
        let bytes = match output.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => svg.into_bytes(),
            Some("png") => png(&svg).map_err(|error| CliError::Usage(error.to_string()))?,
            _ => {
                let message = format!(
                    "`{}` is no picture's name; hint: it ends in .svg or .png",
                    output.display()
                );
                return Err(CliError::Usage(message));
            }
        };
        std::fs::write(output, bytes).map_err(|source| CliError::Write {
            path: output.clone(),
            source,
        })
    }

    /// The matrix that is asked for, with a title.
    fn chosen(&self, all: &Confusions) -> Option<(String, Confusion)> {
        let of = match self.of {
            Some(Of::Best) => "best",
            Some(Of::Last) | None => "last",
        };
        let splits: &[&str] = match (self.split, self.of) {
            (Some(SplitName::Val), _) | (None, Some(Of::Best)) => &["val"],
            (Some(SplitName::Test), _) => &["test"],
            (None, _) => &["test", "val"],
        };
        let found = splits.iter().find_map(|split| all.find(split, of))?;
        let best = if of == "best" { ", the best" } else { "" };
        let title = format!("{}, step {}{best}", found.split, found.step);
        let confusion = Confusion {
            classes: all.classes.clone(),
            counts: found.counts.clone(),
        };
        Some((title, confusion))
    }

    /// Returns the reason why there is no matrix to show.
    fn none(&self, path: &Path, all: Option<&Confusions>) -> String {
        let run = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(all) = all else {
            return format!(
                "run `{run}` has no confusion matrix; hint: a classification of whole samples \
                 has one from its first checkpoint after an evaluation"
            );
        };
        let there: Vec<String> = all
            .evaluations
            .iter()
            .map(|found| format!("--split {} --of {}", found.split, found.of))
            .collect();
        format!(
            "run `{run}` has no such matrix; hint: it has {}",
            there.join(", ")
        )
    }
}

/// Scores and matrix under a title.
fn classes(
    title: &str,
    confusion: &Confusion,
    all: bool,
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let (width, palette) = (out.width(), out.palette());
    let title = format!("classes of {title}");
    let title = palette.paint(Ink::Bold, &title);
    let text = report::classes_text(confusion, all, width, palette);
    let gap = if all { "" } else { "\n" };
    out.lines(&format!("{gap}{title}\n{text}"))
}

/// Every matrix as an object.
fn all_of(all: &Confusions) -> Value {
    let one = |found: &Evaluated| {
        let confusion = Confusion {
            classes: all.classes.clone(),
            counts: found.counts.clone(),
        };
        let mut object = report::confusion_object(&confusion);
        object["split"] = found.split.as_str().into();
        object["of"] = found.of.as_str().into();
        object["step"] = found.step.into();
        object
    };
    Value::Array(all.evaluations.iter().map(one).collect())
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
