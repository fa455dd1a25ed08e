//! Schedules that follow a metric or another target, behind another phase and in cycles: a run that
//! is cut anywhere and goes on, and a repetition, have the same bits.

use std::{fs, path::PathBuf};

use crate::{
    resume::same_run,
    sandbox::{Sandbox, copy, json, json_lines},
};

const CONFIG: &str = r#"
    name = "reacting"
    seed = 5

    [model]
    type = "mlp"
    hidden = [6]
    norm = "batch"

    [dataset]
    type = "digits"
    limit = 160
    batch_size = 16

    [optimizer]
    type = "sgd"
    lr = 0.5
    momentum = 0.9
    weight_decay = 0.01

    [[schedule]]
    type = "warmup"
    for = "8 steps"

    [[schedule]]
    type = "plateau"
    patience = "0 evals"
    factor = 0.5
    threshold = 0.2
    for = "20 steps"

    [[schedule]]
    type = "cosine"

    [[schedule]]
    track = "greedy"
    type = "constant"
    for = "10 steps"

    [[schedule]]
    track = "greedy"
    type = "greedy"
    patience = "1 eval"
    factor = 0.8

    [[schedule]]
    target = "weight_decay"
    type = "repeat"
    cycle = "7 steps"

    [[schedule.phase]]
    type = "follow"
    of = "lr"
    for = "4 steps"

    [[schedule.phase]]
    type = "constant"

    [train]
    epochs = 7
    eval_every = "3 steps"
    log_every = "1 step"

    [checkpoint]
    every = "5 steps"
    keep = 99
"#;

fn steps(checkpoints: &PathBuf) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(checkpoints)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all
}

#[test]
fn a_run_that_is_cut_at_any_checkpoint_ends_in_the_same_bits() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let whole = sandbox.run_dir();
    // It reacts, and in both directions.
    let rows = json_lines(whole.join("metrics.jsonl"));
    let said: String = rows.iter().map(ToString::to_string).collect();
    for words in ["(plateau) goes from", "(greedy) goes from"] {
        assert!(said.contains(words), "nothing says `{words}`:\n{said}");
    }
    let count = steps(&whole.join("checkpoints")).len();
    assert!(count > 5, "{count}");
    for kept in 1..count {
        let cut = sandbox.path(format!("cut-{kept}"));
        copy(&whole, &cut);
        fs::remove_file(cut.join("summary.json")).unwrap();
        for newer in steps(&cut.join("checkpoints")).split_off(kept) {
            fs::remove_dir_all(newer).unwrap();
        }
        sandbox.ok(&["resume", cut.to_str().unwrap(), "-q"]);
        assert_eq!(json(cut.join("run.json"))["attempts"][1]["attempt"], 2);
        same_run(&whole, &cut);
    }
    sandbox.ok(&["reproduce", "last", "-q"]);
}
