//! `trainer list`.

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output};
use crate::{
    config::{about, metrics, sections},
    report::{Align, Table, folded},
};

/// List the components of a kind, with one line about each
#[derive(Debug, Args)]
pub struct List {
    /// The kind; without one, the names of all components
    #[arg(value_enum)]
    kind: Option<What>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    #[value(alias = "model")]
    Models,
    #[value(alias = "dataset")]
    Datasets,
    #[value(alias = "transform")]
    Transforms,
    #[value(alias = "loss")]
    Losses,
    #[value(alias = "metric")]
    Metrics,
    #[value(alias = "optimizer")]
    Optimizers,
    #[value(alias = "schedule")]
    Schedules,
}

impl List {
    /// Prints the table.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let Some(kind) = self.kind else {
            return all(global, out);
        };
        let mut table = Table::new([("name", Align::Left), ("what it is", Align::Left)]);
        let name = kind.to_possible_value().map(|v| v.get_name().to_string());
        match kind {
            What::Metrics => {
                for (name, about) in metrics(&global.extensions) {
                    table.row([name, about]);
                }
            }
            _ => {
                let all = sections(&global.extensions);
                let section = all.into_iter().find(|s| s.plural == name.as_deref());
                for (name, schema) in section.into_iter().flat_map(|s| s.kinds) {
                    table.row([name, about(&schema)]);
                }
            }
        }
        out.write(&table.render(out.palette()))
    }
}

/// The kinds, each with the names of its components.
fn all(global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
    let mut kinds: Vec<(&str, Vec<String>)> = sections(&global.extensions)
        .into_iter()
        .filter_map(|s| {
            Some((
                s.plural?,
                s.kinds.into_iter().map(|(name, _)| name).collect(),
            ))
        })
        .collect();
    let names = metrics(&global.extensions);
    kinds.push(("metrics", names.into_iter().map(|(name, _)| name).collect()));
    for (plural, names) in kinds {
        let text = folded(&names.join(", "), out.width().saturating_sub(MARGIN));
        for (i, line) in text.iter().enumerate() {
            let label = if i == 0 { plural } else { "" };
            out.write(&format!("{label:MARGIN$}{line}\n"))?;
        }
    }
    out.write("\ntrainer list KIND tells what each is, trainer explain NAME everything about one\n")
}

/// Characters before the names.
const MARGIN: usize = 12;
