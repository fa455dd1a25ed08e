//! The record of a run's data, and what its log says about them.

use crate::{
    config::Plan,
    data::Facts,
    run::{ClassInfo, DataInfo},
    task::Task,
};

/// Samples of each split and class.
#[must_use]
pub fn data_info(facts: &Facts) -> DataInfo {
    let names: &[String] = match &facts.task {
        Task::Classification { names, .. } if names.len() <= DataInfo::MOST_CLASSES => names,
        _ => &[],
    };
    // Nobody has counted the classes of a dataset that came with none.
    let names = if facts.counts.train.is_empty() {
        &[]
    } else {
        names
    };
    let classes = names.iter().enumerate().map(|(i, name)| {
        let [train, val, test] = facts.counts.get(i).map(|count| count as u64);
        ClassInfo {
            name: name.clone(),
            train,
            val,
            test,
        }
    });
    DataInfo {
        train: facts.train as u64,
        val: facts.val as u64,
        test: facts.test as u64,
        classes: classes.collect(),
    }
}

/// Returns what the run's log says about the data before the first update.
pub(super) fn warnings(plan: &Plan) -> Vec<String> {
    let warnings = plan.facts.class_warnings(&plan.dataset_keys);
    warnings
        .into_iter()
        .map(|warning| warning.message)
        .collect()
}
