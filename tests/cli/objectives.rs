//! Losses and metrics on data of one's own: what they are given, and what is refused before anything
//! runs.

use std::fmt::Write as _;

use crate::sandbox::Sandbox;

/// Numbers that look random, from -1 to 1.
fn noise(i: u32) -> f64 {
    f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 23) - 1.0
}

/// A table `a,b,y` of 60 rows, y a function of a and b.
fn table(y: impl Fn(f64, f64) -> f64) -> String {
    let mut text = String::from("a,b,y\n");
    for i in 0..60 {
        let (a, b) = (2.0 * noise(2 * i), 2.0 * noise(2 * i + 1));
        let _ = writeln!(text, "{a:.3},{b:.3},{:.6}", y(a, b));
    }
    text
}

fn config(dataset: &str, rest: &str) -> String {
    format!(
        "device = \"cpu\"\n[model]\ntype = \"mlp\"\nhidden = []\n\
         [dataset]\ntype = \"csv\"\npath = \"d.csv\"\ntarget = \"y\"\ntask = \"regression\"\n{dataset}\
         [optimizer]\ntype = \"adam\"\nlr = 0.1\n[loss]\ntype = \"bce\"\n[train]\n{rest}"
    )
}

/// The target is the sigmoid of a linear function, which the model can meet exactly.
#[test]
fn metrics_of_a_regression_under_bce_compare_probabilities() {
    let sandbox = Sandbox::new();
    sandbox.write("d.csv", table(|a, b| 1.0 / (1.0 + (-a - b).exp())));
    for standardize in ["", "standardize = false\n", "standardize = true\n"] {
        sandbox.write("c.toml", config(standardize, "epochs = 300\n"));
        let summary = sandbox
            .ok(&["run", "c.toml", "--format", "json", "-q"])
            .json();
        let metric = |name: &str| summary["metrics"][name].as_f64().unwrap();
        for split in ["val", "test"] {
            assert!(metric(&format!("{split}/rmse")) < 0.01, "{summary}");
            assert!(metric(&format!("{split}/mae")) < 0.01, "{summary}");
            assert!(metric(&format!("{split}/r2")) > 0.999, "{summary}");
        }
    }
}

#[test]
fn a_target_outside_the_losss_range_is_found_by_its_line_in_every_split() {
    let sandbox = Sandbox::new();
    let good = table(|a, b| (a + b + 4.0) / 8.0);
    let rows: Vec<&str> = good.lines().collect();
    for standardize in ["", "standardize = false\n"] {
        // Whatever split the row is in.
        for line in [2, 3, 17, 30, 41, 61] {
            let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            rows[line - 1] = "0.5,0.5,1.25".into();
            sandbox.write("d.csv", rows.join("\n"));
            sandbox.write("c.toml", config(standardize, "epochs = 2\n"));
            let place = format!("`d.csv:{line}`: its target `1.25` is not in 0–1");
            for verb in ["check", "run"] {
                sandbox.trainer(&[verb, "c.toml"]).exits(2).says(&place);
            }
            assert!(sandbox.run_dirs().is_empty());
        }
        sandbox.write("d.csv", &good);
        sandbox.ok(&["check", "c.toml"]);
    }
}

#[test]
fn data_made_up_out_of_range_is_refused_too() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "c.toml",
        "[model]\ntype = \"mlp\"\nhidden = []\n\
         [dataset]\ntype = \"synthetic\"\nshape = [3]\nsamples = 50\ntargets = 2\n\
         [optimizer]\ntype = \"sgd\"\nlr = 0.1\n[loss]\ntype = \"bce\"\n[train]\nepochs = 1\n",
    );
    for verb in ["check", "run"] {
        let said = sandbox.trainer(&[verb, "c.toml"]).exits(2);
        said.says("is not in 0–1, as the loss needs it");
    }
}

