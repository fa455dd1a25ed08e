//! `[[optimizer.group]]` and `[[schedule]]` meet: parameter groups with their base values, and the
//! schedules resolved over them.

use std::collections::BTreeMap;

use super::{tables::Tables, train::TrainKeys};
use crate::{
    error::{KeyFault, Severity},
    optim::{self, OptimizerKeys, OptimizerSpec},
    schedule::{self, Entry, Group, Schedules, Target},
    units::Clock,
};

/// Assigns every parameter to its group and resolves the schedules; faults go to their keys.
/// Parameters of frozen groups join `frozen`.
pub(super) fn schedules(
    tables: &mut Tables<'_>,
    entries: &[Entry],
    (spec, keys, train): (&dyn OptimizerSpec, &OptimizerKeys, &TrainKeys),
    clock: &Clock,
    params: &[String],
    frozen: &mut Vec<String>,
) -> Option<Schedules> {
    let (assigned, faults) = optim::assign(keys, params);
    let refused = faults.iter().any(|fault| fault.severity == Severity::Error);
    tables.key_faults("optimizer", faults);
    if refused {
        return None;
    }
    let mut groups = Vec::new();
    for group in assigned
        .into_iter()
        .filter(|group| !group.params.is_empty())
    {
        if group.frozen {
            frozen.extend(group.params.iter().cloned());
        }
        let base = base(&group, spec, train, entries);
        groups.push(Group {
            name: group.name,
            params: group.params,
            base,
            split_from: None,
        });
    }
    frozen.sort();
    frozen.dedup();
    if frozen.len() == params.len() {
        let fault = KeyFault::error(
            "freeze",
            "every parameter is frozen: nothing would be trained",
        )
        .hint("see `freeze` in `[model]` and `frozen` in `[[optimizer.group]]`");
        match tables.spec.root.at("model.freeze") {
            Some(_) => tables.key_fault("model", fault),
            None => tables.key_fault(
                "optimizer.group[0]",
                KeyFault {
                    key: "frozen".into(),
                    ..fault
                },
            ),
        }
    }
    let groups = schedule::partition(groups, entries);
    let (schedules, faults) = Schedules::resolve(entries, clock, &groups);
    for found in faults {
        tables.key_fault(&format!("schedule[{}]", found.entry), found.fault);
    }
    schedules
}

/// What the schedules of a group multiply.
fn base(
    group: &optim::AssignedGroup,
    spec: &dyn OptimizerSpec,
    train: &TrainKeys,
    entries: &[Entry],
) -> BTreeMap<Target, f64> {
    let mut base = BTreeMap::new();
    base.insert(Target::Lr, group.lr);
    base.insert(Target::WeightDecay, group.weight_decay);
    base.extend(
        group
            .momentum
            .or(spec.momentum())
            .map(|value| (Target::Momentum, value)),
    );
    base.extend(spec.beta2().map(|value| (Target::Beta2, value)));
    base.extend(train.ema.as_ref().map(|ema| (Target::EmaDecay, ema.decay)));
    // Absolute limits need no base.
    let is_limit = |e: &Entry| e.keys.target == Target::ClipNorm && e.keys.absolute();
    let limit = entries.iter().any(is_limit).then_some(0.0);
    let limit = train.clip_norm.or(limit);
    base.extend(limit.map(|value| (Target::ClipNorm, value)));
    base
}
