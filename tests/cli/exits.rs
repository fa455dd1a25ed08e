//! Exit codes, and what stands on which output.

use std::{fs, io::Read, process::Stdio};

use crate::sandbox::{Sandbox, data, finish, json, json_lines};

pub const TINY: &str = r#"
    name = "tiny"
    seed = 1

    [model]
    type = "mlp"
    hidden = [16]

    [dataset]
    type = "digits"

    [optimizer]
    type = "sgd"
    lr = 0.1

    [[schedule]]
    type = "poly"

    [train]
    epochs = 3
"#;

fn tiny() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.toml", TINY);
    sandbox
}

#[test]
fn usage_is_2() {
    let sandbox = tiny();
    sandbox
        .trainer(&["runn", "tiny.toml"])
        .exits(2)
        .says("did you mean `trainer run`?");
    sandbox
        .trainer(&["run", "tiny.toml", "--epoch", "3"])
        .exits(2)
        .says("'--epochs'");
    sandbox
        .trainer(&["run", "tinny.toml"])
        .exits(2)
        .says("did you mean `./tiny.toml`?");
    sandbox
        .trainer(&["run", "tiny.toml", "--set", "model.hiden=[3]"])
        .exits(2)
        .says("did you mean `hidden`?");
    for wrong in [
        ["--steps", "-1"],
        ["--epochs", "x"],
        ["--seed", "-1"],
        ["--seed", "18446744073709551615"],
    ] {
        let said = sandbox.trainer(&[&["run", "tiny.toml"], &wrong[..]].concat());
        said.exits(2).says(&format!("invalid value '{}'", wrong[1]));
    }
    sandbox
        .trainer(&["run", "tiny.toml", "--steps", "0"])
        .exits(2)
        .says("`steps` must be at least 1, found 0");
    sandbox
        .trainer(&["resume", "last"])
        .exits(2)
        .says("no runs");
    sandbox.ok(&["run", "tiny.toml", "--steps", "1", "-q"]);
    sandbox
        .trainer(&["show", "tinny"])
        .exits(2)
        .says("did you mean `tiny`?");
    assert!(
        sandbox
            .trainer(&["--help"])
            .exits(0)
            .stdout
            .contains("Usage")
    );
}

#[test]
fn strange_configs_are_2() {
    let sandbox = tiny();
    sandbox.write("empty.toml", "");
    sandbox.write("binary.toml", b"\xff\xfe\x00");
    sandbox.write("unclosed.toml", "[model\n");
    sandbox.write("folder.toml/inside", "");
    for (name, said) in [
        ("empty.toml", "the config is empty"),
        ("binary.toml", "not UTF-8"),
        ("unclosed.toml", "unclosed.toml:1:"),
        ("folder.toml", "it is a folder"),
        ("/dev/zero", "it is a device"),
    ] {
        for verb in ["check", "run", "schedule"] {
            sandbox.trainer(&[verb, name]).exits(2).says(said);
        }
    }
    assert!(sandbox.run_dirs().is_empty());
}

#[test]
fn missing_data_are_a_fault_of_the_config() {
    let sandbox = Sandbox::new();
    let config = TINY.replace(
        "type = \"digits\"",
        "type = \"csv\"\npath = \"no.csv\"\ntarget = \"y\"",
    );
    sandbox.write("c.toml", config);
    sandbox
        .trainer(&["run", "c.toml"])
        .exits(2)
        .says("no.csv")
        .says("c.toml:");
    for (text, said) in [("", "empty"), ("a,y\n", "no rows"), ("a,b\n1,2\n", "`y`")] {
        sandbox.write("no.csv", text);
        sandbox.trainer(&["run", "c.toml"]).exits(2).says(said);
    }
    assert!(sandbox.run_dirs().is_empty());
}

