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
    /// Meaning of a row [default: epoch; step where a key is recorded only by step]
    #[arg(long, value_enum)]
    by: Option<Rows>,
    /// Output format
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
        let series = Series::new(&runs, &self.keys, by);
        let series = series.map_err(|error| error.explained(&runs))?;
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

#[cfg(test)]
mod tests {
    use crate::cli::{Exit, sample};

    #[test]
    fn csv_has_a_column_a_key_and_a_row_an_epoch() {
        let folder = tempfile::tempdir().unwrap();
        sample::completed(folder.path(), 0.1);
        let (shown, result) = sample::trainer(
            folder.path(),
            &["metrics", "last", "--keys", "lr,train/loss,val/loss"],
        );
        result.unwrap();
        insta::assert_snapshot!(shown, @"
        step,epoch,lr,train/loss,val/loss
        20,1,0.1,0.05,0.15000000000000002
        40,2,0.1,0.025,NaN
        ");
        let (shown, _) = sample::trainer(
            folder.path(),
            &[
                "metrics",
                "last",
                "--by",
                "step",
                "--keys",
                "grad_norm,val/accuracy",
            ],
        );
        insta::assert_snapshot!(shown, @"
        step,epoch,grad_norm,val/accuracy
        10,0.5,0.5,
        20,1,0.5,0.7
        30,1.5,0.5,
        40,2,0.5,0.9
        ");
    }

    #[test]
    fn several_runs_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [0.1, 0.2].map(|lr| sample::completed(folder.path(), lr));
        let ids = paths
            .each_ref()
            .map(|path| path.file_name().unwrap().to_str().unwrap());
        let (shown, result) =
            sample::trainer(folder.path(), &["metrics", ids[0], ids[1], "--keys", "lr"]);
        result.unwrap();
        assert_eq!(
            shown,
            format!(
                "run,step,epoch,lr\n{0},20,1,0.1\n{0},40,2,0.1\n{1},20,1,0.2\n{1},40,2,0.2\n",
                ids[0], ids[1]
            )
        );
    }

    #[test]
    fn json_keeps_what_was_not_recorded_and_what_was_not_finite() {
        let folder = tempfile::tempdir().unwrap();
        sample::completed(folder.path(), 0.1);
        let line = [
            "metrics", "last", "--by", "step", "--keys", "val/loss", "--keys", "lr", "--format",
            "json",
        ];
        let (shown, result) = sample::trainer(folder.path(), &line);
        result.unwrap();
        let rows: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(
            rows[0],
            serde_json::json!({"step": 10, "epoch": 0.5, "val/loss": null, "lr": 0.1})
        );
        assert_eq!(rows[3]["val/loss"], "NaN");
        let (_, result) = sample::trainer(folder.path(), &["metrics", "last", "--keys", "val/los"]);
        let error = result.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(
            error
                .to_string()
                .ends_with("hint: did you mean `val/loss`?"),
            "{error}"
        );
    }
}
