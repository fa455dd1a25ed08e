//! `[[optimizer.group]]` and `[[schedule]]` meet: parameter groups with their base values, and the
//! schedules resolved over them.

use std::collections::BTreeMap;

use super::{resolve::Tables, train::TrainKeys};
use crate::{
    error::Severity,
    optim::{self, OptimizerKeys, OptimizerSpec},
    schedule::{self, Entry, Group, Schedules, Target},
    units::Clock,
};

/// Assigns every parameter to its group and resolves the schedules; faults go to their keys.
pub(super) fn schedules(
    tables: &mut Tables<'_>,
    entries: &[Entry],
    (spec, keys): (&dyn OptimizerSpec, &OptimizerKeys),
    train: &TrainKeys,
    clock: &Clock,
    params: &[String],
) -> Option<Schedules> {
    let (assigned, faults) = optim::assign(keys, params);
    let refused = faults.iter().any(|fault| fault.severity == Severity::Error);
    tables.key_faults("optimizer", faults);
    if refused {
        return None;
    }
    let groups = assigned
        .into_iter()
        .map(|group| Group { base: base(&group, spec, train), name: group.name, params: group.params })
        .collect();
    let groups = schedule::partition(groups, entries);
    let (schedules, faults) = Schedules::resolve(entries, clock, &groups);
    for found in faults {
        tables.key_fault(&format!("schedule[{}]", found.entry), found.fault);
    }
    schedules
}

/// What the schedules of a group multiply.
fn base(group: &optim::AssignedGroup, spec: &dyn OptimizerSpec, train: &TrainKeys) -> BTreeMap<Target, f64> {
    let mut base = BTreeMap::new();
    base.insert(Target::Lr, group.lr);
    base.insert(Target::WeightDecay, group.weight_decay);
    base.extend(group.momentum.or(spec.momentum()).map(|value| (Target::Momentum, value)));
    base.extend(spec.beta2().map(|value| (Target::Beta2, value)));
    base.extend(train.ema.as_ref().map(|ema| (Target::EmaDecay, ema.decay)));
    base.extend(train.clip_norm.map(|value| (Target::ClipNorm, value)));
    base
}
