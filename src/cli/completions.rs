//! `trainer completions`.

use clap::Args;
use clap_complete::Shell;

use super::{CliError, Global, Output, args::Cli};
use crate::program;

/// Print the completion script of a shell
///
/// For bash: trainer completions bash > ~/.local/share/bash-completion/completions/trainer
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn run(&self, _: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let mut script = Vec::new();
        let name = program::name();
        clap_complete::generate(self.shell, &mut Cli::grouped(), name, &mut script);
        out.write(&String::from_utf8_lossy(&script))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_every_verb() -> Result<(), CliError> {
        for &shell in <Shell as clap::ValueEnum>::value_variants() {
            let mut script = Vec::new();
            Completions { shell }.run(&Global::default(), &mut Output::buffer(&mut script))?;
            let script = String::from_utf8_lossy(&script);
            for verb in Cli::grouped().get_subcommands() {
                assert!(
                    script.contains(verb.get_name()),
                    "{shell}: {}",
                    verb.get_name()
                );
            }
        }
        Ok(())
    }
}
