//! `trainer eval`.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{CliError, Global, Output, PlanFlags, require::Require, run::Format};
use crate::{
    launch::{self, Evaluation, Which},
    number::Number,
    report::{Align, Field, Record, Table, classes_text, confusion_object, exact},
    run::{Reader, Store},
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
    #[command(flatten)]
    require: Require,
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
        let record = Record::new(Reader::glance(&path)?);
        let required = self.require.conditions()?;
        required.check_among(&self.known(&record))?;
        let stop = launch::connect().map_err(CliError::Signals)?;
        let split = self.split();
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
        found.notes.iter().for_each(|note| out.warn(note));
        if let Some((was, now)) = &found.other_program {
            out.note(&format!(
                "note: another program trained this run: {was}; this is {now}"
            ));
        }
        self.show(&record, &found, out)?;
        let who = format!("{} at step {}", record.view.info.run, found.step);
        required.hold(&who, &record, &|key| match found.metrics.get(key) {
            Some(value) => vec![Field::Number(*value)],
            None => record.values(key),
        })
    }

    /// Prints what was measured.
    fn show(
        &self,
        record: &Record,
        found: &Evaluation,
        out: &mut Output<'_>,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Json => {
                let metrics = found.metrics.iter();
                let metrics: BTreeMap<_, _> = metrics.map(|(k, v)| (k, Number(*v))).collect();
                let mut object = json!({
                    "run": record.view.info.run,
                    "split": self.split().name(),
                    "step": found.step,
                    "metrics": metrics,
                    "same_program": found.other_program.is_none(),
                });
                if let Some(confusion) = &found.confusion {
                    object["confusion"] = confusion_object(confusion);
                }
                out.json(&object)
            }
            Format::Text => {
                let mut table = Table::new([("metric", Align::Left), ("value", Align::Right)]);
                for (name, value) in &found.metrics {
                    table.row([name.clone(), exact(*value)]);
                }
                out.table(&table)?;
                match (&found.confusion, self.per_class) {
                    (_, false) => {}
                    (Some(confusion), true) => {
                        let text = classes_text(confusion, false, out.width(), out.palette());
                        out.write(&format!("\n{text}"))?;
                    }
                    (None, true) => out.note("note: there are no classes of whole samples"),
                }
                Ok(())
            }
        }
    }

    fn split(&self) -> Split {
        match self.split {
            SplitName::Train => Split::Train,
            SplitName::Val => Split::Val,
            SplitName::Test => Split::Test,
        }
    }

    /// The keys that a requirement can ask for: those of the run, and what is measured.
    fn known(&self, record: &Record) -> BTreeSet<String> {
        let split = self.split().name();
        let named = record.values("metrics");
        let named = named.iter().map(|name| format!("{split}/{name}"));
        let measured = named.chain([format!("{split}/loss")]);
        record.keys().into_iter().chain(measured).collect()
    }
}
