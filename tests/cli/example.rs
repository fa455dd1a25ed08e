//! A user's own model: `examples/my_model.rs`.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::sandbox::{Outcome, Sandbox, finish, repository};

/// The example's program, which `cargo test` builds; a test run that named its targets did not.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).unwrap();
    let program = built.join("examples/my_model");
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "my_model"]);
        assert!(cargo.current_dir(repository()).status().unwrap().success());
    }
    program
}

fn example(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    let mut command = Command::new(program());
    command
        .args(args)
        .current_dir(repository())
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .env("TRAINER_RUNS", sandbox.runs())
        .stdin(Stdio::null());
    finish(&mut command)
}

const CONFIG: &str = "examples/my_model.toml";

#[test]
fn a_model_of_ones_own_has_the_whole_tool() {
    let sandbox = Sandbox::new();
    let shown = example(&sandbox, &["check", CONFIG]).exits(0).stdout;
    assert!(shown.contains("block3"), "{shown}");
    let ran = example(&sandbox, &["run", CONFIG, "--format", "json"]).exits(0);
    let accuracy = ran.json()["metrics"]["test/accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
    // Built from the house's layers, it follows the precision, too.
    for precision in ["bf16", "f16"] {
        let set = format!("train.precision={precision}");
        let args = ["run", CONFIG, "--set", &set, "--format", "json"];
        let low = example(&sandbox, &args).exits(0).json();
        assert!(
            low["metrics"]["test/accuracy"].as_f64().unwrap() > 0.9,
            "{low}"
        );
    }
    example(&sandbox, &["reproduce", "last", "-q"]).exits(0);
    let longer = [
        "resume",
        "last",
        "-q",
        "--epochs",
        "11",
        "--schedule",
        "config",
    ];
    example(&sandbox, &longer).exits(0);
    example(&sandbox, &["eval", "last"]).exits(0);

    let misspelt = ["check", CONFIG, "--set", "model.widht=3"];
    example(&sandbox, &misspelt)
        .exits(2)
        .says("did you mean `width`?");
    let too_wide = ["check", CONFIG, "--set", "model.width=5000"];
    example(&sandbox, &too_wide).exits(2).says("at most 4096");
    let explained = example(&sandbox, &["explain", "model.my_net.blocks"]).exits(0);
    assert!(
        explained.stdout.contains("Residual layers."),
        "{}",
        explained.stdout
    );
    // The tool itself knows no such model, and says which it knows.
    let config = repository().join(CONFIG);
    let plain = sandbox
        .trainer(&["check", config.to_str().unwrap()])
        .exits(2);
    plain.says("my_net").says("mlp");
}