#[test]
fn an_evaluation_is_the_same_number_in_batches_of_any_size() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "c.toml",
        "metrics = [\"accuracy\", \"perplexity\"]\n[model]\ntype = \"mlp\"\nhidden = [8]\n\
         [dataset]\ntype = \"digits\"\n[loss]\ntype = \"cross_entropy\"\nlabel_smoothing = 0.1\n\
         class_weights = [0.1, 1, 0.3, 1, 1, 1, 0.7, 1, 1, 1]\n\
         [optimizer]\ntype = \"adam\"\nlr = 0.001\n[train]\nepochs = 2\n",
    );
    let metrics = |size: &str, threads: &str| {
        let size = format!("dataset.eval_batch_size={size}");
        let args = [
            "run", "c.toml", "-q", "--format", "json", "--set", &size, "--set",
        ];
        let threads = format!("train.threads={threads}");
        let summary = sandbox.ok(&[&args[..], &[&threads]].concat()).json();
        summary["metrics"].to_string()
    };
    let first = metrics("1", "1");
    for (size, threads) in [("7", "1"), ("60", "2"), ("1000", "4")] {
        assert_eq!(
            metrics(size, threads),
            first,
            "{size} samples, {threads} threads"
        );
    }
}

/// Three classes of 48, 12 and 6 rows; the first two columns tell them apart, nearly.
fn flowers() -> String {
    let mut text = String::from("a,b,kind\n");
    for i in 0..66 {
        let (kind, x, y) = match i % 11 {
            0 => ("rare", 3.0, 3.0),
            1 | 2 => ("some", -2.0, 1.0),
            _ => ("most", 0.0, -1.0),
        };
        let (a, b) = (x + noise(2 * i), y + noise(2 * i + 1));
        let _ = writeln!(text, "{a:.3},{b:.3},{kind}");
    }
    text
}

fn classes(top: &str, loss: &str) -> String {
    format!(
        "device = \"cpu\"\nname = \"flowers\"\n{top}[model]\ntype = \"mlp\"\nhidden = [8]\n\
         [dataset]\ntype = \"csv\"\npath = \"d.csv\"\ntarget = \"kind\"\nbatch_size = 16\n\
         split = {{ val = \"20%\", test = \"20%\", stratify = true }}\n\
         [optimizer]\ntype = \"adam\"\nlr = 0.03\n{loss}[train]\nepochs = 4\n"
    )
}

/// Weights as scikit-learn's `compute_class_weight` has them for the training rows of each class.
#[test]
fn balanced_weights_are_those_of_the_training_split() {
    let sandbox = Sandbox::new();
    sandbox.write("d.csv", flowers());
    let loss =
        |weights: &str| format!("[loss]\ntype = \"cross_entropy\"\nclass_weights = {weights}\n");
    sandbox.write("c.toml", classes("", &loss("\"balanced\"")));
    let plan = sandbox.ok(&["check", "c.toml", "--format", "json"]).json();
    let weights: Vec<f64> = serde_json::from_value(plan["loss_weights"].clone()).unwrap();
    // The classes' weighted counts are all the same, and their mean is that of the samples.
    let train = plan["data"]["train"].as_f64().unwrap();
    let counts: Vec<f64> = weights.iter().map(|w| train / (3.0 * w)).collect();
    assert!(
        (counts.iter().sum::<f64>() - train).abs() < 1e-9,
        "{counts:?}"
    );
    assert!(
        counts
            .iter()
            .all(|count| (count - count.round()).abs() < 1e-9),
        "{counts:?}"
    );
    assert!(counts[0] > counts[2] && counts[2] > counts[1], "{counts:?}");
    let said = sandbox.ok(&["check", "c.toml"]).stdout;
    assert!(said.contains("cross_entropy, weights "), "{said}");

    let run = |config: &str| {
        let summary = sandbox
            .ok(&["run", config, "-q", "--format", "json"])
            .json();
        summary["state_hash"].as_str().unwrap().to_owned()
    };
    sandbox.write("list.toml", classes("", &loss(&format!("{weights:?}"))));
    assert_eq!(run("c.toml"), run("list.toml"));

    let bare: String = flowers()
        .lines()
        .filter(|row| !row.ends_with("rare"))
        .fold(String::new(), |text, row| text + row + "\n");
    let alone = format!("{bare}3,3,rare\n");
    sandbox.write("d.csv", alone);
    let config = classes("", &loss("\"balanced\"")).replace("stratify = true", "seed = 3");
    let faults = (0..40).filter(|seed| {
        sandbox.write(
            "c.toml",
            config.replace("seed = 3", &format!("seed = {seed}")),
        );
        let checked = sandbox.trainer(&["check", "c.toml"]);
        let words = "class `rare` has no training sample to balance";
        assert_eq!(
            checked.code == 2,
            checked.stderr.contains(words),
            "{checked:?}"
        );
        checked.code == 2
    });
    assert!(
        faults.count() > 0,
        "every split had the only row of the class in its training part"
    );
}

