//! `trainer list`.

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output, run::Format, with_name};
use crate::{
    config::{about, first_sentence, metrics, sections},
    report::{Align, Table, folded},
};

/// List the components of a kind, with one line about each
#[derive(Debug, Args)]
pub struct List {
    /// The kind; without one, the names of all components
    #[arg(value_enum)]
    kind: Option<What>,
    /// Output format; json is an array of objects with `name` and `about`, without a kind with
    /// `kind` and `names`
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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
            return self.all(global, out);
        };
        let name = kind.to_possible_value().map(|v| v.get_name().to_string());
        let components: Vec<(String, String)> = match kind {
            What::Metrics => {
                let all = metrics(&global.extensions).into_iter();
                let short = |about: String| first_sentence(&about).to_string();
                all.map(|(name, about)| (name, short(about))).collect()
            }
            _ => {
                let all = sections(&global.extensions);
                let section = all.into_iter().find(|s| s.plural == name.as_deref());
                let kinds = section.into_iter().flat_map(|s| s.kinds);
                kinds.map(|(name, schema)| (name, about(&schema))).collect()
            }
        };
        if self.format == Format::Json {
            let one = |(name, about)| serde_json::json!({ "name": name, "about": about });
            return out.json(&components.into_iter().map(one).collect());
        }
        let mut table = Table::new([("name", Align::Left), ("what it is", Align::Left)]);
        for (name, about) in components {
            table.row([name, about]);
        }
        out.table(&table)
    }
}

impl List {
    /// The kinds, each with the names of its components.
    fn all(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
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
        if self.format == Format::Json {
            let one = |(kind, names)| serde_json::json!({ "kind": kind, "names": names });
            return out.json(&kinds.into_iter().map(one).collect());
        }
        for (plural, names) in kinds {
            let text = folded(&names.join(", "), out.width().saturating_sub(MARGIN));
            for (i, line) in text.iter().enumerate() {
                let label = if i == 0 { plural } else { "" };
                out.write(&format!("{label:MARGIN$}{line}\n"))?;
            }
        }
        let more =
            "trainer list KIND tells what each is, trainer explain NAME everything about one";
        out.lines(&format!("\n{}\n", with_name(more)))
    }
}

/// Characters before the names.
const MARGIN: usize = 12;
