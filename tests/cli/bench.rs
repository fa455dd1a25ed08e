//! `trainer bench`: what it prints, what it refuses, and that it leaves nothing behind.

use crate::{exits::TINY, sandbox::Sandbox};

const PARTS: [&str; 6] = [
    "data",
    "forward",
    "loss",
    "backward",
    "optimizer",
    "logging",
];

fn tiny() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    sandbox
}

#[test]
fn the_keys_of_its_object() {
    let sandbox = tiny();
    let args = [
        "bench",
        "tiny.toml",
        "--warmup",
        "2",
        "--steps",
        "30",
        "--threads",
        "1",
    ];
    let done = sandbox.ok(&[&args[..], &["--format", "json"]].concat());
    let found = done.json();
    let keys: Vec<&str> = found
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "config",
            "name",
            "device",
            "threads",
            "warmup",
            "steps",
            "batches",
            "samples",
            "step_ms",
            "samples_per_s",
            "ledger_ms",
            "ledger_share",
            "flops_per_step",
            "flops_per_s",
            "memory"
        ]
    );
    let number = |pointer: &str| {
        let value = found.pointer(pointer).and_then(serde_json::Value::as_f64);
        value.unwrap_or_else(|| panic!("{pointer} is no number in {found}"))
    };
    assert_eq!(found["name"], "tiny");
    assert_eq!(
        [number("/threads"), number("/warmup"), number("/steps")],
        [1.0, 2.0, 30.0]
    );
    assert!(found["batches"].is_null());
    let step = ["q1", "median", "q3"].map(|key| number(&format!("/step_ms/{key}")));
    assert!(0.0 < step[0] && step.is_sorted(), "{step:?}");
    for (ledger, whole) in [
        ("ledger_share", 1.0),
        (
            "ledger_ms",
            1e3 * number("/samples") / (30.0 * number("/samples_per_s")),
        ),
    ] {
        let parts = PARTS.map(|part| number(&format!("/{ledger}/{part}")));
        assert_eq!(found[ledger].as_object().unwrap().len(), PARTS.len());
        let sum: f64 = parts.iter().sum();
        assert!(
            (sum / whole - 1.0).abs() < 1e-9,
            "{ledger}: {sum} and {whole}"
        );
    }
    let rate = 1e3 * number("/flops_per_step") / step[1];
    assert!((number("/flops_per_s") / rate - 1.0).abs() < 1e-9);
    #[cfg(target_os = "linux")]
    assert!(number("/memory/peak") >= number("/memory/base"));
}

#[test]
fn a_person_reads_the_step_and_its_parts() {
    let sandbox = tiny();
    let args = [
        "bench",
        "tiny.toml",
        "--steps",
        "25",
        "--set",
        "train.threads=2",
    ];
    let said = sandbox.ok(&args).stdout;
    assert!(
        said.starts_with("tiny: 25 updates from the loader, 2 threads, cpu\n"),
        "{said}"
    );
    for part in [
        &["  step  ", "  samples/s  ", "  FLOP/s  ", "spent on"][..],
        &PARTS,
    ]
    .concat()
    {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
}

#[test]
fn held_batches_cost_no_time() {
    let sandbox = tiny();
    let args = [
        "bench",
        "tiny.toml",
        "--steps",
        "40",
        "--batches",
        "4",
        "--format",
        "json",
    ];
    let found = sandbox.ok(&args).json();
    assert_eq!(found["batches"], 4);
    // Four batches of 64, ten times.
    assert_eq!(found["samples"], 40 * 64);
    assert_eq!(found["ledger_ms"]["data"], 0.0);
}

#[test]
fn it_goes_on_beyond_the_run_and_leaves_nothing_behind() {
    let sandbox = tiny();
    let args = [
        "bench",
        "tiny.toml",
        "--set",
        "train.epochs=1",
        "--steps",
        "200",
        "--format",
        "json",
    ];
    assert_eq!(sandbox.ok(&args).json()["steps"], 200);
    assert!(sandbox.run_dirs().is_empty());
    let left: Vec<_> = std::fs::read_dir(sandbox.path("")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn the_clock_ends_it_too() {
    let sandbox = tiny();
    let args = [
        "bench",
        "tiny.toml",
        "--seconds",
        "1e-9",
        "--format",
        "json",
    ];
    assert_eq!(sandbox.ok(&args).json()["steps"], 1);
}

#[test]
fn mistakes_are_2_and_say_where() {
    let sandbox = tiny();
    let said = |args: &[&str]| sandbox.trainer(&[&["bench"], args].concat()).exits(2);
    said(&[]).says("<CONFIG>");
    said(&["tinny.toml"]).says("did you mean `./tiny.toml`?");
    said(&["tiny.toml", "--set", "model.hiden=[3]"]).says("did you mean `hidden`?");
    for (flag, value) in [
        ("--steps", "0"),
        ("--seconds", "0"),
        ("--batches", "0"),
        ("--threads", "0"),
        ("--warmup", "-1"),
    ] {
        said(&["tiny.toml", &format!("{flag}={value}")]).says(&format!("invalid value '{value}'"));
    }
}

#[test]
fn a_loss_that_is_not_finite_is_3() {
    let sandbox = tiny();
    let args = ["bench", "tiny.toml", "--set", "optimizer.lr=1e30"];
    sandbox.trainer(&args).exits(3).says("diverged: ");
}

#[test]
fn every_end_of_a_run_says_where_the_time_went() {
    let sandbox = tiny();
    let ended = sandbox.ok(&["run", "tiny.toml"]).stdout;
    let shown = sandbox.ok(&["show", "last"]).stdout;
    for (text, label) in [(&ended, "  spent  "), (&shown, "  spent on  ")] {
        let line = text.lines().find_map(|line| line.strip_prefix(label));
        let line = line.unwrap_or_else(|| panic!("no `{label}` in:\n{text}"));
        let names: Vec<&str> = line
            .split(", ")
            .filter_map(|part| part.split(' ').next())
            .collect();
        let all = [&PARTS[..5], &["evaluation", "checkpoint", "logging"]].concat();
        assert_eq!(names, all, "{line}");
        // A run of less than a second is told in milliseconds.
        let is_amount = |part: &str| part.ends_with('%') || part.ends_with("ms");
        assert!(line.split(", ").all(is_amount), "{line}");
    }
}
