//! `trainer metrics`.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{CliError, Global, Output};
use crate::{
    report::{By, Point, Series, exact},
    run::{Reader, RunView, Store, Value},
};

/// Print the numbers of runs, in full: one column a key, one row a step or epoch
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    trainer metrics last --keys lr,val/loss > curve.csv\n  \
    trainer metrics a b --by step --keys train/loss --format json")]
pub struct Metrics {
    /// Ids or their beginnings, names, paths, or `last`
    #[arg(required = true, value_name = "RUN")]
    runs_wanted: Vec<String>,
    /// The columns, separated by commas [default: every number]
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    keys: Vec<String>,
    /// What a row is [default: epoch, or step where a key is only recorded so]
    #[arg(long, value_enum)]
    by: Option<Rows>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// A logged update or an evaluation
    Step,
    /// An epoch
    Epoch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A header and one line a row; what was not recorded is empty
    Csv,
    /// An array of objects; what was not recorded is null
    Json,
}

impl Metrics {
    /// Prints the numbers.
    ///
    /// # Errors
    /// Where a run cannot be read or a key was not recorded.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let store = Store::new(&global.runs);
        let mut runs: Vec<RunView> = Vec::with_capacity(self.runs_wanted.len());
        for wanted in &self.runs_wanted {
            runs.push(Reader::open(&store.find(wanted)?)?);
        }
        for warning in runs.iter().flat_map(|run| &run.warnings) {
            out.warn(warning);
        }
        let by = self.by.map(|rows| match rows {
            Rows::Step => By::Step,
            Rows::Epoch => By::Epoch,
        });
        let series = Series::new(&runs, &self.keys, by)?;
        let several = runs.len() > 1;
        match self.format {
            Format::Csv => out.csv(
                std::iter::once(header(&series, several))
                    .chain(series.points.iter().map(|point| line(point, several))),
            ),
            Format::Json => {
                let objects: Vec<_> = series
                    .points
                    .iter()
                    .map(|point| object(&series, point, several))
                    .collect();
                out.json(&json!(objects))
            }
        }
    }
}

fn header(series: &Series, several: bool) -> Vec<String> {
    let run = several.then_some("run");
    run.into_iter()
        .chain(["step", "epoch"])
        .map(String::from)
        .chain(series.keys.iter().cloned())
        .collect()
}

fn line(point: &Point, several: bool) -> Vec<String> {
    let run = several.then(|| point.run.clone());
    let values = point.values.iter().map(|value| match value {
        Some(Value::Number(number)) => exact(*number),
        Some(Value::Text(text)) => text.clone(),
        None => String::new(),
    });
    run.into_iter()
        .chain([point.step.to_string(), exact(point.epoch)])
        .chain(values)
        .collect()
}

fn object(series: &Series, point: &Point, several: bool) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    if several {
        object.insert("run".into(), json!(point.run));
    }
    object.insert("step".into(), json!(point.step));
    object.insert("epoch".into(), json!(Value::Number(point.epoch)));
    let values = series.keys.iter().zip(&point.values);
    object.extend(values.map(|(key, value)| (key.clone(), json!(value))));
    object.into()
}
