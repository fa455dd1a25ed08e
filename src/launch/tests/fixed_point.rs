//! A plan is read back as it was written: for every component and table of the language, with its
//! optional keys left out, given one at a time, and given all together.

use std::collections::BTreeSet;

use serde_json::Value as Schema;

use super::contract::{DIGITS, SYNTHETIC, labels, mnist, plan, regression, text, texts, whole};
use crate::config::{Extensions, Plan, example_text, sections};

/// The plan of a text, where it is accepted, is the plan of its own TOML, and has one hash.
fn is_fixed(text: &str) -> bool {
    let Ok(first) = plan(text) else { return false };
    let written = first.to_toml();
    let second = plan(&written).unwrap_or_else(|faults| panic!("{text}\n{faults}"));
    assert_eq!(second.to_toml(), written, "{text}");
    assert_eq!(second.hash(), first.hash(), "{text}");
    assert_eq!(Plan::hash_of_text(&written), Some(first.hash()), "{text}");
    true
}

/// The lines of a table: its required keys alone, with each optional one, with all of them.
fn lines(schema: &Schema, skip: &[&str]) -> Vec<String> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().cloned();
    let line = |(key, schema): &(String, Schema)| example_text(key, schema) + "\n";
    let (needed, optional): (Vec<_>, Vec<_>) = properties
        .into_iter()
        .flatten()
        .filter(|(key, _)| !skip.contains(&key.as_str()))
        .partition(|(key, _)| required.contains(&key.as_str().into()));
    let needed: String = needed.iter().map(line).collect();
    let mut all = vec![needed.clone()];
    all.extend(optional.iter().map(|key| needed.clone() + &line(key)));
    all.push(needed + &optional.iter().map(line).collect::<String>());
    all
}

/// Long enough for the spans of examples.
const LONG: &str = "[train]\nepochs = 30\n";

/// Keys of components whose example needs something beside it, with what that is.
const NOT_ALONE: &[(&str, &str, &str)] = &[
    ("csv", "val_path", "a file"),
    ("csv", "test_path", "a file"),
    ("csv", "separator", "a file that is separated so"),
    ("csv", "header", "a target by number"),
    ("csv", "names", "a file without a header"),
    ("csv", "columns", "columns of these names"),
    ("csv", "label_separator", "several labels"),
    ("text_classes", "target", "a column of this name"),
    ("mnist", "prefix", "files of this name"),
    ("mnist", "first_label", "labels from 1"),
    ("synthetic", "noise", "targets"),
    ("one_cycle", "peak_value", "rest_value"),
    ("one_cycle", "rest_value", "peak_value"),
];

/// The text with its path replaced by one of a file that is there.
fn with_file(lines: &str, dataset: &str) -> String {
    let path = dataset.lines().find(|line| line.starts_with("path"));
    let own = lines.lines().map(|line| match path {
        Some(path) if line.starts_with("path") => path,
        _ if line.starts_with("target ") => "target = \"y\"",
        _ if line.starts_with("context ") => "context = 6",
        _ => line,
    });
    own.map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn every_component_with_every_key() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = format!(
        "[model]\ntype = \"gpt\"\nlayers = 1\nwidth = 8\nheads = 2\n{}",
        text(folder.path())
    );
    let documents = format!(
        "[model]\ntype = \"transformer\"\nlayers = 1\nwidth = 8\nheads = 2\n{}",
        texts(folder.path())
    );
    let (table, labels) = (regression(folder.path()), labels(folder.path()));
    let images = mnist(folder.path());
    let datasets = [
        DIGITS, SYNTHETIC, &images, &table, &labels, &tokens, &documents,
    ];
    let mut refused = BTreeSet::new();
    let (mut fixed, mut tried) = (0, 0);
    for section in sections(&Extensions::new()) {
        for (kind, schema) in &section.kinds {
            let mut once = false;
            for own in lines(schema, &[]) {
                tried += 1;
                let head = format!("{}\ntype = \"{kind}\"\n", section.header);
                let more = match (section.path, kind.as_str()) {
                    ("schedule", "geometric") => "to = 0.5\n",
                    ("schedule", "follow") => "target = \"weight_decay\"\n",
                    ("optimizer", _) => "lr = 0.1\n",
                    _ => "",
                };
                let texts = datasets.iter().map(|dataset| match section.path {
                    "dataset" => {
                        let model = &dataset[..dataset.find("[dataset]").unwrap_or(0)];
                        whole(&format!("{model}{head}{}", with_file(&own, dataset)), "")
                    }
                    "model" if dataset.contains("[model]") => {
                        let dataset = &dataset[dataset.find("[dataset]").unwrap_or(0)..];
                        whole(&format!("{head}{own}"), dataset)
                    }
                    "dataset.transform" => whole(&format!("{dataset}{head}{own}"), ""),
                    "schedule" => whole(&format!("{head}{more}{own}{LONG}"), dataset),
                    "optimizer" | "loss" => whole(&format!("{head}{more}{own}"), dataset),
                    _ => whole(&format!("{head}{own}"), dataset),
                });
                let is_fixed = texts.filter(|text| is_fixed(text)).count() > 0;
                if !is_fixed && let Some(key) = last_key(schema, &own) {
                    refused.insert((kind.clone(), key));
                }
                fixed += usize::from(is_fixed);
                once |= is_fixed;
            }
            assert!(once, "no config names {} {kind}", section.path);
        }
    }
    assert!(fixed * 10 > tried * 7, "{fixed} of {tried}");
    let known = NOT_ALONE
        .iter()
        .map(|(kind, key, _)| (kind.to_string(), key.to_string()));
    assert_eq!(refused, known.collect(), "keys whose example is refused");
}

