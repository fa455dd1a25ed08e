//! Components of a user's own: the examples `library` and `own`, and the crate of `new --crate`.

#[path = "../../examples/own/components/mod.rs"]
mod components;

use std::fs;

use crate::{
    example::{program_of, run},
    sandbox::{Sandbox, repository},
};

const CONFIG: &str = "examples/own.toml";

#[test]
fn components_of_ones_own_have_the_whole_tool() {
    let (program, sandbox) = (program_of("own"), Sandbox::new());
    let own = |args: &[&str]| run(&program, &sandbox, args);
    let shown = own(&["check", CONFIG]).exits(0).stdout;
    for name in ["rings", "hinge", "margin", "sign_sgd", "stairs"] {
        assert!(shown.contains(name), "`{name}` is not in:\n{shown}");
    }
    let ran = own(&["run", CONFIG, "-q", "--format", "json"])
        .exits(0)
        .json();
    assert!(
        ran["metrics"]["test/accuracy"].as_f64().unwrap() > 0.9,
        "{ran}"
    );
    assert!(ran["metrics"]["test/margin"].is_number(), "{ran}");
    own(&["reproduce", "last", "-q"]).exits(0);
    own(&[
        "resume",
        "last",
        "-q",
        "--epochs",
        "21",
        "--schedule",
        "config",
    ])
    .exits(0);
    let explained = own(&["explain", "loss.hinge.margin"]).exits(0).stdout;
    assert!(
        explained.contains("The lead that the right class"),
        "{explained}"
    );
    let numbers = [
        "check",
        CONFIG,
        "--set",
        "dataset.type=synthetic",
        "--set",
        "dataset.shape=[2]",
    ];
    let numbers = [
        &numbers[..],
        &["--set", "dataset.samples=99", "--set", "dataset.targets=1"],
    ];
    own(&numbers.concat())
        .exits(2)
        .says("`hinge` takes classes");
    own(&["check", CONFIG, "--set", "schedule.0.step=2"])
        .exits(2)
        .says("did you mean `steps`?");
}

#[test]
fn the_library_trains_and_predicts_from_rust() {
    let sandbox = Sandbox::new();
    let shown = run(&program_of("library"), &sandbox, &[]).exits(0).stdout;
    for line in [
        "logits of a blank image: [[",
        "(1, 0) lies on ring 0, (0, 2) on ring 1",
        "epoch 20: lr",
        "of the best state: Some({\"test/accuracy\"",
    ] {
        assert!(shown.contains(line), "`{line}` is not in:\n{shown}");
    }
}

#[test]
fn a_crate_of_ones_own_is_the_example_with_a_manifest() {
    let sandbox = Sandbox::new();
    let sources = repository().to_str().unwrap();
    sandbox
        .ok(&["new", "--crate", "my-net", "--trainer", sources])
        .says("next: cd my-net");
    let read = |file: &str| fs::read_to_string(sandbox.path("my-net").join(file)).unwrap();
    let example =
        |file: &str| fs::read_to_string(repository().join("examples").join(file)).unwrap();
    assert_eq!(read("src/main.rs"), example("own/main.rs"));
    for entry in fs::read_dir(repository().join("examples/own/components")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let copy = read(&format!("src/components/{name}"));
        assert_eq!(copy, example(&format!("own/components/{name}")));
    }
    assert!(read("own.toml").contains("cargo run --release -- run own.toml"));
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    assert_eq!(manifest["package"]["name"].as_str(), Some("my-net"));
    let path = manifest["dependencies"]["trainer"]["path"]
        .as_str()
        .unwrap();
    assert_eq!(
        fs::canonicalize(path).unwrap(),
        fs::canonicalize(sources).unwrap()
    );
}

#[test]
fn a_crate_is_not_written_over_anything() {
    let sandbox = Sandbox::new();
    sandbox.write("there/notes", "mine");
    let new = |args: &[&str]| sandbox.trainer(&[&["new", "--crate"], args].concat());
    new(&["there"]).exits(2).says("`there` is there already");
    assert_eq!(fs::read_dir(sandbox.path("there")).unwrap().count(), 1);
    new(&["serde"]).exits(2).says("the name is taken");
    new(&["My Net"]).exits(2).says("hint: for example `my-net`");
    new(&["net", "--trainer", "there"])
        .exits(2)
        .says("no Cargo.toml in `there`");
    new(&["net", "--model", "cnn"])
        .exits(2)
        .says("cannot be used with");
    new(&["nowhere/net"]).exits(4).says("cannot write");
    assert!(!sandbox.path("net").exists());
}
