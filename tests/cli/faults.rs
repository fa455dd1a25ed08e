//! The config language as its users meet it: what a wrong config is told, and that a right one
//! means the same wherever and however it is read.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;
use trainer::config::{Extensions, Overrides, Plan, Spec};

use super::sandbox::{Outcome, Sandbox, copy, json_lines, repository};

/// A sandbox with the test configs in it: `configs/{valid,invalid}` and `configs/data`.
pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    copy(
        &repository().join("tests/configs"),
        &sandbox.path("configs"),
    );
    sandbox
}

/// The names of the configs in a folder, without `.toml`, sorted.
pub fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(repository().join("tests/configs").join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn check(sandbox: &Sandbox, config: &str, more: &[&str]) -> Outcome {
    let args = [&["check", config, "--quiet"], more].concat();
    sandbox.trainer(&args)
}

#[test]
fn every_fault_is_told_at_its_place_with_a_remedy() {
    let sandbox = sandbox();
    let names = names("invalid");
    assert!(names.len() >= 100, "{} configs", names.len());
    for name in names {
        let outcome = check(&sandbox, &format!("configs/invalid/{name}.toml"), &[]).exits(2);
        assert_eq!(outcome.stdout, "", "{name}");
        assert_snapshot!(format!("invalid__{name}"), outcome.stderr);
    }
}

#[test]
fn a_fault_begins_with_what_and_where() {
    let sandbox = sandbox();
    let outcome = check(&sandbox, "configs/invalid/unknown-key-optimizer.toml", &[]);
    let lines: Vec<&str> = outcome.stderr.lines().take(2).collect();
    assert_eq!(
        lines,
        [
            "error: unknown key `momentun` in `[optimizer]` of type `sgd`",
            "  --> configs/invalid/unknown-key-optimizer.toml:10:1",
        ]
    );
}

#[test]
fn faults_for_programs_have_the_same_places() {
    let sandbox = sandbox();
    for name in names("invalid") {
        let config = format!("configs/invalid/{name}.toml");
        let text = check(&sandbox, &config, &[]).stderr;
        let value = check(&sandbox, &config, &["--format", "json"])
            .exits(2)
            .json();
        assert_eq!(value["ok"], false, "{name}");
        let faults = value["faults"].as_array().unwrap();
        assert!(!faults.is_empty(), "{name}");
        for fault in faults {
            let place = &fault["place"];
            let (file, line) = (place["file"].as_str().unwrap(), &place["line"]);
            let arrow = format!("--> {file}:{line}:{}\n", place["column"]);
            assert!(text.contains(&arrow), "{name}: {arrow} is not in\n{text}");
            assert!(text.contains(fault["message"].as_str().unwrap()), "{name}");
        }
    }
}

#[test]
fn faults_in_overrides_point_into_the_override() {
    let sandbox = sandbox();
    let config = "configs/valid/base.toml";
    let told = |more: &[&str]| check(&sandbox, config, more).exits(2).stderr;
    assert_snapshot!(told(&["--set", "optimizer.momentun=0.9", "--set", "train.epochs=ten"]), @"
    error: unknown key `momentun` in `[optimizer]` of type `sgd`
     --> --set:1:11
      |
    1 | optimizer.momentun=0.9
      |           ^^^^^^^^
      |
      = hint: did you mean `momentum`? (allowed: momentum, nesterov, dampening, lr, weight_decay, group)

    error: `epochs` takes a whole number, found a string
     --> --set:1:14
      |
    1 | train.epochs=ten
      |              ^^^

    2 errors; nothing was run
    ");
    assert_snapshot!(told(&["--set", "schedule.7.power=2", "--set", "lr"]), @"
    error: there is no entry 7: the list has 2
     --> --set:1:10
      |
    1 | schedule.7.power=2
      |          ^
      |
      = hint: entries count from 0 to 1

    error: `lr` is not KEY=VALUE
     --> --set:1:1
      |
    1 | lr
      | ^^
      |
      = hint: for example --set optimizer.lr=0.05

    2 errors; nothing was run
    ");
    assert_snapshot!(told(&["--set", "model.hidden=[64,", "--set", "model.=3"]), @"
    error: invalid TOML: unclosed array, expected `]`
     --> --set:1:18
      |
    1 | model.hidden=[64,
      |                  ^
      |
      = hint: is a `]` or a comma missing above?

    error: `model.` is not a key path
     --> --set:1:7
      |
    1 | model.=3
      |       ^
      |
      = hint: keys are joined by points, and entries of a list are numbers: `schedule.1.power=2`

    2 errors; nothing was run
    ");
    assert_snapshot!(told(&["--device", "gpu", "--epochs", "0"]), @r#"
    error: unknown device `gpu`
     --> --device:1:1
      |
    1 | "gpu"
      | ^^^^^
      |
      = hint: did you mean `cuda`? (allowed: auto, cpu, cuda, cuda:N, metal)

    error: `epochs` must be at least 1, found 0
     --> --epochs:1:1
      |
    1 | 0
      | ^

    2 errors; nothing was run
    "#);
    assert_snapshot!(told(&["--set", "schedule.0.for=5", "--set", "dataset={type=\"digit\"}"]), @r#"
    error: `for` takes a span with its unit, such as "5 epochs", found an integer
     --> --set:1:16
      |
    1 | schedule.0.for=5
      |                ^
      |
      = hint: a bare number is ambiguous: write "5 epochs" or "5 steps"

    error: unknown dataset type `digit`
     --> --set:1:15
      |
    1 | dataset={type="digit"}
      |               ^^^^^^^
      |
      = hint: did you mean `digits`? (allowed: digits, mnist, csv, synthetic, text, text_classes)

    2 errors; nothing was run
    "#);
}

#[test]
fn a_file_that_is_not_there_is_told_with_one_that_is() {
    let sandbox = sandbox();
    let told = check(&sandbox, "configs/valid/bse.toml", &[])
        .exits(2)
        .stderr;
    assert_snapshot!(told, @"
    error: cannot read `configs/valid/bse.toml`: no such file or folder
     |
     = hint: did you mean `configs/valid/base.toml`?
    ");
    let told = check(&sandbox, "configs", &[]).exits(2).stderr;
    assert_snapshot!(told, @"error: cannot read `configs`: it is a folder");
}

#[test]
fn warnings_do_not_stop_anything() {
    let sandbox = sandbox();
    let outcome = check(&sandbox, "configs/valid/warnings.toml", &[]).exits(0);
    assert_snapshot!(outcome.stderr, @r#"
    warning: milestone `30 epochs` is never reached: the phase runs `400 steps`
      --> configs/valid/warnings.toml:19:20
       |
    19 | at = ["10 epochs", "30 epochs"]
       |                    ^^^^^^^^^^^

    warning: `haed` matches no parameter and names no group
      --> configs/valid/warnings.toml:23:11
       |
    23 | groups = ["haed"]
       |           ^^^^^^
       |
       = hint: did you mean `head`?
    "#);
}

/// The plan of a config as TOML.
fn plan(sandbox: &Sandbox, config: &str, more: &[&str]) -> String {
    let args = [&["--format", "toml"], more].concat();
    check(sandbox, config, &args).exits(0).stdout
}

fn hash(sandbox: &Sandbox, config: &str, more: &[&str]) -> String {
    let args = [&["--format", "json"], more].concat();
    let value = check(sandbox, config, &args).exits(0).json();
    value["plan_hash"].as_str().unwrap().to_string()
}

/// A plan resolves to itself, text and hash, wherever it lies.
#[track_caller]
fn assert_fixed(sandbox: &Sandbox, config: &str, more: &[&str]) -> String {
    let text = plan(sandbox, config, more);
    sandbox.write("elsewhere/plan.toml", &text);
    assert_eq!(plan(sandbox, "elsewhere/plan.toml", &[]), text, "{config}");
    let plan_hash = hash(sandbox, "elsewhere/plan.toml", &[]);
    assert_eq!(plan_hash, hash(sandbox, config, more), "{config}");
    text
}

#[test]
fn a_plan_resolves_to_itself() {
    let sandbox = sandbox();
    for name in names("valid") {
        assert_fixed(&sandbox, &format!("configs/valid/{name}.toml"), &[]);
    }
}

#[test]
fn a_plan_keeps_the_curve_of_a_shortened_run() {
    let sandbox = sandbox();
    let text = assert_fixed(&sandbox, "configs/valid/base.toml", &["--steps", "50"]);
    assert!(text.contains("horizon = \"400 steps\""), "{text}");
    let text = assert_fixed(&sandbox, "configs/valid/base.toml", &["--epochs", "30"]);
    assert!(!text.contains("horizon"), "{text}");
    let horizon = |more: &[&str]| -> Value {
        let args = [&["--format", "json"], more].concat();
        check(&sandbox, "configs/valid/base.toml", &args).json()["horizon"].clone()
    };
    assert_eq!(horizon(&["--epochs", "2"]), 400);
    assert_eq!(horizon(&["--epochs", "30"]), 600);
    assert_eq!(horizon(&["--set", "train.epochs=2"]), 40);
}

#[test]
fn a_last_batch_of_one_sample_is_no_fault_where_nothing_is_trained_on_it() {
    let sandbox = sandbox();
    let config = "configs/invalid/batch-norm-single-sample.toml";
    for more in [
        ["--set", "dataset.drop_last=true"],
        ["--set", "dataset.batch_size=43"],
        ["--set", "model.norm=layer"],
        // The third batch of the epoch is the small one.
        ["--steps", "2"],
    ] {
        check(&sandbox, config, &more).exits(0);
    }
    check(&sandbox, config, &["--steps", "3"]).exits(2);
    check(&sandbox, config, &["--set", "dataset.batch_size=1"])
        .exits(2)
        .says("a batch has 1 sample, and `norm1` needs 2 to be trained")
        .says("a larger `batch_size`");
    sandbox.ok(&["run", config, "-q", "--steps", "2"]);
}

#[test]
fn every_key_of_the_language_is_used_by_a_valid_config() {
    let sandbox = sandbox();
    let schema = sandbox.ok(&["schema"]).json();
    let mut texts = String::new();
    for name in names("valid") {
        let path = repository().join(format!("tests/configs/valid/{name}.toml"));
        texts.push_str(&fs::read_to_string(path).unwrap());
    }
    let mut keys = Vec::new();
    all_keys(&schema, &mut keys);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<&str> = texts.split(|c| !is_word(c)).collect();
    let unused: Vec<&String> = keys
        .iter()
        // `init` needs the weights of a run.
        .filter(|key| *key != "init" && !words.contains(&key.as_str()))
        .collect();
    assert!(keys.len() > 60 && unused.is_empty(), "{unused:?}");
}

/// Every property name and every allowed name of a schema.
fn all_keys(schema: &Value, out: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(properties) = map.get("properties").and_then(Value::as_object) {
                out.extend(properties.keys().cloned());
            }
            out.extend(map.get("const").and_then(Value::as_str).map(String::from));
            for (key, value) in map {
                if key != "default" && key != "examples" {
                    all_keys(value, out);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| all_keys(item, out)),
        _ => {}
    }
}

#[test]
fn a_plan_is_complete() {
    let sandbox = sandbox();
    let plan: toml::Table =
        toml::from_str(&plan(&sandbox, "configs/valid/base.toml", &[])).unwrap();
    let schema = sandbox.ok(&["schema"]).json();
    let tables = [("train", "train"), ("checkpoint", "checkpoint")];
    for (table, path) in tables {
        let properties = schema["properties"][path]["properties"]
            .as_object()
            .unwrap();
        for (key, property) in properties {
            let has_default = property.get("default").is_some_and(|d| !d.is_null());
            let given = plan[table].get(key).is_some();
            assert!(given || !has_default, "{table}.{key} is not in the plan");
        }
    }
    for table in ["model", "dataset", "loss", "optimizer"] {
        let kind = plan[table]["type"].as_str().unwrap();
        let alternatives = schema["properties"][table]["anyOf"].as_array().unwrap();
        let of_kind = |s: &&Value| s["properties"]["type"]["const"] == kind;
        let schema = alternatives.iter().find(of_kind).unwrap();
        for (key, property) in schema["properties"].as_object().unwrap() {
            let default = property.get("default").cloned().unwrap_or_default();
            let says = !default.is_null() && default != serde_json::json!([]);
            let given = plan[table].get(key).is_some();
            assert!(given || !says, "{table}.{key} is not in the plan");
        }
    }
    assert_eq!(plan["metrics"][0].as_str(), Some("accuracy"));
    assert_eq!(plan["schedule"][1]["power"].as_float(), Some(1.0));
}

#[test]
fn values_of_the_environment_stay_out_of_the_plan() {
    let sandbox = sandbox();
    let config = "configs/valid/environment.toml";
    let with = |folder: &str| {
        let mut command = sandbox.command(&["check", config, "--format", "toml"]);
        command.env("TRAINER_TEST_FOLDER", folder);
        super::sandbox::finish(&mut command).exits(0).stdout
    };
    let text = with("../data");
    assert!(
        text.contains("${env:TRAINER_TEST_FOLDER}/flowers.csv"),
        "{text}"
    );
    assert!(
        text.contains("target = \"kind\""),
        "a default is written: {text}"
    );
    let absolute = sandbox.path("configs/data").display().to_string();
    let text = with(&absolute);
    assert!(!text.contains(&absolute), "{text}");
    assert!(
        text.contains("path = \"${env:TRAINER_TEST_FOLDER}/flowers.csv\""),
        "{text}"
    );
}

#[test]
fn set_takes_every_form() {
    let sandbox = sandbox();
    let value = |set: &[&str], path: &str| -> Value {
        let flags: Vec<&str> = set.iter().flat_map(|s| ["--set", s]).collect();
        let args = [&["--format", "json"], flags.as_slice()].concat();
        let json = check(&sandbox, "configs/valid/base.toml", &args)
            .exits(0)
            .json();
        json["plan"].pointer(path).unwrap().clone()
    };
    assert_eq!(value(&["optimizer.lr=0.05"], "/optimizer/lr"), 0.05);
    assert_eq!(value(&["schedule.1.power=2"], "/schedule/1/power"), 2.0);
    assert_eq!(value(&["model.hidden=[8, 4]"], "/model/hidden/1"), 4);
    assert_eq!(value(&["model.hidden.0=9"], "/model/hidden/0"), 9);
    assert_eq!(
        value(
            &["optimizer={ type = \"adam\", lr = 1e-3 }"],
            "/optimizer/beta1"
        ),
        0.9
    );
    assert_eq!(
        value(&["model.activation=gelu"], "/model/activation"),
        "gelu"
    );
    assert_eq!(
        value(&["model.activation = gelu"], "/model/activation"),
        "gelu"
    );
    assert_eq!(
        value(&["notes=two words, and more"], "/notes"),
        "two words, and more"
    );
    assert_eq!(value(&["notes=\"a = b\""], "/notes"), "a = b");
    assert_eq!(
        value(&["train.eval_every=2 epochs"], "/train/eval_every"),
        "2 epochs"
    );
    assert_eq!(value(&["train.ema.decay=0.9"], "/train/ema/decay"), 0.9);
    assert_eq!(
        value(
            &["loss.type=cross_entropy", "loss.label_smoothing=0.1"],
            "/loss/label_smoothing"
        ),
        0.1
    );
    assert_eq!(
        value(&["dataset.split={ val = \"20%\" }"], "/dataset/split/val"),
        "20%"
    );
    assert_eq!(value(&["tags=[\"a\", \"b\"]"], "/tags/1"), "b");
    assert_eq!(value(&["seed=1", "seed=2"], "/seed"), 2);
}

#[test]
fn a_replaced_type_takes_its_own_keys_along() {
    let sandbox = sandbox();
    let args = ["--set", "optimizer.type=adam", "--set", "optimizer.lr=1e-3"];
    let outcome = check(&sandbox, "configs/valid/base.toml", &args).exits(0);
    assert_snapshot!(outcome.stderr, @"
    warning: `momentum` is a key of `sgd` and is left out: `type` is now `adam`
      --> configs/valid/base.toml:15:1
       |
    15 | momentum = 0.9
       | ^^^^^^^^

    warning: `nesterov` is a key of `sgd` and is left out: `type` is now `adam`
      --> configs/valid/base.toml:16:1
       |
    16 | nesterov = true
       | ^^^^^^^^
    ");
}

#[test]
fn schedules_are_shown_without_the_data() {
    let sandbox = sandbox();
    let config = "configs/invalid/missing-data.toml";
    let args = [
        "schedule",
        config,
        "--steps-per-epoch",
        "10",
        "--format",
        "csv",
    ];
    let text = sandbox.ok(&args).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines.len()), ("step,epoch,lr", 201));
    assert_eq!((lines[1], lines[16]), ("0,0,0.1", "15,1.5,0.1"));
    sandbox.trainer(&args[..2]).exits(2).says("cannot read");
}

#[test]
fn a_schedule_has_a_column_for_each_target_and_group() {
    let sandbox = sandbox();
    let config = "configs/valid/schedules.toml";
    let args = [
        "schedule",
        config,
        "--steps-per-epoch",
        "10",
        "--format",
        "csv",
        "--at",
        "0,5,1999",
    ];
    assert_snapshot!(sandbox.ok(&args).stdout, @"
    step,epoch,lr,momentum,weight_decay,beta2,ema_decay,clip_norm,lr[head],beta2[head]
    0,0,0,0.9,0.01,0.999,0.999,2,0,0.98901
    5,0.5,0.02631578947368421,0.9,0.010450000000000001,0.999,0.999,1.9949999999999999,0.02631578947368421,0.98901
    1999,199.9,0.001,0.9,0.1,0.999,0.999,1,0.001,0.98901
    ");
    let args = [
        "schedule",
        config,
        "configs/valid/base.toml",
        "--format",
        "json",
        "--at",
        "0",
    ];
    let json = sandbox.ok(&args).json();
    assert_eq!(json.as_array().map(Vec::len), Some(2));
    assert_eq!(json[1]["total_steps"], 400);
    assert_eq!(json[1]["steps"], serde_json::json!([0]));
    assert!(json[1]["values"]["lr"][0].is_f64());
}

#[test]
fn a_run_uses_what_the_schedule_shows() {
    let sandbox = sandbox();
    let config = "configs/valid/base.toml";
    let set = ["--set", "train.log_every=1 step", "--epochs", "2"];
    let csv = sandbox
        .ok(&[&["schedule", config, "--format", "csv"], &set[..]].concat())
        .stdout;
    sandbox.ok(&[&["run", config, "--quiet"], &set[..]].concat());
    let rates: Vec<f64> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap().parse().unwrap())
        .collect();
    let mut compared = 0;
    let rows = json_lines(sandbox.run_dir().join("metrics.jsonl"));
    for row in rows.iter().filter(|row| row["kind"] == "step") {
        if let (Some(step), Some(lr)) = (row["step"].as_u64(), row["lr"].as_f64()) {
            assert_eq!(
                lr.to_bits(),
                rates[step as usize - 1].to_bits(),
                "step {step}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 40);
}

#[test]
fn a_new_config_has_no_faults() {
    let sandbox = sandbox();
    let text = "the quick brown fox jumps over the lazy dog\n".repeat(100);
    sandbox.write("configs/data/fox.txt", text);
    for (model, dataset, optimizer) in [
        ("mlp", "digits", "sgd"),
        ("cnn", "digits", "adamw"),
        ("mlp", "csv", "adam"),
        ("mlp", "synthetic", "sgd"),
        ("cnn", "synthetic", "adam"),
        ("resnet", "digits", "sgd"),
        ("lstm", "digits", "adamw"),
        ("gpt", "text", "adamw"),
    ] {
        let name = format!("configs/new-{model}-{dataset}");
        sandbox.ok(&[
            "new",
            &name,
            "--model",
            model,
            "--dataset",
            dataset,
            "--optimizer",
            optimizer,
        ]);
        let config = format!("{name}.toml");
        let set = match dataset {
            "csv" => vec![
                "--set",
                "dataset.path=configs/data/flowers.csv",
                "--set",
                "dataset.target=kind",
                "--set",
                "dataset.split={val=\"30%\",test=\"0%\",stratify=true}",
            ],
            "text" => vec!["--set", "dataset.path=configs/data/fox.txt"],
            _ => Vec::new(),
        };
        let outcome = check(&sandbox, &config, &set).exits(0);
        assert_eq!(outcome.stderr, "", "{config}");
        sandbox.trainer(&["new", &name]).exits(2);
    }
    let told = sandbox
        .trainer(&["new", "x", "--model", "mpl"])
        .exits(2)
        .stderr;
    assert_snapshot!(told, @"
    error: unknown model type `mpl`
    hint: did you mean `mlp`?
    ");
}

#[test]
fn every_topic_is_explained() {
    let sandbox = sandbox();
    let explain = |path: &str| sandbox.ok(&["explain", path]).stdout;
    let power = explain("schedule.poly.power");
    let (words, curve) = power
        .split_once("\na phase of 100 epochs at base 1\n")
        .unwrap();
    assert!(
        curve.contains("a power = 0.5   b power = 1   c power = 2"),
        "{curve}"
    );
    assert_snapshot!(words, @"
    schedule.poly.power
    The exponent: below 1 the decay comes late, above 1 early. At least 0. Default 1.

    type     number ≥ 0
    default  1.0
    example  power = 1.0

    formula  f(u) = b + (a − b)·(1 − p^k)^power, with k = k_decay
             a: start (`from`), b: end (`to`), u: updates since the phase began,
             D: length of the curve (`over`), p: the share of it that is done, u/D
    source   PyTorch's PolynomialLR; k-decay is Zhang & Li, arXiv:2004.05909
    ");
    assert_snapshot!(explain("train.early_stop"), @r#"
    train.early_stop
    Ends the run when a metric no longer improves; `[checkpoint] best` then watches the same metric, unless it says another. Default: never.

    type     table
    default  never
    example  early_stop = { metric = "val/loss" }

    name       type             default                      meaning
    metric     string           that of `[checkpoint] best`  The metric to watch
    mode       one of min, max  as the metric says           Whether `max` or `min` is better
    patience   span             "10 evals"                   How long it may go without improving: `"10 evals"` or `"10 epochs"`
    min_delta  number ≥ 0       0.0                          The least change that counts
    "#);
    assert_eq!(explain("schedule.0"), explain("[[schedule]]"));
    assert_eq!(explain("model.type"), explain("model"));
    assert!(explain("metrics.top_5").contains("k largest"));
    assert_eq!(explain("nesterov"), explain("optimizer.sgd.nesterov"));
    assert_eq!(explain("accuracy"), explain("metrics.accuracy"));
    assert_eq!(
        explain("early_stop.patience"),
        explain("train.early_stop.patience")
    );
    assert!(explain("digits").starts_with("[dataset] with type = \"digits\""));
    assert_snapshot!(explain("momentum"), @r#"
    momentum                  what it is
    optimizer.group.momentum  Its momentum, or beta1
    optimizer.sgd.momentum    Share of the last step's direction that is kept

    trainer explain optimizer.group.momentum tells everything about the first
    "#);
    assert_snapshot!(sandbox.ok(&["explain"]).stdout, @r#"
    table                  what it holds
    top level              Keys before the first table
    [model]                What is trained
    [dataset]              What it is trained on, and how samples become batches
    [[dataset.transform]]  What happens to a sample on its way into a batch, in order
    [loss]                 What is minimised
    [optimizer]            How gradients become updates; `[[optimizer.group]]` for parameters of their own
    [[schedule]]           How the learning rate (or another target) changes
    [train]                How long, and what happens around a step
    [checkpoint]           What is kept of a run's states
    metrics                Names for the key `metrics`

    trainer explain NAME tells about a table, a component or a key: optimizer, sgd, momentum
    "#);
    assert_snapshot!(sandbox.ok(&["list"]).stdout, @r#"
    models      mlp, cnn, resnet, lstm, gpt, transformer
    datasets    digits, mnist, csv, synthetic, text, text_classes
    transforms  normalize, standardize, random_crop, horizontal_flip
    losses      cross_entropy, mse, mae, huber, bce
    optimizers  sgd, adam, adamw
    schedules   constant, linear, warmup, poly, cosine, geometric, sqrt_decay,
                square_decay, exponential, inverse_time, step, multistep,
                inverse_sqrt, noam, power, tanh, rex, cyclic, cosine_restarts,
                one_cycle, table, expr, follow, repeat, plateau, greedy
    metrics     accuracy, balanced_accuracy, top_<k>, precision, recall, f1, auc,
                average_precision, mcc, log_loss, brier, perplexity, rmse, mae,
                mape, r2, explained_variance

    trainer list KIND tells what each is, trainer explain NAME everything about one
    "#);
    let words = sandbox.ok(&["explain", "optimizer", "sgd"]).stdout;
    assert_eq!(words, explain("optimizer.sgd"));
    let told = |path: &str| sandbox.trainer(&["explain", path]).exits(2).stderr;
    assert_snapshot!(told("optimizer.sgd.momentun"), @"
    error: the config language has no `optimizer.sgd.momentun`
    hint: did you mean `optimizer.sgd.momentum`?
    ");
    for kind in [
        "models",
        "datasets",
        "transforms",
        "losses",
        "metrics",
        "optimizers",
        "schedules",
    ] {
        assert!(
            sandbox.ok(&["list", kind]).stdout.lines().count() > 2,
            "{kind}"
        );
    }
}

#[test]
fn the_reference_is_not_stale() {
    let sandbox = sandbox();
    let reference = sandbox.ok(&["schema", "--reference"]).stdout;
    let written = fs::read_to_string(repository().join("docs/config.md")).unwrap_or_default();
    assert!(
        reference == written,
        "docs/config.md is stale: cargo run -- schema --reference > docs/config.md"
    );
}

/// A plain generator of numbers: the same ones every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

fn resolve(text: &str) -> Result<Plan, trainer::config::ConfigError> {
    let spec = Spec::parse("a.toml", text, &Overrides::default());
    Plan::resolve(&spec, &Extensions::new())
}

#[test]
fn no_damage_to_a_config_makes_the_checker_panic() {
    let text = fs::read(repository().join("tests/configs/valid/everything-mlp.toml")).unwrap();
    let bytes = b"=[]{}\"'#.,\n\\-+0129eE_ntx \xc3\xbc";
    let mut numbers = Numbers(7);
    let mut refused = 0;
    for _ in 0..3000 {
        let mut text = text.clone();
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(text.len());
            match numbers.below(4) {
                0 => text[at] = bytes[numbers.below(bytes.len())],
                1 => text.insert(at, bytes[numbers.below(bytes.len())]),
                2 => drop(text.drain(at..(at + numbers.below(20)).min(text.len()))),
                _ => {
                    let end = (at + numbers.below(40)).min(text.len());
                    let copy = text[at..end].to_vec();
                    let to = numbers.below(text.len());
                    text.splice(to..to, copy);
                }
            }
        }
        let text = String::from_utf8_lossy(&text);
        if let Err(error) = resolve(&text) {
            refused += 1;
            let told = error.0.render(false);
            assert!(
                told.starts_with("error: ") || told.starts_with("warning: "),
                "{told}"
            );
            assert!(error.0.to_json().is_array());
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn random_plans_resolve_to_themselves() {
    let mut numbers = Numbers(1);
    for _ in 0..200 {
        let text = random_config(&mut numbers);
        let plan = resolve(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let again = resolve(&plan.to_toml()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(again.to_toml(), plan.to_toml(), "{text}");
        assert_eq!(again.hash(), plan.hash(), "{text}");
        assert_eq!(again.length, plan.length, "{text}");
        let values = |plan: &Plan| -> Vec<_> {
            let steps = [
                0,
                1,
                plan.length.total_steps / 2,
                plan.length.total_steps - 1,
            ];
            let lr = trainer::schedule::Target::Lr;
            steps
                .map(|t| plan.schedules.value(lr, 0, t).map(f64::to_bits))
                .to_vec()
        };
        assert_eq!(values(&again), values(&plan), "{text}");
    }
}

/// A config without faults.
fn random_config(n: &mut Numbers) -> String {
    let model = match n.below(2) {
        0 => format!(
            "type = \"mlp\"\nhidden = [{}]\nactivation = \"{}\"",
            n.one_of(&["", "4", "8, 4", "3, 3, 3"]),
            n.one_of(&["relu", "gelu", "tanh"])
        ),
        _ => format!(
            "type = \"cnn\"\nchannels = [{}]\nkernel = 3",
            n.one_of(&["2", "2, 3"])
        ),
    };
    let optimizer = match n.one_of(&["sgd", "adam", "adamw"]) {
        "sgd" => format!(
            "type = \"sgd\"\nlr = {}\nmomentum = 0.9",
            n.one_of(&["1", "0.1", "1e-3"])
        ),
        kind => format!("type = \"{kind}\"\nlr = {}", n.one_of(&["1e-3", "3e-4"])),
    };
    let mut text = format!(
        "seed = {}\n[model]\n{model}\nnorm = \"{}\"\n[dataset]\ntype = \"digits\"\nbatch_size = {}\ndrop_last = {}\n[optimizer]\n{optimizer}\n",
        n.below(100),
        n.one_of(&["none", "batch", "layer"]),
        32 + n.below(300),
        n.one_of(&["true", "false"]),
    );
    if n.below(2) == 0 {
        text += "[[optimizer.group]]\nmatch = [\"*.bias\"]\nweight_decay = 0\n";
    }
    for _ in 0..n.below(3) {
        let kind = n.one_of(&["warmup", "linear", "poly", "cosine", "constant"]);
        let length = n.one_of(&["1 epoch", "3 steps", "7.5%", "0.3 epochs"]);
        text += &format!("[[schedule]]\ntype = \"{kind}\"\nfor = \"{length}\"\n");
    }
    text += n.one_of(&[
        "",
        "[[schedule]]\ntype = \"poly\"\npower = 0.9\nevery = \"epoch\"\n",
        "[[schedule]]\ntype = \"exponential\"\ngamma = 0.97\nperiod = \"1 epoch\"\n",
    ]);
    let length = match n.below(2) {
        0 => format!("epochs = {}", 4 + n.below(20)),
        _ => format!("steps = {}", 800 + n.below(500)),
    };
    text += &format!(
        "[train]\n{length}\ngrad_accumulation = {}\n",
        1 + n.below(3)
    );
    text += n.one_of(&["", "clip_norm = 1\n", "ema = {}\n", "early_stop = {}\n"]);
    text + n.one_of(&["", "[checkpoint]\nkeep = 5\n", "[checkpoint]\nbest = {}\n"])
}
