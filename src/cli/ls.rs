//! `trainer ls`.

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output, require::Require};
use crate::{
    report::{self, Filter, Record},
    run::{Store, Survey},
};

/// List the runs, newest first
///
/// Exit code 6 where no run matches --where, or a run that is listed does not meet --require.
///
/// A KEY is one of id, name, status, path, created, tag, notes, step, epoch, time, samples_per_s,
/// attempts, device, plan_hash, parent, best, best_metric, best_step; a metric such as val/accuracy
/// (its last value); or any key of the plan, such as optimizer.lr or schedule.1.power. The column
/// differs shows the keys in which the plans of runs of one name differ.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    trainer ls --where 'optimizer.lr > 0.01 and status = completed'\n  \
    trainer ls --sort -val/accuracy --columns id,optimizer.lr,val/accuracy\n  \
    trainer ls --tag paper --format json")]
pub struct Ls {
    /// Only runs for which this holds: and, or, not, ( ), =, !=, <, <=, >, >=
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    #[command(flatten)]
    require: Require,
    /// Only runs with this tag; several times: with all of them
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Order by a key, smallest first; -KEY: largest first
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// The columns, separated by commas
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, numbers shortened
    Text,
    /// A header and a line each, numbers in full
    Csv,
    /// An array of objects, numbers in full
    Json,
}

