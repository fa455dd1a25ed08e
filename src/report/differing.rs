//! Keys of the plans in which runs of one name differ.

use std::collections::BTreeSet;

use super::{Field, Record, short};

/// Keys that have a column of their own, or follow from others.
const LEFT_OUT: [&str; 4] = ["name", "optimizer.lr", "train.epochs", "train.horizon"];

/// For each run, the plan's keys in which the runs of its name differ, with its values: `seed 3,
/// momentum 0.9`. Empty where it is alone, or where nothing differs.
#[must_use]
pub fn differing(records: &[Record]) -> Vec<String> {
    let names: BTreeSet<&str> = records.iter().map(|r| r.view.info.name.as_str()).collect();
    let mut texts = vec![String::new(); records.len()];
    for name in names {
        let of_name = |(_, record): &(usize, &Record)| record.view.info.name == name;
        let runs: Vec<(usize, &Record)> = records.iter().enumerate().filter(of_name).collect();
        let all: BTreeSet<&str> = runs.iter().flat_map(|(_, r)| r.plan_keys()).collect();
        let keys: Vec<&str> = all.into_iter().filter(|key| differs(&runs, key)).collect();
        for (index, record) in &runs {
            texts[*index] = told(record, &keys);
        }
    }
    texts
}

fn differs(runs: &[(usize, &Record)], key: &str) -> bool {
    let first = runs.first().map(|(_, record)| record.values(key));
    let is_left_out = LEFT_OUT.contains(&key);
    !is_left_out
        && runs
            .iter()
            .any(|(_, record)| Some(record.values(key)) != first)
}

/// The values of some keys, each under the last part of its name; keys that the run lacks are left
/// out.
fn told(record: &Record, keys: &[&str]) -> String {
    let one = |key: &&str| {
        let values = record.values(key);
        let texts: Vec<String> = values.iter().map(text).collect();
        let name = key.rsplit_once('.').map_or(*key, |(_, last)| last);
        (!texts.is_empty()).then(|| format!("{name} {}", texts.join(" ")))
    };
    let parts: Vec<String> = keys.iter().filter_map(one).collect();
    parts.join(", ")
}

fn text(value: &Field) -> String {
    match value {
        Field::Number(number) => short(*number),
        other => other.to_string(),
    }
}
