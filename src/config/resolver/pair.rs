//! The check that a model and a dataset fit each other: what the one takes and predicts, and the other gives
//! and asks for.

use super::{
    super::registry::{Component, Kind},
    Resolver,
};
use crate::{
    error::KeyFault,
    field::Field,
    model::{Io, ModelSpec, Takes},
    task::Task,
};

impl Resolver<'_> {
    /// Returns the fault of a model that takes other samples than `dataset` gives, or predicts
    /// something else of them; its hint names the models that fit.
    pub(super) fn misfit(
        &self,
        model: &Component<dyn ModelSpec>,
        io: &Io,
        task: &Task,
        dataset: &str,
    ) -> Option<KeyFault> {
        let (places, fields) = (task.is_of_places(), &io.fields);
        let accepts = |model: &dyn ModelSpec| model.takes().iter().any(|t| t.accepts(fields));
        let fits = |model: &dyn ModelSpec| model.predicts_places() == places && accepts(model);
        if fits(&*model.spec) {
            return None;
        }
        let message = match accepts(&*model.spec) {
            true => other_answers(&model.kind, dataset, places),
            false => other_samples(&model.kind, model.spec.takes(), dataset, fields),
        };
        let kinds = self.extensions.models.kinds().filter(|kind| {
            let default = kind.load(toml::Table::new());
            default.is_ok_and(|default| fits(&*default.spec))
        });
        let name = |kind: &Kind<dyn ModelSpec>| match kind.name == model.kind {
            true => format!("`{}` with its default keys", kind.name),
            false => format!("`{}`", kind.name),
        };
        let names: Vec<String> = kinds.map(name).collect();
        let fault = KeyFault::error("type", message);
        Some(match names.len() {
            0 => fault,
            1 => fault.hint(format!("{} takes these samples", names[0])),
            _ => fault.hint(format!("{} take these samples", listed(names, "and"))),
        })
    }
}

/// Returns the message about a model for other samples.
fn other_samples(model: &str, takes: &[Takes], dataset: &str, fields: &[Field]) -> String {
    let takes = takes.iter().map(|takes| takes.words().to_string());
    let gives = fields.iter().map(Field::words);
    format!(
        "`{model}` takes {}; `{dataset}` gives {}",
        listed(takes.collect(), "or"),
        listed(gives.collect(), "and")
    )
}

/// Returns the message about a model that predicts for places where the data ask for samples, or the other
/// way round.
fn other_answers(model: &str, dataset: &str, places: bool) -> String {
    let words = |places| match places {
        true => "something for each place of a sample",
        false => "something for a sample as a whole",
    };
    let (asked, predicted) = (words(places), words(!places));
    format!("`{model}` predicts {predicted}; `{dataset}` asks for {asked}")
}

/// A list in words: `a, b or c`.
fn listed(mut names: Vec<String>, last: &str) -> String {
    match (names.pop(), names.is_empty()) {
        (Some(only), true) => only,
        (Some(end), false) => format!("{} {last} {end}", names.join(", ")),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_words() {
        let of = |names: &[&str]| listed(names.iter().map(|n| (*n).into()).collect(), "or");
        assert_eq!([of(&["a"]), of(&["a", "b"])], ["a", "a or b"]);
        assert_eq!(of(&["a", "b", "c"]), "a, b or c");
    }
}