impl Ls {
    /// Prints the runs that are wanted.
    ///
    /// # Errors
    /// Where the folder cannot be read, or no run has a key that is asked for.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let store = Store::new(&global.runs);
        let Survey { runs, damaged } = store.survey()?;
        for (path, error) in &damaged {
            let path = path.display();
            out.warn(&format!("the run in `{path}` is left out: {error}"));
        }
        for (run, fault) in runs
            .iter()
            .flat_map(|run| run.damage().map(move |f| (run, f)))
        {
            out.warn(&format!("run `{}` is damaged: {fault}", run.info.run));
        }
        let mut records: Vec<Record> = runs.into_iter().map(Record::new).collect();
        if records.is_empty() && damaged.is_empty() {
            out.note(&format!(
                "no runs in {}; trainer run CONFIG makes one",
                global.runs.display()
            ));
        }
        let filter = self.filter.as_deref().map(Filter::parse).transpose()?;
        let required = self.require.conditions()?;
        self.require_keys(filter.as_ref(), required.keys(), &records)?;
        records.retain(|record| self.wants(filter.as_ref(), record));
        if let Some(key) = &self.sort {
            report::sort(&mut records, key);
        }
        self.print(&records, out)?;
        match &self.filter {
            Some(filter) if records.is_empty() => {
                Err(CliError::Unmet(format!("no run matches `{filter}`")))
            }
            _ => required.hold_for_all(&records),
        }
    }

    fn require_keys<'a>(
        &'a self,
        filter: Option<&'a Filter>,
        required: impl Iterator<Item = &'a str>,
        records: &[Record],
    ) -> Result<(), CliError> {
        let filtered = filter.into_iter().flat_map(Filter::keys).chain(required);
        let sorted = self.sort.iter().map(|key| report::sort_key(key).0);
        let shown = self.columns.iter().flatten().map(String::as_str);
        let shown = shown.filter(|key| *key != "differs");
        for key in filtered.chain(sorted).chain(shown) {
            report::require_key(records, key)?;
        }
        Ok(())
    }

    fn wants(&self, filter: Option<&Filter>, record: &Record) -> bool {
        let tagged = self
            .tag
            .iter()
            .all(|tag| record.view.info.tags.contains(tag));
        tagged && filter.is_none_or(|filter| filter.holds(&|key| record.values(key)))
    }

    fn print(&self, records: &[Record], out: &mut Output<'_>) -> Result<(), CliError> {
        let columns = self.columns.as_deref();
        match self.format {
            Format::Text if records.is_empty() => Ok(()),
            Format::Text => {
                let text = report::list_text(records, columns, out.fold(), out.palette());
                out.lines(&text)
            }
            Format::Csv => out.csv(report::list_rows(records, columns)),
            Format::Json => out.json(&report::list_objects(records, columns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Exit, sample};

    #[test]
    fn runs_are_found_by_plan_status_and_tag() {
        let folder = tempfile::tempdir().unwrap();
        sample::completed(folder.path(), 0.01);
        sample::completed(folder.path(), 0.1);
        let _running = sample::running(folder.path(), 0.2);
        let lrs = |args: &[&str]| {
            let line = [
                &["ls", "--columns", "optimizer.lr", "--format", "csv"],
                args,
            ]
            .concat();
            let (shown, result) = sample::trainer(folder.path(), &line);
            result.map(|()| {
                shown
                    .split_whitespace()
                    .skip(1)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        };
        assert_eq!(lrs(&[]).unwrap(), "0.2 0.1 0.01");
        assert_eq!(
            lrs(&["--where", "optimizer.lr > 0.01 and status = completed"]).unwrap(),
            "0.1"
        );
        assert_eq!(lrs(&["--where", "status = running"]).unwrap(), "0.2");
        assert_eq!(lrs(&["--sort", "lr"]).unwrap(), "0.01 0.1 0.2");
        assert_eq!(
            lrs(&["--sort", "-lr", "--tag", "paper"]).unwrap(),
            "0.2 0.1 0.01"
        );
        assert_eq!(lrs(&["--tag", "other"]).unwrap(), "");
        let none = ["--where", "lr > 1"];
        assert_eq!(lrs(&none).unwrap_err().exit(), Exit::Differs);
        lrs(&["--require", "val/accuracy >= 0.9"]).unwrap();
        let unmet = lrs(&["--require", "lr < 0.05", "--require", "step = 40"]).unwrap_err();
        assert_eq!(unmet.exit(), Exit::Differs);
        let said = unmet.to_string();
        assert!(
            said.contains("`lr < 0.05` does not hold for digits-") && said.contains("lr is 0.2"),
            "{said}"
        );
        let none = ["--tag", "other", "--require", "lr < 0.05"];
        assert_eq!(lrs(&none).unwrap_err().exit(), Exit::Differs);
        for wrong in [
            ["--require", "lr >"],
            ["--require", "val/acuracy > 1"],
            ["--where", "lr >"],
            ["--where", "optimizer.rl > 1"],
            ["--sort", "-acuracy"],
        ] {
            assert_eq!(lrs(&wrong).unwrap_err().exit(), Exit::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn json_holds_what_was_not_finite() {
        let folder = tempfile::tempdir().unwrap();
        sample::completed(folder.path(), 0.01);
        let (shown, result) = sample::trainer(folder.path(), &["ls", "--format", "json"]);
        result.unwrap();
        let runs: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(runs[0]["metrics"]["val/loss"], "NaN");
        assert_eq!(runs[0]["best"]["checkpoint"], "checkpoints/step-0000000040");
        let path = std::path::Path::new(runs[0]["path"].as_str().unwrap());
        assert!(path.is_absolute() && path.join("run.json").is_file());
    }

    #[test]
    fn a_damaged_run_does_not_hide_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let broken = sample::completed(folder.path(), 0.01);
        sample::completed(folder.path(), 0.1);
        std::fs::write(broken.join("run.json"), "{").unwrap();
        let (shown, result) =
            sample::trainer(folder.path(), &["ls", "--columns", "lr", "--format", "csv"]);
        result.unwrap();
        assert_eq!(shown, "lr\n0.1\n");
        let damaged = crate::run::Store::new(folder.path())
            .survey()
            .unwrap()
            .damaged;
        assert_eq!(damaged.len(), 1);
        assert!(
            damaged[0].1.to_string().contains("is damaged"),
            "{}",
            damaged[0].1
        );
    }

    #[test]
    fn no_runs_are_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("runs");
        for (format, expected) in [("text", ""), ("json", "[]\n")] {
            let (shown, result) = sample::trainer(&missing, &["ls", "--format", format]);
            result.unwrap();
            assert_eq!(shown, expected);
        }
    }
}