/// The optional key that stands alone behind the required ones.
fn last_key(schema: &Schema, lines: &str) -> Option<String> {
    let required = schema["required"].as_array().map_or(0, Vec::len);
    let last = lines.lines().nth(required)?;
    let is_last = lines.lines().count() == required + 1;
    is_last.then(|| last.split(" = ").next().unwrap_or_default().into())
}

#[test]
fn every_table_with_every_key() {
    let (mut fixed, mut tried) = (0, 0);
    for section in sections(&Extensions::new()) {
        // Keys that read a file, and those that are tried with the components.
        let skip = ["extends", "init", "epochs", "steps"];
        for own in lines(&section.common, &skip) {
            tried += 1;
            let is_alone = own.lines().count() < 2;
            let text = match section.path {
                "" => own + &whole("", DIGITS),
                "model" => whole(&format!("[model]\ntype = \"mlp\"\n{own}"), DIGITS),
                "dataset" => whole(&format!("[dataset]\ntype = \"digits\"\n{own}"), ""),
                "optimizer" => whole(&format!("[optimizer]\ntype = \"sgd\"\n{own}"), DIGITS),
                "schedule" => {
                    let phase = format!("[[schedule]]\ntype = \"poly\"\n{own}{LONG}");
                    whole(&phase, DIGITS)
                }
                "train" => whole(&format!("[train]\nepochs = 100\n{own}"), DIGITS),
                "checkpoint" => whole(&format!("[checkpoint]\n{own}"), DIGITS),
                _ => continue,
            };
            let is_fixed = is_fixed(&text);
            fixed += usize::from(is_fixed);
            // Keys of a phase exclude each other, but the example of each stands for itself.
            assert!(
                is_fixed || !is_alone || section.path != "schedule",
                "{text}"
            );
        }
    }
    assert!(fixed * 10 > tried * 7, "{fixed} of {tried}");
}

#[test]
fn a_metric_that_a_schedule_follows_may_be_left_out() {
    for kind in ["plateau", "greedy"] {
        for keys in ["", "metric = \"val/accuracy\"\n", "mode = \"min\"\n"] {
            for more in ["", "times = [{ type = \"cosine\" }]\n", "track = \"b\"\n"] {
                for dataset in [
                    DIGITS.into(),
                    format!("{DIGITS}split = {{ val = \"0%\" }}\n"),
                ] {
                    let entry = format!("[[schedule]]\ntype = \"{kind}\"\n{keys}{more}");
                    let is_known = keys.is_empty() || !dataset.contains("0%");
                    assert!(is_fixed(&whole(&entry, &dataset)) || !is_known, "{entry}");
                }
            }
        }
    }
}