#[test]
fn metrics_by_class_are_reported_and_watched() {
    let sandbox = Sandbox::new();
    sandbox.write("d.csv", flowers());
    let top = "metrics = [\"accuracy\", \"f1\", { type = \"f1\", average = \"weighted\" }, \
               { type = \"precision\", average = \"none\" }, \"auc\", \"brier\"]\n";
    let watched = "[checkpoint]\nbest = { metric = \"val/precision/rare\" }\n";
    sandbox.write("c.toml", classes(top, "") + watched);
    let summary = sandbox
        .ok(&["run", "c.toml", "-q", "--format", "json"])
        .json();
    let names: Vec<&String> = summary["metrics"].as_object().unwrap().keys().collect();
    for name in [
        "accuracy",
        "f1",
        "f1_weighted",
        "auc",
        "brier",
        "precision/most",
        "precision/rare",
    ] {
        for split in ["val", "test"] {
            assert!(
                names.contains(&&format!("{split}/{name}")),
                "{name}: {names:?}"
            );
        }
    }
    assert_eq!(summary["best"]["metric"], "val/precision/rare");
    let lower = classes(top, "") + "[checkpoint]\nbest = { metric = \"val/brier\" }\n";
    sandbox.write("c.toml", lower);
    let plan = sandbox.ok(&["check", "c.toml", "--format", "toml"]).stdout;
    assert!(plan.contains("mode = \"min\""), "{plan}");
    assert!(
        plan.contains("\"f1_weighted\", \"precision_none\""),
        "{plan}"
    );
    let wrong = classes(top, "") + "[checkpoint]\nbest = { metric = \"val/precision/rar\" }\n";
    sandbox.write("c.toml", wrong);
    let said = sandbox.trainer(&["check", "c.toml"]).exits(2);
    said.says("did you mean `val/precision/rare`?");
}

#[test]
fn the_confusion_matrix_is_kept_shown_and_drawn() {
    let sandbox = Sandbox::new();
    sandbox.write("d.csv", flowers());
    sandbox.write("c.toml", classes("", ""));
    let summary = sandbox
        .ok(&["run", "c.toml", "-q", "--format", "json"])
        .json();
    let shown = sandbox.ok(&["show", "last", "--format", "json"]).json();
    let matrices = shown["confusion"].as_array().unwrap();
    let named = |split: &str, of: &str| {
        let found = matrices
            .iter()
            .find(|m| m["split"] == split && m["of"] == of);
        found.unwrap_or_else(|| panic!("{split} {of}: {matrices:?}"))
    };
    for (split, of) in [("val", "last"), ("val", "best"), ("test", "last")] {
        let counts: Vec<Vec<u64>> =
            serde_json::from_value(named(split, of)["counts"].clone()).unwrap();
        let whole: u64 = counts.iter().flatten().sum();
        let hits: u64 = (0..3).map(|i| counts[i][i]).sum();
        let accuracy = match of {
            "best" => &summary["best"]["value"],
            _ => &summary["metrics"][format!("{split}/accuracy")],
        };
        let accuracy = accuracy.as_f64().unwrap();
        assert!(
            (hits as f64 / whole as f64 - accuracy).abs() < 1e-12,
            "{split} {of}: {counts:?}"
        );
    }
    let by_class = &named("test", "last")["by_class"];
    assert_eq!(by_class[1]["class"], "rare");

    let text = sandbox.ok(&["show"]).stdout;
    assert!(text.contains("classes of test, step "), "{text}");
    assert!(text.contains("class \\ predicted"), "{text}");
    sandbox.ok(&["show", "--confusion", "--split", "val", "--of", "best"]);
    for (file, start) in [("m.svg", &b"<svg"[..]), ("m.png", b"\x89PNG")] {
        if file == "m.png" && cfg!(not(feature = "png")) {
            continue;
        }
        sandbox.ok(&["show", "--confusion", "-o", file, "--theme", "dark"]);
        assert!(
            std::fs::read(sandbox.path(file))
                .unwrap()
                .starts_with(start),
            "{file}"
        );
    }
    let pdf = ["show", "--confusion", "-o", "m.pdf"];
    sandbox
        .trainer(&pdf)
        .exits(2)
        .says("it ends in .svg or .png");
    sandbox
        .trainer(&["show", "-o", "m.svg"])
        .exits(2)
        .says("--confusion");
    let best = ["show", "--confusion", "--split", "test", "--of", "best"];
    sandbox
        .trainer(&best)
        .exits(2)
        .says("it has --split val --of last");

    let evaluated = sandbox.ok(&["eval", "last", "--per-class"]).stdout;
    assert!(evaluated.contains("precision  recall"), "{evaluated}");
    let found = sandbox.ok(&["eval", "last", "--format", "json"]).json();
    assert_eq!(
        found["confusion"]["counts"],
        named("test", "last")["counts"]
    );
    sandbox.ok(&["verify", "last"]);
}

