//! What is measured and watched: `metrics`, `[checkpoint] best`, `[train] early_stop`.

use std::sync::Arc;

use super::{
    super::{
        aliases,
        checkpoint::{BestKeys, CheckpointKeys},
        registry::{Component, Kind},
        top::Top,
        train::TrainKeys,
    },
    Metrics, NamedMetric, Resolver, ScheduleParts,
};
use crate::{
    data::Facts,
    direction::Direction,
    error::KeyFault,
    event::key,
    objective::{self, LossSpec, MetricEntry},
    schedule::Watched,
};

impl Resolver<'_> {
    /// The metrics by name: those that are written, or those of the task.
    pub(super) fn metrics(
        &mut self,
        top: Option<&Top>,
        facts: Option<&Facts>,
        loss: Option<&Component<dyn LossSpec>>,
    ) -> Option<Metrics> {
        let default = |name: &&str| MetricEntry::Name(name.to_string());
        let entries = match (&top?.metrics, facts) {
            (Some(entries), _) => entries.clone(),
            (None, facts) => {
                let names = objective::default_metrics(&facts?.task);
                names.iter().map(default).collect()
            }
        };
        let mut all = Some(Vec::new());
        let mut names = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            match self.metric(entry, facts, loss, &mut names) {
                Ok(Some(metric)) => {
                    all.iter_mut().for_each(|list| list.push(metric.clone()));
                }
                Ok(None) => all = None,
                Err(fault) => {
                    let key = match fault.key.as_str() {
                        "" => format!("metrics[{i}]"),
                        key => format!("metrics[{i}].{key}"),
                    };
                    self.tables.key_fault("", KeyFault { key, ..fault });
                    all = None;
                }
            }
        }
        all
    }

    /// A metric with its short name, unless it is among those `before`; `None` where the task is not
    /// known.
    fn metric(
        &self,
        entry: &MetricEntry,
        facts: Option<&Facts>,
        loss: Option<&Component<dyn LossSpec>>,
        before: &mut Vec<String>,
    ) -> Result<Option<NamedMetric>, KeyFault> {
        let written = match entry {
            MetricEntry::Name(name) => name,
            MetricEntry::Table(keys) => &keys.r#type,
        };
        let mut own = self.extensions.metrics.iter();
        let (name, metric): NamedMetric = match own.find(|(own, _)| own == written) {
            Some((own, metric)) => (own.clone(), metric.clone()),
            None => {
                let metric = objective::metric(&entry.name()?)?;
                (metric.name(), metric.into())
            }
        };
        if before.contains(&name) {
            return Err(KeyFault::error("", format!("`{name}` is named twice")));
        }
        before.push(name.clone());
        let Some(facts) = facts else { return Ok(None) };
        let task = &facts.task;
        let in_range = loss.is_some_and(|loss| loss.spec.target_range().is_some());
        let labels = task.is_multi_label() || task.is_regression() && in_range;
        match metric.fits(task) {
            Some(_) if labels && metric.judges_labels() => match &self.soft {
                Some((place, value)) => {
                    let message = format!(
                        "`{name}` judges labels, which are 0 or 1, and the target of {place} is `{value}`"
                    );
                    let hint = "a regression takes rmse, mae, mape, r2 or explained_variance";
                    Err(KeyFault::error("", message).hint(hint))
                }
                None => Ok(Some((name, metric))),
            },
            Some(fault) => Err(fault),
            None => Ok(Some((name, metric))),
        }
    }

    /// Fills in the watched metrics of `best` and `early_stop`, and checks that they exist.
    pub(super) fn watched(
        &mut self,
        train: Option<TrainKeys>,
        checkpoint: Option<CheckpointKeys>,
        metrics: Option<&Metrics>,
        facts: Option<&Facts>,
    ) -> Option<(TrainKeys, CheckpointKeys)> {
        let (mut train, mut checkpoint) = (train?, checkpoint?);
        let (metrics, facts) = (metrics?, facts?);
        let mut single = metrics
            .iter()
            .filter(|(_, metric)| metric.by_class().is_none());
        let first = single.next().map_or("loss", |(name, _)| name);
        let mut watched = format!("val/{first}");
        if checkpoint.best.is_none() && facts.val > 0 {
            checkpoint.best = Some(BestKeys::default());
        }
        if let (Some(best), Some(stop)) = (&mut checkpoint.best, &train.early_stop) {
            best.metric = best.metric.take().or(stop.metric.clone());
            if best.metric == stop.metric && stop.metric.is_some() {
                best.mode = best.mode.or(stop.mode);
            }
        }
        if let Some(best) = &mut checkpoint.best {
            watched = best.metric.get_or_insert(watched).clone();
            let fault = watch("best.metric", &watched, &mut best.mode, metrics, facts);
            self.tables
                .key_faults("checkpoint", fault.into_iter().collect());
        }
        if let Some(stop) = &mut train.early_stop {
            let metric = stop.metric.get_or_insert(watched);
            let key = "early_stop.metric";
            let fault = watch(key, metric, &mut stop.mode, metrics, facts);
            self.tables.key_faults("train", fault.into_iter().collect());
        }
        Some((train, checkpoint))
    }

    /// Fills in the metric that each entry of `[[schedule]]` follows, where it follows one.
    pub(super) fn followed(
        &mut self,
        schedule: Option<&mut ScheduleParts>,
        metrics: Option<&Metrics>,
        facts: Option<&Facts>,
    ) -> Option<()> {
        let (entries, tables) = schedule?;
        let (metrics, facts) = (metrics?, facts?);
        for (i, (entry, table)) in entries.iter_mut().zip(tables).enumerate() {
            let curve = Arc::clone(&entry.curve);
            let Some((metric, mut mode)) = curve.watches() else {
                continue;
            };
            let metric = metric.unwrap_or(match facts.val {
                0 => key::TRAIN_LOSS,
                _ => key::VAL_LOSS,
            });
            // The one metric that needs no validation split.
            if metric != key::TRAIN_LOSS {
                let fault = watch("metric", metric, &mut mode, metrics, facts);
                let faults = fault.into_iter().collect();
                self.tables.key_faults(&format!("schedule[{i}]"), faults);
            }
            let mode = mode.unwrap_or(Direction::Min);
            let found = [("metric", metric), ("mode", mode.name())];
            if let Some(kind) = self.extensions.schedules.get(&entry.kind) {
                *table = with_keys(table, kind, found)?;
            }
            let metric = metric.to_owned();
            entry.watched = Some(Watched { metric, mode });
        }
        Some(())
    }
}

