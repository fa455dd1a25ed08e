//! The preview of schedules: pictures, families, words, and figures for programs.

use std::fs;

use insta::assert_snapshot;

use crate::sandbox::{Outcome, Sandbox, repository};

/// Poly with a warmup, over 100 epochs at base 0.005.
const POLY: &str = r#"
[optimizer]
type = "sgd"
lr = 0.005

[[schedule]]
type = "warmup"
for = "5 epochs"

[[schedule]]
type = "poly"
power = 0.9

[train]
epochs = 100
"#;

/// Two groups, a second target, a track that multiplies.
const MANY: &str = r#"
[optimizer]
type = "sgd"
lr = 0.1
momentum = 0.9

[[optimizer.group]]
name = "head"
match = ["head.*"]
lr_scale = 10.0

[[schedule]]
type = "multistep"
at = ["10 epochs", "15 epochs"]

[[schedule]]
track = "ramp"
type = "warmup"
for = "2 epochs"

[[schedule]]
track = "ramp"
type = "constant"

[[schedule]]
target = "momentum"
type = "linear"
from_value = 0.8
to_value = 0.95

[train]
epochs = 20
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("poly.toml", POLY);
    sandbox.write("many.toml", MANY);
    sandbox
}

/// `trainer schedule` with epochs of 40 steps.
fn show(sandbox: &Sandbox, line: &[&str]) -> Outcome {
    let args = [&["schedule", "--steps-per-epoch", "40"], line].concat();
    sandbox.trainer(&args)
}

fn shown(sandbox: &Sandbox, line: &[&str]) -> String {
    show(sandbox, line).exits(0).stdout
}

/// What maps pixels to numbers, as a reader finds it: from the ticks and their labels.
struct Scales {
    x: (f64, f64),
    y: (f64, f64),
}

impl Scales {
    /// Those of the first panel.
    fn read(document: &roxmltree::Document<'_>) -> Self {
        let ticks = |class: &str, axis: &str| -> Vec<(f64, f64)> {
            let all = document
                .descendants()
                .filter(|n| n.attribute("class") == Some(class));
            let read = |n: roxmltree::Node<'_, '_>| {
                (
                    n.attribute(axis).unwrap().parse().unwrap(),
                    n.text().unwrap().parse().unwrap(),
                )
            };
            all.map(read).collect()
        };
        // Labels stand 4.2 pixels below the middle of their line.
        let line = |ticks: Vec<(f64, f64)>, shift: f64| {
            let ((p, v), (q, w)) = (ticks[0], *ticks.last().unwrap());
            let slope = (w - v) / (q - p);
            (v - slope * (p - shift), slope)
        };
        Self {
            x: line(ticks("x-tick", "x"), 0.0),
            y: line(ticks("y-tick", "y"), 4.2),
        }
    }

    fn value(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.0 + self.x.1 * x, self.y.0 + self.y.1 * y)
    }
}

/// The curves of a picture, in its axes' units.
fn curves(svg: &str) -> Vec<Vec<(f64, f64)>> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let scales = Scales::read(&document);
    let paths = document
        .descendants()
        .filter(|n| n.attribute("class") == Some("curve"));
    let points = |n: roxmltree::Node<'_, '_>| {
        let path = n
            .attribute("d")
            .unwrap()
            .trim_start_matches('M')
            .to_string();
        let pair = |text: &str| {
            let (x, y) = text.split_once(' ').unwrap();
            scales.value((x.parse().unwrap(), y.parse().unwrap()))
        };
        path.split('L').map(pair).collect()
    };
    paths.map(points).collect()
}

/// Where a curve of straight pieces is at `x`.
fn at(curve: &[(f64, f64)], x: f64) -> f64 {
    let i = curve
        .partition_point(|p| p.0 <= x)
        .clamp(1, curve.len() - 1);
    let ((ax, ay), (bx, by)) = (curve[i - 1], curve[i]);
    ay + (by - ay) * (x - ax) / (bx - ax)
}

fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|n| n.has_tag_name("text"));
    texts
        .map(|n| n.text().unwrap_or_default().to_string())
        .collect()
}

#[test]
fn the_table_shows_phases_figures_and_the_curve() {
    assert_snapshot!(shown(&sandbox(), &["poly.toml"]));
}

#[test]
fn every_target_and_group_is_shown() {
    assert_snapshot!(shown(&sandbox(), &["many.toml"]));
}

#[test]
fn a_family_is_overlaid() {
    let vary = ["poly.toml", "--vary", "schedule.1.power=0.5,1,3"];
    assert_snapshot!(shown(&sandbox(), &vary));
}

#[test]
fn words_say_what_the_run_will_do() {
    let sandbox = sandbox();
    assert_snapshot!(shown(&sandbox, &["poly.toml", "--explain"]));
    assert_snapshot!(shown(&sandbox, &["many.toml", "--explain"]));
    let cut = [
        "poly.toml",
        "--explain",
        "--steps",
        "1000",
        "--vary",
        "schedule.1.every=step,epoch",
    ];
    assert_snapshot!(shown(&sandbox, &cut));
}

#[test]
fn a_picture_holds_the_values_of_the_run() {
    let sandbox = sandbox();
    let vary = [
        "poly.toml",
        "--vary",
        "schedule.1.power=0.5,0.9,2",
        "-o",
        "lr.svg",
    ];
    shown(&sandbox, &vary);
    let svg = fs::read_to_string(sandbox.path("lr.svg")).unwrap();
    let curves = curves(&svg);
    assert_eq!(curves.len(), 3);
    for (curve, power) in curves.iter().zip([0.5, 0.9, 2.0]) {
        // (Not nearer to the end than a pixel, where the root is steep.)
        for epoch in [0.5, 2.0, 4.9, 6.0, 10.0, 33.3, 50.0, 77.7, 99.0] {
            let expected = match epoch {
                // The warmup's updates execute their end: one step further on.
                e if e < 5.0 => 0.005 * (e + 1.0 / 40.0) / 5.0,
                e => 0.005 * (1.0 - (e - 5.0) / 95.0f64).powf(power),
            };
            let drawn = at(curve, epoch);
            // A fifth of a pixel, in a frame of about 300.
            assert!(
                (drawn - expected).abs() < 0.005 / 1500.0 + 3e-6 * f64::from(epoch < 5.0),
                "{power} {epoch}: {drawn}, {expected}"
            );
        }
    }
    let texts = texts(&svg);
    for text in [
        "epoch",
        "step",
        "learning rate",
        "warmup",
        "poly",
        "power = 0.5",
        "power = 2",
        "epoch 5, step 200",
        "0.005",
        "100",
        "4000",
    ] {
        assert!(
            texts.iter().any(|t| t == text),
            "{text} is not in {texts:?}"
        );
    }
}

#[test]
fn panels_for_targets_and_themes_for_grounds() {
    let sandbox = sandbox();
    let light = shown(&sandbox, &["many.toml", "--format", "svg"]);
    assert_eq!(curves(&light).len(), 3);
    let texts = texts(&light);
    for text in [
        "learning rate",
        "momentum",
        "default",
        "head",
        "ramp: warmup",
    ] {
        assert!(
            texts.iter().any(|t| t == text),
            "{text} is not in {texts:?}"
        );
    }
    let dark = shown(
        &sandbox,
        &[
            "many.toml",
            "--format",
            "svg",
            "--theme",
            "dark",
            "--size",
            "500x400",
        ],
    );
    assert!(light.contains("#ffffff") && !dark.contains("#ffffff"));
    assert!(dark.starts_with("<svg") && dark.contains("width=\"500\" height=\"400\""));
}

