//! `trainer new`.

mod candle_model;
mod package;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::Value as Schema;

use super::{CliError, Global, Output, args::path, with_name};
use crate::{
    config::{Section, about, default_text, example_text, sections},
    suggest::{did_you_mean, nearest},
};

/// Write a commented config to start from, or a crate
///
/// Every key of the chosen model, dataset and optimizer is there, those with a default behind a `#`.
/// With `--crate` it is a Rust crate for components of your own: one of each kind, a config that
/// uses them, and a test.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the experiment, whose file is NAME.toml; or of the crate, whose folder is NAME
    name: String,
    /// Write a crate
    #[arg(long = "crate", conflicts_with_all = ["model", "dataset", "optimizer", "candle_model"])]
    is_crate: bool,
    /// Folder of trainer's sources that the crate depends on. Default: the one that this program was
    /// built from, or the registry where that is gone
    #[arg(long, value_name = "DIR", requires = "is_crate", value_parser = path())]
    trainer: Option<PathBuf>,
    /// The model's type
    #[arg(long, default_value = "mlp")]
    model: String,
    /// The dataset's type
    #[arg(long, default_value = "digits")]
    dataset: String,
    /// The optimizer's type
    #[arg(long, default_value = "sgd")]
    optimizer: String,
    /// Write a crate with a model written for candle_nn instead, in the folder NAME
    #[arg(long, conflicts_with_all = ["model", "dataset", "optimizer", "is_crate"])]
    candle_model: bool,
}

impl New {
    /// Writes the file; one that exists stays as it is.
    ///
    /// # Errors
    /// An unknown type, or a file that exists or cannot be written.
    pub fn run(&self, global: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        if self.is_crate {
            package::write(Path::new(&self.name), self.trainer.as_deref())?;
            out.note(&format!(
                "wrote {}; next: cd {}, then cargo run --release -- run own.toml",
                self.name, self.name
            ));
            return Ok(());
        }
        if self.candle_model {
            let folder = candle_model::write(&self.name)?;
            let folder = folder.display();
            out.note(&format!(
                "wrote {folder}; next: cd {folder} && cargo run --release -- run config.toml"
            ));
            return Ok(());
        }
        let stem = self.name.trim_end_matches(".toml");
        let path = PathBuf::from(format!("{stem}.toml"));
        let text = self.config(stem, &sections(&global.extensions))?;
        let file = std::fs::File::create_new(&path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::AlreadyExists => CliError::Usage(format!(
                    "`{}` is there already, and stays as it is; hint: choose another name",
                    path.display()
                )),
                _ => CliError::Write {
                    path: path.clone(),
                    source,
                },
            })?;
        out.note(&format!(
            "wrote {}; next: trainer run {}",
            path.display(),
            path.display()
        ));
        Ok(())
    }

    fn config(&self, stem: &str, all: &[Section]) -> Result<String, CliError> {
        let name = PathBuf::from(stem);
        let name = name
            .file_name()
            .map_or(stem.into(), |name| name.to_string_lossy().into_owned());
        let mut text =
            format!("# Start with: trainer run {stem}.toml\nname = {name:?}\nseed = 42\n");
        for (path, kind) in [
            ("model", &self.model),
            ("dataset", &self.dataset),
            ("optimizer", &self.optimizer),
        ] {
            let Some(section) = all.iter().find(|s| s.path == path) else {
                continue;
            };
            component(&mut text, section, kind)?;
        }
        text.push_str(SCHEDULE);
        if let Some(train) = all.iter().find(|s| s.path == "train") {
            text.push_str("\n[train]\nepochs = 20\n");
            keys(&mut text, &train.common, &["epochs", "steps"]);
        }
        Ok(with_name(&text).into_owned())
    }
}

const SCHEDULE: &str = "
# The learning rate: phases in order, each a [[schedule]]; see it with `trainer schedule`.
[[schedule]]
type = \"warmup\"
for = \"5%\"

[[schedule]]
type = \"poly\"
power = 0.9
";

fn component(text: &mut String, section: &Section, kind: &str) -> Result<(), CliError> {
    let Some((name, schema)) = section.kinds.iter().find(|(name, _)| name == kind) else {
        let names: Vec<&str> = section
            .kinds
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let hint = match nearest(kind, names.iter().copied()) {
            Some(near) => did_you_mean(near),
            None => format!("one of {}", names.join(", ")),
        };
        return Err(CliError::Usage(format!(
            "unknown {} type `{kind}`; hint: {hint}",
            section.path
        )));
    };
    let _ = writeln!(
        text,
        "\n# {}\n{}\ntype = \"{name}\"",
        about(schema),
        section.header
    );
    keys(text, schema, &[]);
    if name == "synthetic" {
        // One of `classes` and `targets` has to be there.
        *text = text.replace("\n# classes = ", "\nclasses = ");
    }
    if section.path == "optimizer" {
        let lr = if kind.starts_with("adam") {
            "1e-3"
        } else {
            "0.1"
        };
        described(
            text,
            &format!("lr = {lr}"),
            &section.common["properties"]["lr"],
        );
        keys(text, &section.common, &["lr"]);
    } else {
        keys(text, &section.common, &[]);
    }
    Ok(())
}

/// One line a key: required ones as they are, the others behind a `#` with their default.
fn keys(text: &mut String, table: &Schema, skip: &[&str]) {
    let properties = table["properties"].as_object().into_iter().flatten();
    for (key, schema) in properties.filter(|(key, _)| !skip.contains(&key.as_str())) {
        let (off, line) = match default_text(key, schema, table).as_str() {
            "required" => ("", example_text(key, schema)),
            "" | "{}" => ("# ", example_text(key, schema)),
            default => ("# ", format!("{key} = {default}")),
        };
        described(text, &format!("{off}{line}"), schema);
    }
}

/// A line and what its key means, cut where it gets long; `trainer explain` has all of it.
fn described(text: &mut String, line: &str, schema: &Schema) {
    let about = about(schema);
    let cut = about.char_indices().nth(72).map(|(i, _)| i);
    let about = match cut.and_then(|end| about[..end].rfind(' ')) {
        Some(end) => format!("{} …", about[..end].trim_end_matches([',', ';', ':'])),
        None => about,
    };
    let _ = writeln!(text, "{line:<34} # {about}");
}
