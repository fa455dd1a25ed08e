//! A recipe against the data and the model that were built from it.

use super::error::TrainError;
use super::session::Session;
use crate::event::key;
use crate::field::Field;
use crate::objective::reported;
use crate::units::counted;

impl Session {
    /// Refuses a recipe that contradicts its data.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        let recipe = &self.recipe;
        let refuse = |why: String| Err(TrainError::Recipe(why));
        let accumulated = recipe.grad_accumulation.max(1) as u64;
        let per_epoch = self.batches_per_epoch().div_ceil(accumulated);
        if recipe.steps_per_epoch != per_epoch {
            let planned = recipe.steps_per_epoch;
            return refuse(format!(
                "an epoch has {}, not the {planned} of the plan; hint: did the data change since \
                 the plan was made?",
                counted(per_epoch, "update")
            ));
        }
        if self.loader.fields() != recipe.io.fields {
            let words = |fields: &[Field]| {
                let words = fields.iter().map(Field::words);
                words.collect::<Vec<_>>().join(" and ")
            };
            let (found, wanted) = (words(self.loader.fields()), words(&recipe.io.fields));
            return refuse(format!("samples have {found}, the model takes {wanted}"));
        }
        let values = recipe.data.facts.task.is_regression();
        let range = recipe.loss.target_range().filter(|_| values);
        recipe.data.audit(range)?;
        let params = &self.state.params;
        if let Some(name) =
            (recipe.frozen.iter()).find(|name| params.iter().all(|p| p.name() != *name))
        {
            return refuse(format!("there is no parameter `{name}` to freeze"));
        }
        let known = self.metric_names();
        let stop = recipe.early_stop.iter().map(|rule| &rule.metric);
        let best = recipe.checkpoint.best.iter().map(|rule| &rule.metric);
        match stop.chain(best).find(|metric| !known.contains(metric)) {
            Some(metric) => refuse(format!(
                "there is no metric `{metric}`; hint: one of {}",
                known.join(", ")
            )),
            None => Ok(()),
        }
    }

    /// The metrics that a run of this session reports.
    fn metric_names(&self) -> Vec<String> {
        let mut names = vec![key::TRAIN_LOSS.to_owned()];
        if self.recipe.data.val.is_some() && self.recipe.eval_every.is_some() {
            names.push(key::VAL_LOSS.to_owned());
            let classes = self.recipe.data.facts.task.names();
            for (name, metric) in &self.recipe.metrics {
                let reported = reported(name, &**metric, &classes);
                names.extend(reported.iter().map(|name| format!("val/{name}")));
            }
        }
        names
    }
}