#[test]
fn a_regression_has_no_confusion_matrix_and_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("d.csv", table(|a, b| (a + b + 4.0) / 8.0));
    sandbox.write("c.toml", config("", "epochs = 1\n"));
    sandbox.ok(&["run", "c.toml", "-q"]);
    let said = sandbox.trainer(&["show", "--confusion"]).exits(2);
    said.says("has no confusion matrix");
    assert!(!sandbox.run_dir().join("confusion.json").exists());
}

#[test]
fn metrics_of_labels_need_targets_of_0_or_1() {
    let sandbox = Sandbox::new();
    let labels = config("", "epochs = 2\n").replace(
        "device",
        "metrics = [\"f1\", \"auc\", \"accuracy\", \"rmse\"]\ndevice",
    );
    sandbox.write("c.toml", labels);
    sandbox.write("d.csv", table(|a, b| f64::from(a + b > 0.0)));
    let summary = sandbox
        .ok(&["run", "c.toml", "-q", "--format", "json"])
        .json();
    assert!(summary["metrics"]["val/f1"].as_f64().is_some(), "{summary}");
    let rows = table(|a, b| f64::from(a + b > 0.0));
    let soft = rows.replacen(",0.000000\n", ",0.25\n", 1);
    assert_ne!(rows, soft);
    sandbox.write("d.csv", soft);
    let said = sandbox.trainer(&["run", "c.toml"]).exits(2);
    let said = said.says("`f1` judges labels, which are 0 or 1, and the target of `d.csv:");
    said.says("is `0.25`");
}

/// One row of a class cannot be in the training and in the validation split.
#[test]
fn a_watched_metric_that_is_never_a_number_is_refused() {
    let sandbox = Sandbox::new();
    let mut rows: Vec<String> = flowers().lines().map(String::from).collect();
    rows.retain(|row| !row.ends_with("rare"));
    rows.push("3,3,rare".into());
    sandbox.write("d.csv", rows.join("\n"));
    let config = classes("metrics = [\"auc\"]\n", "").replace("stratify = true", "seed = 3");
    let words = "`val/auc` can never be best: it is NaN";
    let refused = (0..8).filter(|seed| {
        sandbox.write(
            "c.toml",
            config.replace("seed = 3", &format!("seed = {seed}")),
        );
        let checked = sandbox.trainer(&["check", "c.toml"]);
        assert_eq!(
            checked.code == 2,
            checked.stderr.contains(words),
            "{checked:?}"
        );
        checked.code == 2
    });
    assert!(refused.count() > 0);
    sandbox.write(
        "c.toml",
        config.replace("[\"auc\"]", "[\"accuracy\", \"auc\"]"),
    );
    sandbox.ok(&["check", "c.toml"]);
}
