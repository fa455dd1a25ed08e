//! Verbs and flags of other tools: what to type instead.

use clap::{
    Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::with_name;
use crate::{config::key_path, suggest::nearest};

/// Words that are no verbs here, and what does the same.
const VERBS: &[(&[&str], &str)] = &[
    (
        &["train", "fit", "start", "launch", "learn"],
        "`trainer run CONFIG` trains",
    ),
    (
        &["predict", "infer", "inference", "test", "evaluate", "score"],
        "`trainer eval RUN --split test` measures a trained run",
    ),
    (
        &["validate", "lint", "dry-run", "dryrun"],
        "`trainer check CONFIG` checks a config; `trainer eval RUN` measures a trained run",
    ),
    (
        &["plot", "draw", "curve", "lr", "graph"],
        "`trainer show RUN` draws a run's curves; `trainer schedule CONFIG -o lr.svg` draws the schedule",
    ),
    (
        &["sweep", "grid", "search", "tune", "hpo"],
        "`trainer run CONFIG --set KEY=VALUE` makes one run of each value",
    ),
    (
        &["compare", "diff"],
        "`trainer ls --columns KEY,…` shows runs side by side; `trainer reproduce RUN` compares bit for bit",
    ),
    (
        &["export", "save", "weights", "download"],
        "a run's weights lie in its directory, below `checkpoints`; `trainer show RUN` names it",
    ),
    (
        &["continue", "restart", "restore"],
        "`trainer resume RUN` goes on with a run",
    ),
    (
        &["list-runs", "runs", "ps", "history"],
        "`trainer ls` lists the runs",
    ),
    (&["log", "tail"], "`trainer logs RUN` shows the trace"),
    (
        &["info", "status", "view", "describe", "inspect"],
        "`trainer show RUN` shows one run",
    ),
    (
        &["init", "create", "template", "example"],
        "`trainer new NAME` writes a config",
    ),
    (
        &["benchmark", "profile", "speed"],
        "`trainer bench CONFIG` measures the speed",
    ),
    (
        &["doc", "docs", "man"],
        "`trainer explain` tells about the config, `trainer --help` about the commands",
    ),
    (
        &["help"],
        "`trainer --help` lists the commands, `trainer COMMAND --help` explains one",
    ),
    (&["version"], "`trainer --version` tells it"),
    (
        &["rm", "remove", "delete", "clean", "gc"],
        "a run is a directory; remove it with `rm -r`",
    ),
];

/// The same error with a tip about a verb or flag that another tool has.
pub fn with_tip(mut error: Error, verbs: &[String]) -> Error {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    let tip = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            word(ContextKind::InvalidSubcommand).and_then(|word| verb(&word, verbs))
        }
        ErrorKind::UnknownArgument => word(ContextKind::InvalidArg).and_then(|word| flag(&word)),
        _ => None,
    };
    if let Some(tip) = tip {
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedArg);
        let tips = vec![StyledStr::from(with_name(&tip).into_owned())];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

fn verb(word: &str, verbs: &[String]) -> Option<String> {
    if word.ends_with(".toml") {
        return Some(format!("`trainer run {word}` trains it"));
    }
    let lower = word.to_lowercase();
    let mut found = VERBS
        .iter()
        .filter(|(words, _)| words.contains(&lower.as_str()));
    let habit = found.next().map(|(_, tip)| (*tip).to_string());
    let near = || nearest(word, verbs.iter().map(String::as_str));
    habit.or_else(|| Some(format!("did you mean `trainer {}`?", near()?)))
}

/// A flag that is a key of the config.
fn flag(word: &str) -> Option<String> {
    let name = word.trim_start_matches('-').split('=').next()?;
    let path = key_path(name)?;
    Some(format!(
        "a key of the config is set with `--set {path}=VALUE`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;

    fn told(line: &str) -> String {
        let words = line.split(' ').map(Into::into);
        Cli::read(words)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn each_tip_names_a_verb_that_exists() {
        let command = Cli::grouped();
        for (words, tip) in VERBS {
            for word in *words {
                assert!(command.find_subcommand(word).is_none(), "{word} is a verb");
            }
            let named = tip
                .split('`')
                .filter_map(|piece| piece.strip_prefix("trainer "));
            for line in named {
                let verb = line.split(' ').next().unwrap_or_default();
                let is_known = command.find_subcommand(verb).is_some();
                assert!(
                    is_known || verb.starts_with("--") || verb == "COMMAND",
                    "{tip}"
                );
            }
        }
    }

    #[test]
    fn verbs_and_flags_of_other_tools_get_a_tip() {
        for (line, expected) in [
            ("trainer train a.toml", "tip: `trainer run CONFIG` trains"),
            ("trainer predict", "tip: `trainer eval RUN --split test`"),
            ("trainer sweep a.toml", "tip: `trainer run CONFIG --set"),
            ("trainer help me", "tip: `trainer --help`"),
            (
                "trainer configs/poly.toml",
                "tip: `trainer run configs/poly.toml` trains it",
            ),
            ("trainer rnu a.toml", "tip: did you mean `trainer run`?"),
            ("trainer run a.toml --lr 0.1", "`--set optimizer.lr=VALUE`"),
            (
                "trainer run a.toml --batch-size 8",
                "`--set dataset.batch_size=VALUE`",
            ),
            (
                "trainer run a.toml --learning_rate=8",
                "`--set optimizer.lr=VALUE`",
            ),
            (
                "trainer run a.toml --sed 1",
                "tip: a similar argument exists: '--seed'",
            ),
        ] {
            let told = told(line);
            assert!(told.contains(expected), "{line}:\n{told}");
        }
    }
}
