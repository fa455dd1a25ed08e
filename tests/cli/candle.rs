//! A model written for `candle_nn`: `examples/candle_model.rs`, and the crate that `new` writes.

use std::fs;

use crate::{
    example::{command, program_of, run},
    sandbox::{Outcome, Process, Sandbox, json, repository},
};

const CONFIG: &str = "examples/candle_model.toml";

fn example(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    run(&program_of("candle_model"), sandbox, args)
}

#[test]
fn a_model_of_candle_nn_has_the_whole_tool() {
    let sandbox = Sandbox::new();
    let shown = example(&sandbox, &["check", CONFIG, "--probe"])
        .exits(0)
        .stdout;
    let lines = [
        "first.conv   conv2d",
        "second.norm",
        "its FLOPs are not known",
    ];
    for line in lines {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(
        shown.contains("one sample 1×8×8 → 10; nothing stands against training it"),
        "{shown}"
    );

    let ran = example(&sandbox, &["run", CONFIG, "--format", "json"]).exits(0);
    let accuracy = ran.json()["metrics"]["test/accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
    example(&sandbox, &["reproduce", "last", "-q"]).exits(0);
    let longer = [
        "resume",
        "last",
        "-q",
        "--epochs",
        "6",
        "--schedule",
        "config",
    ];
    example(&sandbox, &longer).exits(0);
    example(&sandbox, &["eval", "last"]).exits(0);

    let again = [
        "run",
        CONFIG,
        "-q",
        "--steps",
        "5",
        "--set",
        "model.init=last",
    ];
    example(&sandbox, &again).exits(0);
    let frozen = ["check", CONFIG, "--set", "model.freeze=[\"first.*\"]"];
    let shown = example(&sandbox, &frozen).exits(0).stdout;
    assert!(shown.contains("4 parameters frozen"), "{shown}");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    let whole = Sandbox::new();
    let args = ["run", CONFIG, "-q", "--set", "checkpoint.every=\"7 steps\""];
    example(&whole, &args).exits(0);
    let sandbox = Sandbox::new();
    let process = Process::start(&mut command(&program_of("candle_model"), &sandbox, &args));
    let checkpoints = || {
        let run = sandbox.run_dirs().pop()?;
        Some(fs::read_dir(run.join("checkpoints")).ok()?.count())
    };
    while checkpoints().is_none_or(|count| count < 2) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    process.signal("KILL");
    assert_eq!(process.finish().code, 137);
    example(&sandbox, &["resume", "last", "-q"]).exits(0);
    let state =
        |sandbox: &Sandbox| json(sandbox.run_dir().join("summary.json"))["state_hash"].clone();
    assert_eq!(state(&sandbox), state(&whole));
}

#[test]
fn the_number_of_threads_changes_no_bit_of_such_a_run() {
    let sandbox = Sandbox::new();
    let state = |threads: &str| {
        let threads = format!("train.threads={threads}");
        let args = [
            "run", CONFIG, "--steps", "40", "--set", &threads, "--format", "json",
        ];
        let ran = example(&sandbox, &args).exits(0).json();
        ran["state_hash"].as_str().unwrap().to_owned()
    };
    assert_eq!([state("2"), state("4")], [state("1"), state("1")]);
}

#[test]
fn a_config_of_such_a_model_is_checked_like_every_other() {
    let sandbox = Sandbox::new();
    let set = |key: &str| example(&sandbox, &["check", CONFIG, "--set", key]);
    set("model.chanels=3")
        .exits(2)
        .says("did you mean `channels`?");
    set("model.channels=0").exits(2).says("at least 1");
    set("train.precision=\"bf16\"")
        .exits(2)
        .says("leave `train.precision` out");
    set("model.freeze=[\"third.*\"]")
        .exits(2)
        .says("matches no parameter");
    set("model.start=[{ match = \"out.weigt\", normal = 0.02 }]")
        .exits(2)
        .says("`out.weigt` matches no parameter");
    set("model.start=[{ match = \"out.weight\" }]")
        .exits(2)
        .says("write one of `normal`, `uniform` and `constant`");
    set("model.start=[{ match = \"out.weight\", constant = 0 }]").exits(0);
    set("model.allow=[\"no_gradients\"]")
        .exits(2)
        .says("no_gradient");
    let table = [
        "check",
        CONFIG,
        "--set",
        "dataset={ type = \"synthetic\", classes = 2, samples = 200, shape = [3] }",
    ];
    example(&sandbox, &table)
        .exits(2)
        .says("its constructor failed: it takes images, not samples of shape [3]");
}

#[test]
fn new_writes_a_crate_with_the_lines_for_candle_nn() {
    let sandbox = Sandbox::new();
    sandbox
        .trainer(&["new", "--candle-model", "my-net"])
        .exits(0)
        .says("cd my-net && cargo run --release -- run config.toml");
    let read = |name: &str| fs::read_to_string(sandbox.path("my-net").join(name)).unwrap();
    assert!(read("Cargo.toml").contains("# [patch.crates-io]"));
    assert!(read("candle-nn.patch").contains("return layer_norm_slow(xs, alpha, beta, eps);"));
    let example = fs::read_to_string(repository().join("examples/candle_model.rs")).unwrap();
    let code = example.split_once("\n\n").unwrap().1;
    assert!(read("src/main.rs").ends_with(code));
    assert!(example.lines().count() < 60);
    let docs = fs::read_to_string(repository().join("docs/candle.md")).unwrap();
    for line in read("candle-nn.patch")
        .lines()
        .filter(|line| line.starts_with("+  "))
    {
        assert!(docs.contains(line[1..].trim()), "{line}");
    }
    sandbox
        .trainer(&["new", "--candle-model", "my-net"])
        .exits(2)
        .says("is there already, and stays as it is");
    sandbox
        .trainer(&["new", "--candle-model", "My Net"])
        .exits(2)
        .says("a crate cannot be called `My Net`");
}
