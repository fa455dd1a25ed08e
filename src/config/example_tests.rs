//! The examples of keys, on every model that they can be used with: they are accepted, and the ones
//! that name parameters mean the same everywhere.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value as Schema;

use super::{Extensions, Overrides, Plan, Section, Spec, example_text, sections};

/// The models that come with the tool, where a norm can be chosen with each choice of it.
const MODELS: [&str; 9] = [
    "type = \"mlp\"\nhidden = [6]\n",
    "type = \"mlp\"\nhidden = [6]\nnorm = \"batch\"\n",
    "type = \"mlp\"\nhidden = [6]\nnorm = \"layer\"\n",
    "type = \"cnn\"\nchannels = [4]\nnorm = \"batch\"\n",
    "type = \"cnn\"\nchannels = [4]\nhidden = [6]\nnorm = \"layer\"\n",
    "type = \"resnet\"\ndepth = 8\nwidth = 2\n",
    "type = \"lstm\"\n",
    "type = \"gpt\"\nlayers = 1\nwidth = 8\nheads = 2\n",
    "type = \"transformer\"\nlayers = 1\nwidth = 8\nheads = 2\n",
];

/// Returns whether a model has norms without being asked.
fn has_norms(model: &str) -> bool {
    ["norm =", "resnet", "gpt", "transformer"]
        .iter()
        .any(|name| model.contains(name))
}

fn dataset(model: &str, lines: &str, folder: &Path) -> String {
    if model.contains("transformer") {
        let file = folder.join("texts.csv");
        let line = |i: usize| format!("c{},{}\n", i % 10, "ab ".repeat(i % 7));
        let rows: String = (0..200).map(line).collect();
        fs::write(&file, format!("label,text\n{rows}")).unwrap();
        let path = toml::Value::from(file.to_str().unwrap());
        return format!("[dataset]\ntype = \"text_classes\"\npath = {path}\n");
    }
    if !model.contains("gpt") {
        let limit = if lines.starts_with("limit") {
            ""
        } else {
            "limit = 90\n"
        };
        return format!("[dataset]\ntype = \"digits\"\n{limit}");
    }
    let file = folder.join("text.txt");
    fs::write(
        &file,
        "the quick brown fox jumps over the lazy dog. ".repeat(20),
    )
    .unwrap();
    let path = toml::Value::from(file.to_str().unwrap());
    format!("[dataset]\ntype = \"text\"\npath = {path}\ncontext = 6\n")
}

/// The plan of a model with more lines in some tables.
fn plan(model: &str, more: &[(&str, &str)], folder: &Path) -> Result<Plan, String> {
    let lines = |table: &str| {
        let own = more.iter().filter(|(name, _)| *name == table);
        own.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    let train = lines("train");
    let length = if train.starts_with("steps =") {
        ""
    } else {
        "epochs = 2\n"
    };
    let length = if train.starts_with("epochs =") {
        ""
    } else {
        length
    };
    let text = format!(
        "{}[model]\n{model}{}{}{}[optimizer]\ntype = \"adamw\"\n{}{}[train]\n{length}{train}[checkpoint]\n{}",
        lines(""),
        lines("model"),
        dataset(model, &lines("dataset"), folder),
        lines("dataset"),
        if lines("optimizer").starts_with("lr =") {
            ""
        } else {
            "lr = 0.001\n"
        },
        lines("optimizer"),
        lines("checkpoint"),
    );
    let spec = Spec::parse("example.toml", &text, &Overrides::default());
    Plan::resolve(&spec, &Extensions::new()).map_err(|faults| format!("{text}\n{faults}"))
}

/// Every model is in the list above.
#[test]
fn every_model_is_tried() {
    for kind in Extensions::new().models.kinds() {
        let name = format!("\"{}\"", kind.name);
        assert!(MODELS.iter().any(|model| model.contains(&name)), "{name}");
    }
}

/// The example of `optimizer.group` matches the biases and the norms in every model.
#[test]
fn the_example_of_a_group_is_biases_and_norms_in_every_model() {
    let all = sections(&Extensions::new());
    let optimizer = all.iter().find(|s| s.path == "optimizer").unwrap();
    let group = &optimizer.common["properties"]["group"];
    let folder = tempfile::tempdir().unwrap();
    for model in MODELS {
        let example = example_text("group", group);
        let norms = has_norms(model);
        // A pattern has to match something: without a norm, the other one is left.
        let example = match norms {
            true => example,
            false => example.replace(", \"*norm*\"", ""),
        };
        let plan = plan(model, &[("optimizer", &example)], folder.path()).unwrap();
        let groups = plan.schedules.groups();
        let named: BTreeSet<&str> = groups
            .iter()
            .filter(|group| group.name != "default")
            .flat_map(|group| group.params.iter().map(String::as_str))
            .collect();
        let layer_kind = |param: &str| {
            let layer = param.rsplit_once('.').map_or("", |(layer, _)| layer);
            let layers = plan.architecture.layers.iter();
            layers
                .filter(|l| l.name == layer)
                .map(|l| l.kind.clone())
                .collect::<String>()
        };
        let params = plan.architecture.params.iter().map(|param| param.name());
        let meant: BTreeSet<&str> = params
            .filter(|name| layer_kind(name).contains("norm") || name.contains("bias"))
            .collect();
        assert_eq!(named, meant, "{model}");
        let is_norm = |name: &&str| name.contains("norm");
        assert_eq!(meant.iter().any(is_norm), norms, "{model}");
    }
}

/// The common keys whose example needs something beside it, with what that is.
const NOT_ALONE: [&str; 3] = [
    // A file that is not there.
    "init", "extends",
    // Names of one model's layers, which the test above and others try.
    "freeze",
];

#[test]
fn every_example_of_a_common_key_is_accepted_with_every_model() {
    let all = sections(&Extensions::new());
    let tables = ["", "model", "dataset", "optimizer", "train", "checkpoint"];
    let folder = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for section in all.iter().filter(|s| tables.contains(&s.path)) {
        for (key, schema) in keys(section) {
            if NOT_ALONE.contains(&key.as_str()) {
                continue;
            }
            let line = example_text(&key, schema);
            for model in MODELS {
                let tokens = model.contains("gpt");
                // These are about classes or images, and a gpt has neither.
                if tokens && ["metrics", "split", "best"].contains(&key.as_str()) {
                    continue;
                }
                if key == "group" && (model.contains("lstm") || model == MODELS[0]) {
                    continue;
                }
                let lines = [(section.path, line.as_str())];
                if let Err(faults) = plan(model, &lines, folder.path()) {
                    panic!("{} {key}: {faults}", section.path);
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 150, "{tried}");
}

fn keys(section: &Section) -> impl Iterator<Item = (String, &Schema)> {
    let properties = section.common["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(key, schema)| (key.clone(), schema))
}

#[test]
fn the_example_of_freeze_keeps_every_norm_as_it_is() {
    let all = sections(&Extensions::new());
    let model = all.iter().find(|s| s.path == "model").unwrap();
    let line = example_text("freeze", &model.common["properties"]["freeze"]);
    let folder = tempfile::tempdir().unwrap();
    for model in MODELS {
        let Ok(plan) = plan(model, &[("model", &line)], folder.path()) else {
            assert!(!has_norms(model), "{model}");
            continue;
        };
        let names = plan.architecture.params.iter().map(|param| param.name());
        let norms: Vec<&str> = names.filter(|name| name.contains("norm")).collect();
        assert_eq!(plan.frozen, norms, "{model}");
    }
}