#[test]
fn divergence_is_3() {
    let sandbox = tiny();
    let wild = ["run", "tiny.toml", "--set", "optimizer.lr=1e30"];
    let ended = sandbox
        .trainer(&[&wild[..], &["--format", "json"]].concat())
        .exits(3)
        .says("error: diverged: ")
        .says("lower `optimizer.lr`");
    assert_eq!(ended.json()["status"], "diverged");
    assert_eq!(
        json(sandbox.run_dir().join("summary.json"))["status"],
        "diverged"
    );
    let shown = sandbox.ok(&["show", "last"]).stdout;
    assert!(shown.contains("diverged"), "{shown}");
}

#[test]
fn what_is_not_finite_can_be_left_out_but_not_for_ever() {
    for (policy, times) in [("skip", 10), ("rollback", 5)] {
        let sandbox = tiny();
        let on_nan = format!("train.on_nan={policy}");
        let wild = [
            "run",
            "tiny.toml",
            "-q",
            "--set",
            "optimizer.lr=1e30",
            "--set",
            &on_nan,
        ];
        let ended = sandbox.trainer(&wild).exits(3);
        let warnings = ended.stderr.lines().filter(|line| {
            // A build of the tests without optimisation says so, too.
            line.contains("warning: ") && !line.contains("without optimisation")
        });
        let warnings = warnings.count();
        assert_eq!(warnings, times, "{}", ended.stderr);
        let rows = json_lines(sandbox.run_dir().join("metrics.jsonl"));
        let rows = rows.iter().filter(|row| row["kind"] == "warning").count();
        assert_eq!(rows, times);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn disk_is_4() {
    let sandbox = tiny();
    sandbox.write("file", "");
    for runs in ["file", "file/below", "/proc/runs"] {
        sandbox
            .trainer(&["run", "tiny.toml", "--runs", runs])
            .exits(4)
            .says("cannot create");
    }
    let mut full = sandbox.command(&["check", "tiny.toml"]);
    full.stdout(fs::File::options().write(true).open("/dev/full").unwrap());
    full.stderr(Stdio::null());
    assert_eq!(full.status().unwrap().code(), Some(4));
}

#[test]
fn a_closed_standard_output_stops_nothing() {
    let sandbox = tiny();
    let mut process = sandbox.start(&["run", "tiny.toml", "--format", "json"]);
    drop(process.child.stdout.take());
    process.finish().exits(0);
    assert_eq!(
        json(sandbox.run_dir().join("summary.json"))["status"],
        "completed"
    );
    // Far more than a pipe holds, of which one line is read.
    let long = [
        "schedule",
        "tiny.toml",
        "--format",
        "csv",
        "--epochs",
        "3000",
    ];
    let mut process = sandbox.start(&long);
    let mut first = [0; 16];
    process
        .child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert_eq!(&first[..13], b"step,epoch,lr");
    drop(process.child.stdout.take());
    let ended = process.finish().exits(0);
    assert_eq!(ended.stderr, "");
    // Nobody listens at all.
    let mut silent = sandbox.command(&["run", "tiny.toml"]);
    let status = silent.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success());
}

#[test]
fn json_is_one_object_and_nothing_else() {
    let sandbox = tiny();
    let ran = sandbox.ok(&["run", "tiny.toml", "--format", "json"]);
    assert_eq!(ran.stdout.lines().count(), 1);
    let summary = ran.json();
    for key in [
        "format",
        "run",
        "path",
        "status",
        "step",
        "epoch",
        "metrics",
        "best",
        "state_hash",
        "samples_per_s",
        "wall_s",
        "attempts",
        "ledger",
        "digest",
        "name",
        "config",
        "seed",
        "plan_hash",
        "data_fingerprint",
        "tags",
        "log",
        "files",
    ] {
        assert!(!summary[key].is_null(), "{key} is not in {summary}");
    }
    for key in ["metric", "value", "step", "checkpoint"] {
        assert!(!summary["best"][key].is_null(), "{key} is not in {summary}");
    }
    let mut kept = summary.clone();
    let absent = kept.as_object_mut().unwrap().remove("absent");
    assert_eq!(absent, Some(serde_json::json!({})));
    assert_eq!(kept, json(sandbox.run_dir().join("summary.json")));
    assert_eq!(
        (&summary["config"], &summary["seed"]),
        (&"tiny.toml".into(), &1.into())
    );
    assert!(summary.get("parent").is_some() && summary.get("commit").is_some());

    let listed = sandbox.ok(&["ls", "--format", "json"]).json();
    for key in [
        "id",
        "name",
        "status",
        "path",
        "created",
        "step",
        "epoch",
        "plan_hash",
        "tags",
        "metrics",
        "best",
    ] {
        assert!(!listed[0][key].is_null(), "{key} is not in {listed}");
    }
    let faults = sandbox.trainer(&[
        "check",
        "tiny.toml",
        "--set",
        "model.x=1",
        "--format",
        "json",
    ]);
    assert_eq!(faults.exits(2).json()["ok"], false);
    assert_eq!(
        sandbox.ok(&["eval", "last", "--format", "json"]).json()["step"],
        60
    );
    assert_eq!(
        sandbox.ok(&["show", "--format", "json"]).json()["id"],
        summary["run"]
    );
}

#[test]
fn metrics_are_a_table() {
    let sandbox = tiny();
    sandbox.ok(&["run", "tiny.toml", "-q"]);
    let shown = sandbox.ok(&[
        "metrics",
        "last",
        "--keys",
        "lr,val/loss",
        "--format",
        "csv",
    ]);
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert_eq!(lines[0], "step,epoch,lr,val/loss");
    assert!(lines[1].starts_with("20,1,0.1,"), "{}", lines[1]);
    assert_eq!(lines.len(), 4);
    let by_step = sandbox.ok(&["metrics", "last", "--by", "step", "--keys", "grad_norm"]);
    assert_eq!(by_step.stdout.lines().count(), 7, "{}", by_step.stdout);
    sandbox
        .trainer(&["metrics", "last", "--keys", "val/los"])
        .exits(2)
        .says("did you mean `val/loss`?");
}

#[test]
fn pipes_get_no_colours() {
    let sandbox = tiny();
    let run = ["run", "tiny.toml"];
    for args in [
        &run[..],
        &["show"],
        &["ls"],
        &["check", "tiny.toml"],
        &["logs"],
        &["nonsense"],
    ] {
        let mut command = sandbox.command(args);
        // As a user has it whose terminal knows everything.
        command
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .env("RUST_LOG", "info");
        let said = finish(&mut command);
        for text in [said.stdout, said.stderr] {
            assert!(!text.contains('\x1b'), "{args:?}:\n{text}");
        }
    }
}

#[test]
fn the_examples_of_the_help_are_what_there_is() {
    let sandbox = tiny();
    sandbox.ok(&["run", "tiny.toml", "-q", "--tag", "paper"]);
    sandbox.ok(&[
        "ls",
        "--where",
        "optimizer.lr > 0.01 and status = completed",
    ]);
    sandbox.ok(&[
        "ls",
        "--sort",
        "-val/accuracy",
        "--columns",
        "id,optimizer.lr,val/accuracy",
    ]);
    let tagged = sandbox
        .ok(&["ls", "--tag", "paper", "--format", "json"])
        .json();
    assert_eq!(tagged.as_array().unwrap().len(), 1);
    sandbox.ok(&["new", "first"]);
    sandbox.ok(&["check", "first.toml"]);
    sandbox
        .trainer(&["new", "first"])
        .exits(2)
        .says("there already");
}

#[test]
fn data_of_other_programs_are_read() {
    let Some(wine) = data("tabular/wine.csv") else {
        return;
    };
    let sandbox = Sandbox::new();
    let table = format!("type = \"csv\"\npath = {wine:?}\ntarget = \"cultivar\"");
    sandbox.write("c.toml", TINY.replace("type = \"digits\"", &table));
    let ended = sandbox.ok(&["run", "c.toml", "--epochs", "40", "--format", "json"]);
    let accuracy = ended.json()["metrics"]["train/loss"].as_f64().unwrap();
    assert!(accuracy < 0.2, "{accuracy}");
}
