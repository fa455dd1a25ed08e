//! What is measured and watched: `metrics`, `[checkpoint] best`, `[train] early_stop`.

use std::sync::Arc;

use super::{
    super::{
        checkpoint::{BestKeys, CheckpointKeys},
        registry::Kind,
        suggest,
        top::Top,
        train::{Better, TrainKeys},
    },
    Metrics, Resolver, ScheduleParts,
};
use crate::{
    data::Facts,
    error::KeyFault,
    objective::{self, MetricSpec},
    schedule::{Direction, Watched},
};

impl Resolver<'_> {
    /// The metrics by name: those that are written, or those of the task.
    pub(super) fn metrics(&mut self, top: Option<&Top>, facts: Option<&Facts>) -> Option<Metrics> {
        let names = match (&top?.metrics, facts) {
            (Some(names), _) => names.clone(),
            (None, facts) => objective::default_metrics(facts?.task.is_classification())
                .iter()
                .map(|name| name.to_string())
                .collect(),
        };
        let mut all = Some(Vec::new());
        for (i, name) in names.iter().enumerate() {
            let metric = match names[..i].contains(name) {
                true => Err(KeyFault::error("", format!("`{name}` is named twice"))),
                false => self.metric(name, facts),
            };
            match (metric, &mut all) {
                (Ok(Some(metric)), Some(list)) => list.push((name.clone(), metric)),
                (Err(fault), _) => {
                    let key = format!("metrics[{i}]");
                    self.tables.key_fault("", KeyFault { key, ..fault });
                    all = None;
                }
                _ => all = None,
            }
        }
        all
    }

    /// `None` where the task is not known.
    fn metric(
        &self,
        name: &str,
        facts: Option<&Facts>,
    ) -> Result<Option<Arc<dyn MetricSpec>>, KeyFault> {
        let own = self.extensions.metrics.iter().find(|(own, _)| own == name);
        let metric: Arc<dyn MetricSpec> = match own {
            Some((_, metric)) => metric.clone(),
            None => objective::metric(name)?.into(),
        };
        let Some(facts) = facts else { return Ok(None) };
        match metric.fits(facts.task.is_classification(), facts.task.outputs()) {
            Some(fault) => Err(fault),
            None => Ok(Some(metric)),
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
        let first = metrics.first().map_or("loss", |(name, _)| name);
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
            let Some((metric, mode)) = curve.watches() else {
                continue;
            };
            let loss = if facts.val > 0 {
                "val/loss"
            } else {
                TRAIN_LOSS
            };
            let metric = metric.unwrap_or(loss);
            let mut better = mode.map(|mode| match mode {
                Direction::Min => Better::Min,
                Direction::Max => Better::Max,
            });
            if metric != TRAIN_LOSS {
                let fault = watch("metric", metric, &mut better, metrics, facts);
                let faults = fault.into_iter().collect();
                self.tables.key_faults(&format!("schedule[{i}]"), faults);
            }
            let (mode, name) = match better {
                Some(Better::Max) => (Direction::Max, "max"),
                _ => (Direction::Min, "min"),
            };
            let found = [("metric", metric), ("mode", name)];
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

/// The one metric that needs no validation split.
const TRAIN_LOSS: &str = "train/loss";

/// Fills in which way a watched metric improves; a fault where it is not measured.
fn watch(
    key: &str,
    metric: &str,
    mode: &mut Option<Better>,
    metrics: &Metrics,
    facts: &Facts,
) -> Option<KeyFault> {
    if facts.val == 0 {
        let message = format!("`{metric}` needs a validation split, and there is none");
        let hint = "set `split = { val = \"10%\" }` in `[dataset]`";
        return Some(KeyFault::error(key, message).hint(hint));
    }
    let own = metrics.iter().map(|(name, _)| format!("val/{name}"));
    let names: Vec<String> = std::iter::once("val/loss".into()).chain(own).collect();
    if !names.iter().any(|name| name == metric) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut hint = suggest::hint(metric, &names);
        let unlisted = metric
            .strip_prefix("val/")
            .is_some_and(|m| objective::metric(m).is_ok());
        if unlisted {
            hint.push_str("; `metrics` at the top says what is measured");
        }
        return Some(KeyFault::error(key, format!("`{metric}` is not measured")).hint(hint));
    }
    let name = metric.trim_start_matches("val/");
    let find = |(own, spec): &(String, Arc<dyn MetricSpec>)| own == name && spec.higher_is_better();
    let higher = metrics.iter().any(find);
    mode.get_or_insert(if higher { Better::Max } else { Better::Min });
    None
}
