//! `--require`: what must hold of a result, so that a script learns it from the exit code.

use std::{collections::BTreeSet, path::Path};

use clap::Args;

use super::CliError;
use crate::{
    config::Plan,
    event::key,
    report::{self, Field, Filter, Record},
    run::{Reader, Summary},
};

/// The flag.
#[derive(Debug, Clone, Default, Args)]
pub struct Require {
    /// Fail with exit code 6 unless this holds, such as 'test/accuracy >= 0.97'; repeatable. The
    /// language is that of `ls --where`
    #[arg(long, value_name = "CONDITION")]
    require: Vec<String>,
}

/// The conditions, read.
pub struct Conditions(Vec<(String, Filter)>);

impl Require {
    /// Reads the conditions.
    ///
    /// # Errors
    /// Where one is no condition.
    pub fn conditions(&self) -> Result<Conditions, CliError> {
        let read = |text: &String| Ok((text.clone(), Filter::parse(text)?));
        self.require
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Conditions)
    }
}

impl Conditions {
    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that they ask for.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|(_, filter)| filter.keys())
    }

    /// Refuses a key that a run of this plan will not have, before anything is computed.
    ///
    /// # Errors
    /// The first such key, with the one that was probably meant.
    pub fn check(&self, plan: &Plan) -> Result<(), CliError> {
        if let Some(fault) = self.keys().find_map(|key| no_split(plan, key)) {
            return Err(CliError::Usage(fault));
        }
        let known = report::keys_of(&plan.to_toml(), metrics(plan));
        self.check_among(&known)
    }

    /// Refuses a key that is not `known`.
    ///
    /// # Errors
    /// The first such key, with the one that was probably meant.
    pub fn check_among(&self, known: &BTreeSet<String>) -> Result<(), CliError> {
        for key in self.keys() {
            report::known_key(known, key)?;
        }
        Ok(())
    }

    /// Requires that all hold of a run, given the values of a key.
    ///
    /// # Errors
    /// [`CliError::Unmet`] with the first that does not hold for `who`.
    pub fn hold(
        &self,
        who: &str,
        run: &Record,
        values: &impl Fn(&str) -> Vec<Field>,
    ) -> Result<(), CliError> {
        match self.0.iter().find(|(_, filter)| !filter.holds(values)) {
            None => Ok(()),
            Some((text, filter)) => {
                let keys = filter.keys();
                let found: Vec<String> = keys.iter().map(|key| found(key, run, values)).collect();
                let found = found.join(", ");
                Err(CliError::Unmet(format!(
                    "`{text}` does not hold for {who}: {found}"
                )))
            }
        }
    }

    /// Requires that all hold for the run that ended in `summary`.
    ///
    /// # Errors
    /// The first that does not hold, and a run that cannot be read.
    pub fn hold_for(&self, summary: &Summary) -> Result<(), CliError> {
        if self.is_empty() {
            return Ok(());
        }
        let record = Record::new(Reader::glance(Path::new(&summary.path))?);
        self.hold(&summary.run, &record, &|key| record.values(key))
    }

    /// Requires that all hold for each of the runs.
    ///
    /// # Errors
    /// [`CliError::Unmet`] with every run for which one does not hold, and where there is no run.
    pub fn hold_for_all(&self, runs: &[Record]) -> Result<(), CliError> {
        if runs.is_empty() && !self.is_empty() {
            return Err(CliError::Unmet(
                "there is no run to meet the requirement".into(),
            ));
        }
        let unmet: Vec<String> = runs
            .iter()
            .filter_map(|run| {
                self.hold(&run.view.info.run, run, &|key| run.values(key))
                    .err()
            })
            .map(|error| error.to_string())
            .collect();
        match unmet.as_slice() {
            [] => Ok(()),
            lines => Err(CliError::Unmet(lines.join("\n"))),
        }
    }
}

/// `val/accuracy is 0.93`, or the reason why there is no such number.
fn found(key: &str, run: &Record, values: &impl Fn(&str) -> Vec<Field>) -> String {
    let values: Vec<String> = values(key).iter().map(Field::to_string).collect();
    match (values.as_slice(), report::why_absent(run, key)) {
        ([], Some(why)) => format!("it has no {key}: {why}"),
        ([], None) => format!("it has no {key}"),
        (values, _) => format!("{key} is {}", values.join(", ")),
    }
}

/// The fault of a key whose split the plan leaves empty.
fn no_split(plan: &Plan, key: &str) -> Option<String> {
    let (split, word, samples) = match key.split_once('/')?.0 {
        "val" => ("val", "validation", plan.facts.val),
        "test" => ("test", "test", plan.facts.test),
        _ => return None,
    };
    (samples == 0).then(|| {
        format!(
            "`{key}` will not be measured: the run has no {word} split; hint: give it one with \
             `dataset.split.{split}`"
        )
    })
}

/// The metrics that a run of this plan will have.
fn metrics(plan: &Plan) -> Vec<String> {
    let mut all = vec![key::TRAIN_LOSS.to_string()];
    for (split, samples) in [("val", plan.facts.val), ("test", plan.facts.test)] {
        if samples > 0 {
            all.push(format!("{split}/loss"));
            let own = plan.metrics.iter().map(|(name, _)| name);
            all.extend(own.map(|name| format!("{split}/{name}")));
        }
    }
    all
}
