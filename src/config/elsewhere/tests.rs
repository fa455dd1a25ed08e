//! The list holds what this language has, and hints are TOML.

use super::*;
use crate::config::{Extensions, Overrides, Place, Plan, Spec, node::Value};

#[test]
fn every_key_that_is_named_instead_exists_and_takes_its_value() {
    for entry in ENTRIES.iter().filter(|entry| entry.is_key()) {
        for (i, line) in entry.lines.iter().enumerate() {
            let line = filled(line, i, None, &|_| false);
            let (key, value) = line.split_once(" = ").unwrap_or_default();
            let mut sections = LANGUAGE.iter();
            let section = sections.find(|s| s.header == in_full(entry.table)).unwrap();
            let is_named = |(name, _): &(String, Schema)| format!("\"{name}\"") == value;
            let is_taken = match key {
                "type" => section.kinds.iter().any(is_named),
                key => key_schemas(entry.table, key).any(|s| accepts(value, s)),
            };
            assert!(is_taken, "{:?}: {} {line}", entry.names, entry.table);
        }
    }
}

#[test]
fn a_phase_that_is_named_instead_is_complete() {
    let text = "[model]\ntype = \"mlp\"\n[dataset]\ntype = \"digits\"\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nepochs = 200\n[[schedule]]\n";
    for entry in ENTRIES
        .iter()
        .filter(|entry| entry.table == "[[schedule]]" && entry.lines[0].starts_with("type"))
    {
        let lines = entry.lines.iter();
        let lines: Vec<String> = lines
            .map(|line| filled(line, 0, None, &|_| false))
            .collect();
        let text = format!("{text}{}\n", lines.join("\n"));
        let spec = Spec::parse("a.toml", &text, &Overrides::default());
        if let Err(error) = Plan::resolve(&spec, &Extensions::new()) {
            panic!("{:?}: {error}", entry.names);
        }
    }
}

#[test]
fn no_key_of_this_language_is_taken_for_one_of_another_tool() {
    let sections = LANGUAGE
        .iter()
        .filter(|section| section.header != "[[schedule]]");
    for section in sections {
        let common = section.common["properties"].as_object();
        for key in common.into_iter().flatten().map(|(key, _)| key) {
            let is_taken =
                |entry: &Entry| entry.names(key) && in_full(entry.table) == section.header;
            assert!(!ENTRIES.iter().any(is_taken), "{} {key}", section.header);
        }
    }
}

/// The hint for a key of a table whose type, if it has one, is `kind`.
fn told(header: &str, kind: &str, key: &str, value: Value) -> String {
    let section = LANGUAGE
        .iter()
        .find(|s| s.header == in_full(header))
        .unwrap();
    let own = section.kinds.iter().find(|(name, _)| name == kind);
    let own = own.map_or(serde_json::json!({}), |(_, schema)| schema.clone());
    let schema = crate::config::tables::merged(&own, &section.common);
    let place = Place {
        source: 0,
        range: 0..0,
    };
    let home = Home {
        header,
        schema: &schema,
    };
    hint(home, key, Some(&Node::new(value, place))).unwrap_or_default()
}

#[test]
fn what_was_written_stands_in_the_hint() {
    let integer = Value::Integer;
    let text = |text: &str| Value::String(text.into());
    let float = Value::Float;
    let numbers = |numbers: [f64; 2]| {
        let place = Place {
            source: 0,
            range: 0..0,
        };
        Value::Array(numbers.map(|n| Node::new(float(n), place.clone())).to_vec())
    };
    let betas = || numbers([0.8, 0.99]);
    let flag = Value::Bool(true);
    let table = [
        (
            "[train]",
            "",
            "seed",
            integer(3),
            "write `seed = 3` above the first table",
        ),
        (
            "[train]",
            "",
            "lr",
            float(0.3),
            "write `lr = 0.3` in `[optimizer]`",
        ),
        (
            "[train]",
            "",
            "fp16",
            flag.clone(),
            "write `precision = \"f16\"`",
        ),
        (
            "[optimizer]",
            "sgd",
            "fp16",
            flag,
            "write `precision = \"f16\"` in `[train]`",
        ),
        (
            "",
            "",
            "max_epochs",
            integer(7),
            "write `epochs = 7` in `[train]`",
        ),
        (
            "",
            "",
            "log_interval",
            integer(1),
            "write `log_every = \"1 step\"` in `[train]`",
        ),
        (
            "[train]",
            "",
            "warmup_ratio",
            float(0.06),
            "write `[[schedule]]` with `type = \"warmup\"` and `for = \"6%\"`",
        ),
        (
            "[optimizer]",
            "sgd",
            "learningRate",
            float(0.3),
            "write `lr = 0.3`",
        ),
        (
            "[optimizer]",
            "adam",
            "betas",
            betas(),
            "write `beta1 = 0.8` and `beta2 = 0.99`",
        ),
        ("[optimizer]", "sgd", "betas", betas(), ""),
        (
            "[train]",
            "",
            "lr_scheduler_type",
            text("CosineAnnealingLR"),
            "write `[[schedule]]` with `type = \"cosine\"`",
        ),
        (
            "[train]",
            "",
            "val_split",
            float(0.2),
            "write `split = { val = \"20%\" }` in `[dataset]`",
        ),
        (
            "[train]",
            "",
            "hidden_size",
            integer(64),
            "write `hidden = [64]` in `[model]`",
        ),
        (
            "[model]",
            "mlp",
            "hidden_size",
            integer(64),
            "write `hidden = [64]`",
        ),
        (
            "[model]",
            "lstm",
            "hidden_size",
            integer(64),
            "write `hidden = 64`",
        ),
        (
            "[train]",
            "",
            "patience",
            integer(5),
            "write `early_stop = { patience = \"5 evals\" }`",
        ),
        (
            "[dataset]",
            "digits",
            "momentum",
            float(0.9),
            "it is a key of `[optimizer]` of type `sgd`",
        ),
        (
            "[train]",
            "",
            "output_dir",
            text("x"),
            "`--runs DIR` says where runs are kept",
        ),
        ("[train]", "", "colour", integer(1), ""),
        (
            "[[schedule]]",
            "cosine",
            "T_max",
            integer(5),
            "write `for = \"5 epochs\"`",
        ),
        (
            "[[schedule]]",
            "cosine",
            "eta_min",
            float(1e-6),
            "write `to_value = 0.000001`",
        ),
        (
            "[[schedule]]",
            "warmup",
            "steps",
            integer(9),
            "write `for = \"9 steps\"`",
        ),
        (
            "[[schedule]]",
            "step",
            "step_size",
            integer(9),
            "write `size = \"9 epochs\"`",
        ),
        (
            "[[schedule]]",
            "cosine",
            "step_size",
            integer(9),
            "`type = \"step\"` has it",
        ),
        (
            "[optimizer]",
            "sgd",
            "epochs",
            integer(9),
            "write `epochs = 9` in `[train]`",
        ),
    ];
    for (header, kind, key, value, expected) in table {
        assert_eq!(
            told(header, kind, key, value),
            expected,
            "{header} {kind} {key}"
        );
    }
}

#[test]
fn tables_of_other_tools_are_known() {
    assert_eq!(super::table("scheduler"), Some("[[schedule]]"));
    assert_eq!(super::table("training"), Some("[train]"));
    assert_eq!(super::table("train"), None);
    let headers: Vec<&str> = LANGUAGE.iter().map(|section| section.header).collect();
    assert!(TABLES.iter().all(|entry| headers.contains(&entry.table)));
}