#[cfg(not(feature = "png"))]
#[test]
fn pixels_need_their_feature() {
    let refused = sandbox().trainer(&["schedule", "poly.toml", "-o", "lr.png"]);
    refused.exits(2).says("without the feature `png`");
}

#[cfg(feature = "png")]
#[test]
fn pixels_are_written_without_fonts_of_the_system() {
    let sandbox = sandbox();
    shown(
        &sandbox,
        &["poly.toml", "-o", "lr.png", "--size", "400x300"],
    );
    let bytes = fs::read(sandbox.path("lr.png")).unwrap();
    let pixels = resvg::tiny_skia::Pixmap::decode_png(&bytes).unwrap();
    assert_eq!((pixels.width(), pixels.height()), (1200, 900));
    let count = |test: fn(u8, u8, u8) -> bool| {
        pixels
            .pixels()
            .iter()
            .filter(|p| test(p.red(), p.green(), p.blue()))
            .count()
    };
    assert!(
        count(|r, g, b| r > 250 && g > 250 && b > 250) > 900_000,
        "the ground"
    );
    assert!(
        count(|r, g, b| b > 150 && r < 60 && g < 140) > 3_000,
        "the curve"
    );
    // Left of the axis there is nothing but its labels and title.
    let left = pixels.pixels().chunks(1200).flat_map(|row| &row[..120]);
    assert!(left.filter(|p| p.red() < 100).count() > 1000, "the labels");
}

#[test]
fn figures_of_a_family_have_columns_of_their_own() {
    let sandbox = sandbox();
    let two = ["poly.toml", "many.toml", "--at", "0,400", "--format", "csv"];
    assert_snapshot!(shown(&sandbox, &two));
    let vary = [
        "poly.toml",
        "--at",
        "200,2100",
        "--format",
        "csv",
        "--vary",
        "schedule.1.power=1,2",
        "--vary",
        "schedule.0.for=5 epochs,\"200 steps\"",
    ];
    assert_snapshot!(shown(&sandbox, &vary));
    let json = show(
        &sandbox,
        &[
            "poly.toml",
            "--at",
            "2100",
            "--format",
            "json",
            "--vary",
            "schedule.1.power=1,2",
        ],
    )
    .json();
    assert_eq!(json[1]["varied"]["schedule.1.power"], "2");
    assert_eq!(json[1]["values"]["lr"], serde_json::json!([0.00125]));
    assert_eq!(json[0]["steps"], serde_json::json!([2100]));
}

#[test]
fn lists_and_texts_can_vary() {
    let sandbox = sandbox();
    let vary = r#"schedule.0.at=["5 epochs"],["10 epochs","12 epochs"]"#;
    let args = [
        "many.toml",
        "--at",
        "280",
        "--format",
        "json",
        "--vary",
        vary,
    ];
    let json = show(&sandbox, &args).exits(0).json();
    // In epoch 7 one milestone of the first list has passed, and none of the second.
    for (i, rate) in [(0, 0.01), (1, 0.1)] {
        let value = json[i]["values"]["lr"][0].as_f64().unwrap();
        assert!((value - rate).abs() < 1e-15, "{value}");
    }
}

