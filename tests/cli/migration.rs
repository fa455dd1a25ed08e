//! docs/schedules.md: each block of TOML against what the library it stands for computes.

use std::fs;

use serde_json::Value;
use trainer::{
    config::{Extensions, Overrides, ScheduleView, Spec},
    schedule::Target,
};

use crate::sandbox::{Sandbox, repository};

const PAGE: &str = include_str!("../../docs/schedules.md");

/// The sections of the page that hold TOML: title and blocks.
fn sections() -> Vec<(&'static str, Vec<&'static str>)> {
    let sections = PAGE.split("\n### ").skip(1).map(|section| {
        let (title, text) = section.split_once('\n').unwrap();
        let blocks = text.split("\n```toml").skip(1);
        let inside = |block: &'static str| {
            let (_, block) = block.split_once('\n').unwrap();
            block.split("\n```").next().unwrap()
        };
        (title, blocks.map(inside).collect())
    });
    sections.collect()
}

/// The schedules of a block, with base learning rate 0.1 for 100 updates.
fn view(title: &str, block: &str, steps_per_epoch: u64) -> ScheduleView {
    let text = format!(
        "[model]\ntype = \"mlp\"\n[dataset]\ntype = \"digits\"\n\
         [optimizer]\ntype = \"sgd\"\nlr = 0.1\nmomentum = 0.9\n[train]\nsteps = 100\n{block}\n"
    );
    let spec = Spec::parse("page.toml", &text, &Overrides::default());
    ScheduleView::without_data(&spec, &Extensions::new(), steps_per_epoch)
        .unwrap_or_else(|faults| panic!("{title}\n{faults}"))
}

#[test]
fn the_page_gives_what_the_other_library_computes() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/reference/migration.json"
    );
    let reference: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let references = reference["schedules"].as_array().unwrap();
    let sections = sections();
    assert!(references.len() > 30);
    for entry in references {
        let title = entry["name"].as_str().unwrap();
        let section = sections.iter().find(|(own, _)| *own == title);
        let block = section.unwrap_or_else(|| panic!("no section `{title}`")).1[0];
        let view = view(title, block, entry["steps_per_epoch"].as_u64().unwrap());
        let values = entry["values"].as_array().unwrap();
        assert_eq!(values.len(), 100);
        for (t, value) in values.iter().enumerate() {
            let (theirs, ours) = (
                value.as_f64().unwrap(),
                view.schedules.value(Target::Lr, 0, t as u64),
            );
            let difference = (ours.unwrap() - theirs).abs();
            assert!(
                difference <= 1e-13,
                "{title}, update {t}: {ours:?}, not {theirs}"
            );
        }
    }
    // What has code of another library has been computed by it.
    let computed = |title: &&str| references.iter().any(|entry| entry["name"] == **title);
    let with_code = PAGE.matches("\n```python").count() + PAGE.matches("\n```rust").count();
    assert_eq!(
        sections.iter().filter(|(title, _)| computed(title)).count(),
        with_code
    );
}

#[test]
fn every_block_of_the_page_resolves() {
    for (title, blocks) in sections() {
        for block in blocks {
            let view = view(title, block, 10);
            assert_eq!(view.length.total_steps, 100, "{title}");
        }
    }
}

/// The picture is what its line draws.
#[test]
fn the_picture_of_the_end_points_is_up_to_date() {
    let line = PAGE
        .lines()
        .find(|line| line.starts_with("trainer schedule "))
        .unwrap();
    let sandbox = Sandbox::new();
    for config in ["configs/poly.toml", "configs/poly-epoch.toml"] {
        sandbox.write(config, fs::read(repository().join(config)).unwrap());
    }
    sandbox.ok(&line.split(' ').skip(1).collect::<Vec<_>>());
    let drawn = fs::read_to_string(sandbox.path("end-points.svg")).unwrap();
    let kept = fs::read_to_string(repository().join("docs/end-points.svg")).unwrap_or_default();
    assert!(drawn == kept, "docs/end-points.svg is stale: {line}");
    for include in ["start", "end", "both", "neither"] {
        assert!(
            drawn.contains(&format!("include = {include}<")),
            "{include}"
        );
    }
}
