//! A user's own model: `examples/my_model.rs`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::sandbox::{Outcome, Sandbox, finish, json, repository};

fn program() -> PathBuf {
    program_of("my_model")
}

/// An example's program, which `cargo test` builds; a test run that named its targets did not.
pub fn program_of(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).unwrap();
    let program = built.join("examples").join(name);
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", name]);
        assert!(cargo.current_dir(repository()).status().unwrap().success());
    }
    program
}

fn example(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    run(&program(), sandbox, args)
}

pub fn run(program: &Path, sandbox: &Sandbox, args: &[&str]) -> Outcome {
    finish(&mut command(program, sandbox, args))
}

/// A program with arguments, which keeps its runs in the sandbox.
pub fn command(program: &Path, sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(repository())
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .env("TRAINER_RUNS", sandbox.runs())
        .stdin(Stdio::null());
    command
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

/// The example's program under another name. Bytes behind its end make another executable of the
/// same version, as a changed line of its code does.
fn built(sandbox: &Sandbox, name: &str, more: &[u8]) -> PathBuf {
    let mut bytes = fs::read(program()).unwrap();
    bytes.extend(more);
    let path = sandbox.write(name, bytes);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_run_knows_the_program_that_made_it() {
    let sandbox = Sandbox::new();
    let first = built(&sandbox, "my-net", b"");
    let other = built(&sandbox, "rebuilt/my-net", b"1");
    let short = ["run", CONFIG, "--steps", "30"];
    let said = run(&first, &sandbox, &short).exits(0).stdout;
    let next = "next: my-net show last, my-net reproduce last";
    assert!(said.contains(next), "{said}");
    let dir = sandbox.run_dir();
    let made_by = &json(dir.join("run.json"))["attempts"][0]["binary"];
    let digest = blake3::hash(&fs::read(&first).unwrap()).to_hex();
    assert_eq!(made_by["blake3"], digest.as_str());
    assert_eq!(made_by["name"], "my_model");
    assert!(made_by["trainer"].as_str().unwrap().starts_with("0.1.0"));

    let dir = dir.to_str().unwrap();
    let again = run(&first, &sandbox, &["reproduce", dir]).exits(0);
    assert!(
        again.stdout.contains("made by the same program"),
        "{}",
        again.stdout
    );
    let again = run(&other, &sandbox, &["reproduce", dir]).exits(0);
    let again = again.says("different now: program: my_model 0.1.0");
    assert!(
        again.stdout.contains("made by another program"),
        "{}",
        again.stdout
    );
    let evaluated = run(&other, &sandbox, &["eval", dir]).exits(0);
    evaluated.says("another program trained this run: my_model 0.1.0");
    let longer = ["resume", dir, "--steps", "40", "--schedule", "config", "-q"];
    run(&other, &sandbox, &longer)
        .exits(2)
        .says("program: my_model 0.1.0 (trainer 0.1.0")
        .says(&format!("executable {}", &digest[..12]))
        .says("allow it with --allow binary");
    run(
        &other,
        &sandbox,
        &[&longer[..], &["--allow", "program"]].concat(),
    )
    .exits(0);
}

#[test]
fn commands_to_type_have_the_name_of_the_program() {
    let sandbox = Sandbox::new();
    let own = built(&sandbox, "my-net", b"");
    let shown = run(&own, &sandbox, &["--version"]).exits(0).stdout;
    assert!(shown.starts_with("my-net 0.1.0 (trainer 0.1.0"), "{shown}");
    for args in [
        &[][..],
        &["--help"],
        &["ls", "--help"],
        &["completions", "bash"],
        &["explain", "--help"],
    ] {
        let shown = run(&own, &sandbox, args).exits(0).stdout;
        assert!(shown.contains("my-net"), "{shown}");
        for other in [
            "trainer new",
            "trainer ls",
            "Usage: trainer",
            "trainer --help",
        ] {
            assert!(!shown.contains(other), "`{other}` is in:\n{shown}");
        }
    }
    let missing = run(&own, &sandbox, &["show", "nothing"]).exits(2);
    missing.says("`my-net ls`");
    let empty = sandbox.write("empty.toml", "");
    let empty = run(&own, &sandbox, &["check", empty.to_str().unwrap()]).exits(2);
    empty.says("`my-net new NAME`");
    // Without a name of its own the tool is called as it is.
    sandbox
        .trainer(&["show", "nothing"])
        .exits(2)
        .says("`trainer ls`");
}
