//! Spans that make no sense, in every key that takes a span: zero, negative, without a unit, of
//! another clock, in the key's own unit.

use serde_json::Value as Schema;

use super::{Extensions, Overrides, Plan, Spec, example_text, sections};

/// Spans that no key takes.
const NEVER: [&str; 8] = [
    "-1 steps",
    "0.5 steps",
    "1.5 evals",
    "5",
    "",
    "nan epochs",
    "3 parsecs",
    "1e999 epochs",
];

/// Spans that make no sense in most keys.
const SELDOM: [&str; 8] = [
    "0 steps", "0 epochs", "0%", "0 evals", "0 min", "2 min", "rest", "2 evals",
];

/// A key that takes spans: its name, the type of its component, and the file with a span in it.
struct Key {
    name: String,
    file: Box<dyn Fn(&str) -> String>,
}

fn has_span(schema: &Schema) -> bool {
    match schema {
        Schema::Object(object) => {
            object.get("format").is_some_and(|format| format == "span")
                || object.values().any(has_span)
        }
        Schema::Array(items) => items.iter().any(has_span),
        _ => false,
    }
}

/// A config with lines added to `[train]` and more tables.
fn file(train: &str, more: &str) -> String {
    format!(
        "[model]\ntype = \"mlp\"\nhidden = [4]\n[dataset]\ntype = \"digits\"\n\
         [optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nepochs = 10\n{train}\n{more}\n"
    )
}

/// The value of a key that takes a span, a list of spans, or a table of them.
fn value(key: &str, span: &str) -> String {
    match key {
        "at" => format!("at = [{span:?}]"),
        "points" => format!("points = [[\"0 steps\", 1.0], [{span:?}, 0.5]]"),
        "early_stop" => format!("early_stop = {{ patience = {span:?} }}"),
        key => format!("{key} = {span:?}"),
    }
}

/// Every key of the language that takes a span.
fn keys() -> Vec<Key> {
    let mut all: Vec<Key> = Vec::new();
    let mut add = |name: String, file: Box<dyn Fn(&str) -> String>| all.push(Key { name, file });
    for section in sections(&Extensions::new()) {
        let taking = |schema: &Schema| -> Vec<String> {
            let properties = schema["properties"].as_object().cloned();
            let all = properties.into_iter().flatten();
            // Lists of tables are sections of their own.
            let all = all.filter(|(key, schema)| key != "phase" && has_span(schema));
            all.map(|(key, _)| key).collect()
        };
        for key in taking(&section.common) {
            let name = format!("{}.{key}", section.path);
            match section.path {
                "train" => add(name, Box::new(move |span| file(&value(&key, span), ""))),
                "schedule" => add(
                    name,
                    Box::new(move |span| {
                        let value = value(&key, span);
                        file(
                            "",
                            &format!(
                                "[[schedule]]\ntype = \"poly\"\n{value}\n[[schedule]]\ntype = \"constant\"\nfor = \"1 step\"\n"
                            ),
                        )
                    }),
                ),
                path => add(
                    name,
                    Box::new(move |span| file("", &format!("[{path}]\n{}", value(&key, span)))),
                ),
            }
        }
        for (kind, schema) in &section.kinds {
            assert!(section.path.starts_with("schedule") || taking(schema).is_empty());
            if section.path != "schedule" {
                continue;
            }
            for key in taking(schema) {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let others = required.iter().filter_map(Schema::as_str);
                let others = others.filter(|other| *other != key);
                let lines = others.map(|key| example_text(key, &schema["properties"][key]) + "\n");
                let lines = format!("type = \"{kind}\"\n{}", lines.collect::<String>());
                add(
                    format!("schedule.{kind}.{key}"),
                    Box::new(move |span| {
                        file("", &format!("[[schedule]]\n{lines}{}", value(&key, span)))
                    }),
                );
            }
        }
    }
    add(
        "schedule.times.over".into(),
        Box::new(|span| {
            let factor = format!("{{ type = \"cosine\", {} }}", value("over", span));
            file(
                "",
                &format!("[[schedule]]\ntype = \"poly\"\ntimes = [{factor}]"),
            )
        }),
    );
    all
}

fn resolve(text: &str) -> Result<Plan, String> {
    let spec = Spec::parse("a.toml", text, &Overrides::default());
    Plan::resolve(&spec, &Extensions::new()).map_err(|faults| faults.to_string())
}

#[test]
fn a_span_that_makes_no_sense_is_refused() {
    let mut taken = String::new();
    let keys = keys();
    assert!(keys.len() >= 25, "{}", keys.len());
    for Key { name, file } in keys {
        resolve(&file("3 steps")).unwrap_or_else(|faults| panic!("{name}\n{faults}"));
        for span in NEVER {
            assert!(resolve(&file(span)).is_err(), "{name} takes {span:?}");
        }
        let accepts = |span: &&str| match resolve(&file(span)) {
            Ok(_) => true,
            Err(faults) => {
                assert!(faults.contains("hint: "), "{name} = {span:?}\n{faults}");
                false
            }
        };
        let accepted: Vec<&str> = SELDOM.into_iter().filter(accepts).collect();
        taken += format!("{name}: {}", accepted.join(", ")).trim_end();
        taken += "\n";
    }
    insta::assert_snapshot!(taken, @r"
    schedule.for: 0 steps, 0 epochs, 0%, 0 evals, rest, 2 evals
    schedule.over: 2 evals
    schedule.exponential.period: 2 evals
    schedule.inverse_time.period: 2 evals
    schedule.step.size: 2 evals
    schedule.multistep.at: 0 steps, 0 epochs, 0%, 0 evals, 2 evals
    schedule.inverse_sqrt.scale: 2 evals
    schedule.noam.warmup: 2 evals
    schedule.power.scale: 2 evals
    schedule.cyclic.up: 2 evals
    schedule.cyclic.down: 2 evals
    schedule.cosine_restarts.cycle: 2 evals
    schedule.table.points: 2 evals
    schedule.repeat.cycle: 2 evals
    schedule.plateau.patience: 0 steps, 0 epochs, 0%, 0 evals, 2 evals
    schedule.plateau.cooldown: 0 steps, 0 epochs, 0%, 0 evals, 2 evals
    schedule.greedy.patience: 0 steps, 0 epochs, 0%, 0 evals, 2 evals
    schedule.greedy.cooldown: 0 steps, 0 epochs, 0%, 0 evals, 2 evals
    schedule.greedy.warmup: 0 steps, 0 epochs, 0%, 0 evals, 2 evals
    train.horizon: 2 evals
    train.eval_every:
    train.log_every: 2 evals
    train.early_stop: 2 evals
    checkpoint.every: 2 min, 2 evals
    schedule.times.over: 2 evals
    ");
}
