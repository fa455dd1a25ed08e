//! `trainer list`.

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output};
use crate::{
    config::{about, metrics, sections},
    report::{Align, Table},
};

/// List the components of a kind, with one line about each
#[derive(Debug, Args)]
pub struct List {
    /// Which kind
    #[arg(value_enum)]
    kind: What,
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
        let mut table = Table::new([("name", Align::Left), ("what it is", Align::Left)]);
        let name = self
            .kind
            .to_possible_value()
            .map(|v| v.get_name().to_string());
        match self.kind {
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
