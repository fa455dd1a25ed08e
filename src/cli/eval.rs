//! `trainer eval`.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{CliError, Global, Output, PlanFlags, run::Format};
use crate::{
    launch::{self, Which},
    report::{Align, Table, classes_text, confusion_object, exact},
    run::Store,
    train::Split,
};

/// Measure a trained model on one of its splits
#[derive(Debug, Args)]
pub struct Eval {
    /// An id, its shortest unique prefix, a name, a path, or `last`
    run: String,
    /// Samples to measure
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    split: SplitName,
    /// State to use: `last`, `best`, or a step
    #[arg(long, default_value = "last", value_parser = which)]
    checkpoint: Which,
    /// Device: auto, cpu, cuda, cuda:N, metal
    #[arg(long)]
    device: Option<String>,
    /// Place of the run's data now: `--set dataset.path=PATH`; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Also print precision, recall and F1 of each class, and the confusion matrix
    #[arg(long)]
    per_class: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum SplitName {
    /// The training samples
    Train,
    /// The validation samples
    Val,
    /// The test samples
    Test,
}

fn which(text: &str) -> Result<Which, String> {
    match text {
        "last" => Ok(Which::Last),
        "best" => Ok(Which::Best),
        step => step
            .parse()
            .map(Which::Step)
            .map_err(|_| "takes `last`, `best` or a step".into()),
    }
}

impl Eval {
    /// Prints loss and metrics.
    ///
    /// # Errors
    /// A run without such a checkpoint or split.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let path = Store::new(&global.runs).find(&self.run)?;
        let stop = launch::connect().map_err(CliError::Signals)?;
        let split = match self.split {
            SplitName::Train => Split::Train,
            SplitName::Val => Split::Val,
            SplitName::Test => Split::Test,
        };
        let flags = PlanFlags {
            set: self.set.clone(),
            device: self.device.clone(),
            ..PlanFlags::default()
        };
        let found = launch::evaluate(
            &path,
            self.checkpoint,
            split,
            &flags.overrides(),
            &global.extensions,
            &stop,
        )?;
        let Some(found) = found else {
            let signal = stop.raised().and_then(|signal| u8::try_from(signal).ok());
            return Err(CliError::Signal(signal.unwrap_or(u8::MAX)));
        };
        match self.format {
            Format::Json => {
                let metrics: serde_json::Map<_, _> = found
                    .metrics
                    .iter()
                    .map(|(name, value)| {
                        let value = match value.is_finite() {
                            true => json!(value),
                            false => json!(exact(*value)),
                        };
                        (name.clone(), value)
                    })
                    .collect();
                let mut object = json!({ "step": found.step, "metrics": metrics });
                if let Some(confusion) = &found.confusion {
                    object["confusion"] = confusion_object(confusion);
                }
                out.write(&format!("{object}\n"))
            }
            Format::Text => {
                let mut table = Table::new([("metric", Align::Left), ("value", Align::Right)]);
                for (name, value) in &found.metrics {
                    table.row([name.clone(), exact(*value)]);
                }
                out.write(&table.render(out.palette()))?;
                match (&found.confusion, self.per_class) {
                    (_, false) => Ok(()),
                    (Some(confusion), true) => {
                        let text = classes_text(confusion, false, out.width(), out.palette());
                        out.write(&format!("\n{text}"))
                    }
                    (None, true) => {
                        out.note("note: there are no classes of whole samples");
                        Ok(())
                    }
                }
            }
        }
    }
}
