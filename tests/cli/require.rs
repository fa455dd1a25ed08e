//! `--require` and `--where`: what a run has to be, as an exit code.

use std::fs;

use crate::sandbox::{Outcome, Sandbox};

const CONFIG: &str = r#"
    [model]
    type = "mlp"
    hidden = [4]

    [dataset]
    type = "digits"
    limit = 120

    [optimizer]
    type = "sgd"
    lr = 0.05

    [train]
    epochs = 2
"#;

fn short() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q"]);
    sandbox
}

fn resume(sandbox: &Sandbox, epochs: &str, more: &[&str]) -> Outcome {
    let resume = ["resume", "last", "-q", "--schedule", "config", "--epochs"];
    sandbox.trainer(&[&resume[..], &[epochs], more].concat())
}

#[test]
fn a_wrong_requirement_is_refused_before_the_run_is_touched() {
    let sandbox = short();
    let log = || fs::read(sandbox.run_dir().join("metrics.jsonl")).unwrap();
    let before = log();
    resume(&sandbox, "3", &["--require", "val/acuracy > 0.5"])
        .exits(2)
        .says("did you mean `val/accuracy`?");
    resume(&sandbox, "3", &["--require", "val/accuracy >"])
        .exits(2)
        .says("the filter needs a value");
    let json = ["--format", "json", "--require", "val/acuracy > 0.5"];
    let refused = resume(&sandbox, "3", &json).exits(2).json();
    let message = refused["faults"][0]["message"].as_str().unwrap();
    assert!(message.contains("val/acuracy"), "{refused}");
    assert!(sandbox.run_dir().join("summary.json").exists());
    assert_eq!(log(), before);
}

#[test]
fn the_exit_code_tells_whether_the_resumed_run_meets_it() {
    let sandbox = short();
    let met = "val/accuracy >= 0 and status = completed";
    resume(&sandbox, "3", &["--require", met]).exits(0);
    resume(&sandbox, "4", &["--require", met, "--require", "step < 8"])
        .exits(6)
        .says("error: `step < 8` does not hold for ")
        .says("step is 8");
    let json = ["--format", "json", "--require", "val/accuracy > 2"];
    let ended = resume(&sandbox, "5", &json).exits(6);
    let ended = ended.says("val/accuracy is ");
    assert_eq!(ended.json()["status"], "completed");
}

#[test]
fn completions_and_help_know_the_flag() {
    let sandbox = Sandbox::new();
    let help = sandbox.ok(&["resume", "--help"]).stdout;
    assert!(help.contains("--require <CONDITION>"), "{help}");
    let script = sandbox.ok(&["completions", "fish"]).stdout;
    let of_resume = |line: &&str| line.contains("subcommand resume") && line.contains("-l require");
    assert!(script.lines().any(|line| of_resume(&line)), "{script}");
}

/// Seeds that are the same `f64`.
#[test]
fn a_large_seed_is_compared_by_every_digit() {
    let (low, high) = ("9007199254740992", "9007199254740993");
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    for seed in [high, low] {
        sandbox.ok(&["run", "c.toml", "-q", "--steps", "1", "--seed", seed]);
    }
    let seeds = |args: &[&str]| {
        let ls = ["ls", "--columns", "seed", "--format", "csv"];
        let listed = sandbox.ok(&[&ls[..], args].concat()).stdout;
        let mut lines = listed.lines().skip(1);
        lines.by_ref().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(seeds(&["--where", &format!("seed = {low}")]), [low]);
    assert_eq!(seeds(&["--where", &format!("seed > {low}")]), [high]);
    assert_eq!(seeds(&["--where", &format!("seed != {high}")]), [low]);
    assert_eq!(seeds(&["--sort", "seed"]), [low, high]);
    assert_eq!(seeds(&["--sort=-seed"]), [high, low]);
    let unmet = format!("seed >= {high}");
    sandbox
        .trainer(&["ls", "--require", &unmet])
        .exits(6)
        .says(&format!("seed is {low}"));
    let json = ["ls", "--columns", "seed", "--sort", "seed", "--format"];
    let json = sandbox.ok(&[&json[..], &["json"]].concat()).json();
    let json: Vec<_> = json.as_array().unwrap().iter().collect();
    assert_eq!(json[1]["seed"], 9_007_199_254_740_993_u64);
    let table = sandbox.ok(&["ls"]).stdout;
    assert!(table.contains(low) && table.contains(high), "{table}");
}
