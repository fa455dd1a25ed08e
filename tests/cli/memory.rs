//! A long run needs no more memory than a short one.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{BufRead, BufReader},
};

use crate::sandbox::Sandbox;

const CONFIG: &str = r#"
    seed = 1

    [model]
    type = "mlp"
    hidden = [2]

    [dataset]
    type = "digits"
    batch_size = 8
    limit = 400

    [optimizer]
    type = "adamw"
    lr = 1e-3

    [train]
    steps = 100_000
    eval_every = "2000 steps"
    log_every = "1000 steps"
    threads = 1
    ema = { decay = 0.99 }

    [checkpoint]
    every = "10000 steps"
"#;

/// Kilobytes of memory that a process holds.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hundred_thousand_steps_need_no_more_memory_than_twenty_thousand() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", CONFIG);
    let mut process = sandbox.start(&["run", "long.toml", "-v"]);
    let (mut early, mut late) = (0, 0);
    let lines = BufReader::new(process.child.stderr.take().unwrap()).lines();
    for line in lines {
        let line = line.unwrap();
        let step = line
            .strip_prefix("step ")
            .and_then(|rest| rest.split(' ').next());
        match step.and_then(|step| step.parse::<u64>().ok()) {
            Some(20_000) => early = resident(process.child.id()),
            Some(99_000) => late = resident(process.child.id()),
            _ => {}
        }
    }
    process.finish().exits(0);
    println!("{early} kB after 20,000 steps, {late} kB after 99,000");
    assert!(early > 1000 && late > 1000, "{early} kB and {late} kB");
    assert!(late < early + 4096, "{early} kB, then {late} kB");
}