/// An entry's table with further keys of its type, each at the place that it has where a file says
/// it: a plan is read back as it was written.
fn with_keys<T: ?Sized + 'static>(
    table: &toml::Table,
    kind: &Kind<T>,
    found: [(&str, &str); 2],
) -> Option<toml::Table> {
    let schema = kind.schema();
    let is_own = |key: &str| schema["properties"].get(key).is_some();
    let mut own: toml::Table = table.clone();
    own.retain(|key, _| is_own(key));
    for (key, value) in found {
        own.insert(key.into(), value.into());
    }
    let mut own = Some(kind.load(own).ok()?.keys);
    let mut out = toml::Table::new();
    for (key, value) in table {
        match is_own(key) {
            true => out.extend(own.take().unwrap_or_default()),
            false => _ = out.insert(key.clone(), value.clone()),
        }
    }
    out.extend(own.unwrap_or_default());
    Some(out)
}

/// Fills in which way a watched metric improves; a fault where it is not measured.
fn watch(
    key: &str,
    metric: &str,
    mode: &mut Option<Direction>,
    metrics: &Metrics,
    facts: &Facts,
) -> Option<KeyFault> {
    if facts.val == 0 {
        let message = format!("`{metric}` needs a validation split, and there is none");
        let hint = "set `split = { val = \"10%\" }` in `[dataset]`";
        return Some(KeyFault::error(key, message).hint(hint));
    }
    let classes = facts.task.names();
    let reported = metrics.iter().flat_map(|(name, spec)| {
        let names = objective::reported(name, &**spec, &classes);
        names.into_iter().map(|name| (name, spec.direction()))
    });
    let reported: Vec<(String, Direction)> = reported.collect();
    let own = reported.iter().map(|(name, _)| format!("val/{name}"));
    let names: Vec<String> = std::iter::once(key::VAL_LOSS.into()).chain(own).collect();
    if !names.iter().any(|name| name == metric) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut hint = aliases::hint(metric, &names);
        let unlisted = metric
            .strip_prefix("val/")
            .is_some_and(|m| objective::metric(m).is_ok());
        if unlisted {
            hint.push_str("; `metrics` at the top says what is measured");
        }
        return Some(KeyFault::error(key, format!("`{metric}` is not measured")).hint(hint));
    }
    let name = metric.trim_start_matches("val/");
    let own = reported.iter().find(|(own, _)| own == name);
    mode.get_or_insert(own.map_or(Direction::Min, |(_, direction)| *direction));
    let undefined = metrics.iter().find(|(own, _)| own == name);
    let undefined = undefined.filter(|(_, spec)| spec.needs_every_class());
    undefined.and_then(|_| never_defined(key, metric, facts))
}

/// The fault of watching a metric that is NaN in every evaluation, as the validation split has no
/// sample of a class.
fn never_defined(key: &str, metric: &str, facts: &Facts) -> Option<KeyFault> {
    let absent = facts.counts.val.iter().position(|count| *count == 0)?;
    let names = facts.task.names();
    let class = names.get(absent)?.escape_debug();
    let message = format!(
        "`{metric}` can never be best: it is NaN, as the validation split has no sample of class `{class}`"
    );
    let hint = "`split = { stratify = true }` in `[dataset]`, a larger validation split, or another metric";
    Some(KeyFault::error(key, message).hint(hint))
}
