//! `trainer show`.

use clap::{Args, ValueEnum};

use super::{CliError, Global, Output};
use crate::{
    report::{self, Record},
    run::{Reader, Store},
};

/// Show one run: how far it came, its best, its curves, checkpoints and warnings
#[derive(Debug, Args)]
pub struct Show {
    /// An id or its beginning, a name (the newest of it), a path, or `last`
    #[arg(default_value = "last")]
    run: String,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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
        let record = Record::new(Reader::open(&path)?);
        match self.format {
            Format::Text => out.write(&report::run_text(&record, out.width(), out.palette())),
            Format::Json => out.json(&report::run_object(&record)),
        }
    }
}