#[test]
fn a_wrong_variation_is_shown_where_it_stands() {
    let sandbox = sandbox();
    let told = |vary: &str| {
        show(&sandbox, &["poly.toml", "--vary", vary])
            .exits(2)
            .stderr
    };
    assert_snapshot!(told("schedule.1.power=0.5,-1"));
    assert_snapshot!(told("schedule.1.powr=0.5,1"));
    assert_snapshot!(told("schedule.7.power=1"));
    assert_snapshot!(told("schedule.1.power=1,,2"));
    assert_snapshot!(told("schedule.1.power"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let sandbox = sandbox();
    let told = |args: &[&str]| {
        show(&sandbox, &[&["poly.toml"], args].concat())
            .exits(2)
            .stderr
    };
    assert!(told(&["--size", "720x440"]).contains("--format svg"));
    assert!(told(&["-o", "a.svg", "--at", "1"]).contains("all updates"));
    assert!(told(&["-o", "a.svg", "--size", "9x9"]).contains("200x150"));
    assert!(told(&["--explain", "--theme", "dark"]).contains("draws nothing"));
    show(&sandbox, &["poly.toml", "-o", "none/lr.svg"])
        .exits(4)
        .says("cannot write `none/lr.svg`");
}

/// The picture of a run of a million updates is small, and exact at its edges.
#[test]
fn a_long_run_makes_a_small_picture() {
    let sandbox = sandbox();
    let svg = shown(
        &sandbox,
        &[
            "poly.toml",
            "--set",
            "train.epochs=25000",
            "--format",
            "svg",
        ],
    );
    assert!(svg.len() < 20_000, "{} bytes", svg.len());
    let curve = &curves(&svg)[0];
    assert!(curve.len() < 200, "{} points", curve.len());
    assert!((at(curve, 12_500.0) - 0.005 * (1.0 - 12_495.0 / 24_995.0f64).powf(0.9)).abs() < 5e-6);
}

#[test]
fn the_figure_of_the_documentation_is_up_to_date() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let line = readme
        .lines()
        .find(|line| line.contains("-o poly.svg"))
        .unwrap();
    let args: Vec<&str> = line.split_whitespace().skip(1).collect();
    let sandbox = Sandbox::new();
    for config in ["configs/poly.toml", "configs/poly-epoch.toml"] {
        sandbox.write(config, fs::read(repository().join(config)).unwrap());
    }
    sandbox.ok(&args);
    let drawn = fs::read_to_string(sandbox.path("poly.svg")).unwrap();
    let kept = fs::read_to_string(repository().join("docs/poly.svg")).unwrap_or_default();
    assert!(
        drawn == kept,
        "docs/poly.svg is stale: cargo run --{}",
        &line
            .replace("trainer", "")
            .replace("-o poly", "-o docs/poly")
    );
    // The origin's formula, at the first step of some epochs.
    for (curve, power) in curves(&drawn).iter().zip([0.5, 0.9, 1.0, 2.0, 3.0]) {
        for epoch in [0.0, 10.0, 50.0, 90.0] {
            let expected = 0.005 * (1.0 - epoch / 100.0f64).powf(power);
            let value = at(curve, epoch + 0.5);
            assert!(
                (value - expected).abs() < 4e-6,
                "{power} {epoch}: {value}, {expected}"
            );
        }
    }
}

#[test]
fn a_schedule_is_explained_with_formula_source_and_curve() {
    let sandbox = Sandbox::new();
    let explain = |path: &str| sandbox.ok(&["explain", path]).stdout;
    assert_snapshot!(explain("poly"));
    assert_eq!(explain("poly"), explain("schedule.poly"));
    assert_snapshot!(explain("step"));
    let list = sandbox.ok(&["list", "schedules"]).stdout;
    for name in list
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next())
    {
        let text = explain(name);
        assert!(
            text.contains("formula  ") && text.contains("source   "),
            "{text}"
        );
    }
}

/// What a metric will do is not known before the run.
#[test]
fn a_preview_says_that_it_cannot_see_a_plateau() {
    let sandbox = Sandbox::new();
    let config = repository().join("configs/poly.toml");
    sandbox.write("poly.toml", fs::read(config).unwrap());
    let plateau = r#"schedule=[{type="plateau", patience="2 evals"}]"#;
    let note = "note: what follows a metric is shown as if it never acted";
    let with = sandbox.ok(&["schedule", "poly.toml", "--set", plateau]);
    assert!(with.stderr.contains(note), "{}", with.stderr);
    let without = sandbox.ok(&["schedule", "poly.toml"]);
    assert!(!without.stderr.contains(note), "{}", without.stderr);
}
