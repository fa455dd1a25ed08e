//! `trainer schema`.

use clap::Args;

use super::{CliError, Global, Output};
use crate::config::{json_schema, markdown};

/// Print the config language as a JSON Schema, for editors that complete and check while you type
///
/// Save it and name it on a config's first line: `#:schema trainer.schema.json`
#[derive(Debug, Args)]
pub struct Schema {
    /// The reference as Markdown instead (docs/config.md)
    #[arg(long)]
    reference: bool,
}

impl Schema {
    /// Prints it.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        match self.reference {
            true => out.write(&markdown(&global.extensions)),
            false => out.write(&format!("{:#}\n", json_schema(&global.extensions))),
        }
    }
}
