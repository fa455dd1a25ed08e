//! Several configs in one command, requirements, and failures as JSON: what a script relies on.

use std::{
    fs,
    io::{BufRead, BufReader},
};

use serde_json::Value;

use crate::{
    exits::TINY,
    sandbox::{Sandbox, json},
};

/// Three configs, of which the second diverges.
fn three() -> Sandbox {
    let sandbox = Sandbox::new();
    for (file, lr) in [("a.toml", "0.1"), ("wild.toml", "1e30"), ("c.toml", "0.05")] {
        let text = TINY.replace("lr = 0.1", &format!("lr = {lr}"));
        let text = text.replace("epochs = 3", "epochs = 1");
        sandbox.write(
            file,
            text.replace("\"tiny\"", &format!("\"{}\"", &file[..1])),
        );
    }
    sandbox
}

const ALL: [&str; 4] = ["run", "a.toml", "wild.toml", "c.toml"];

fn line_of<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.lines().rev();
    lines
        .find(|line| line.starts_with(name))
        .unwrap_or_else(|| panic!("{name} is not in:\n{text}"))
}

#[test]
fn one_that_fails_does_not_keep_the_rest_from_running() {
    let sandbox = three();
    let ended = sandbox.trainer(&[&ALL[..], &["-q"]].concat()).exits(3);
    let ended = ended.says("error: diverged");
    assert!(
        line_of(&ended.stdout, "a.toml").contains("completed  val/accuracy 0."),
        "{}",
        ended.stdout
    );
    assert!(line_of(&ended.stdout, "wild.toml").contains("diverged"));
    assert!(line_of(&ended.stdout, "c.toml").contains("completed"));
    assert_eq!(sandbox.run_dirs().len(), 3);

    let ended = sandbox
        .trainer(&[&ALL[..], &["-q", "--fail-fast"]].concat())
        .exits(3);
    assert!(
        line_of(&ended.stdout, "c.toml").contains("not run"),
        "{}",
        ended.stdout
    );
    assert_eq!(sandbox.run_dirs().len(), 5);

    let ended = sandbox
        .trainer(&[&ALL[..], &["-q", "--format", "json"]].concat())
        .exits(3);
    let lines = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let statuses = lines.map(|line: Value| line["status"].clone());
    assert_eq!(
        statuses.collect::<Vec<_>>(),
        ["completed", "diverged", "completed"]
    );

    let ended = sandbox.ok(&[&ALL[..], &["-q", "--dry-run"]].concat());
    assert!(
        line_of(&ended.stdout, "wild.toml").contains("checked"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_signal_ends_all() {
    let sandbox = Sandbox::new();
    sandbox.write("a.toml", TINY);
    let mut process = sandbox.start(&["run", "a.toml", "a.toml", "--epochs", "100000"]);
    let mut stderr = BufReader::new(process.child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    process.signal("INT");
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    let ended = process.finish().exits(130);
    assert!(ended.stdout.contains("not run"), "{}", ended.stdout);
    assert_eq!(
        json(sandbox.run_dir().join("summary.json"))["status"],
        "stopped"
    );
}

#[test]
fn the_faults_of_all_configs_are_told_and_nothing_runs() {
    let sandbox = three();
    sandbox.write("bad.toml", TINY.replace("hidden", "hiden"));
    let args = [
        "run",
        "a.toml",
        "bad.toml",
        "nothing.toml",
        "--format",
        "json",
    ];
    let ended = sandbox
        .trainer(&args)
        .exits(2)
        .says("`hiden`")
        .says("nothing.toml");
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    assert_eq!(
        (&lines[0]["config"], &lines[0]["ok"]),
        (&"bad.toml".into(), &false.into())
    );
    let fault = &lines[0]["faults"][0];
    assert_eq!(fault["place"]["line"], 7);
    assert!(
        fault["hint"].as_str().unwrap().contains("`hidden`"),
        "{fault}"
    );
    // The same shape as that of `check`.
    let checked = sandbox
        .trainer(&["check", "bad.toml", "--format", "json"])
        .exits(2)
        .json();
    assert_eq!(checked, lines[0]);
    assert!(sandbox.run_dirs().is_empty());
}

#[test]
fn a_requirement_has_its_exit_code() {
    let sandbox = three();
    sandbox
        .trainer(&["run", "a.toml", "--require", "val/acuracy > 0.5"])
        .exits(2)
        .says("`val/acuracy`")
        .says("did you mean `val/accuracy`?");
    sandbox
        .trainer(&["run", "a.toml", "--require", "val/accuracy >"])
        .exits(2);
    assert!(sandbox.run_dirs().is_empty());
    let unmet = [
        "run",
        "a.toml",
        "c.toml",
        "-q",
        "--require",
        "val/accuracy > 2",
    ];
    let ended = sandbox
        .trainer(&unmet)
        .exits(6)
        .says("error: `val/accuracy > 2` does not hold for a-");
    assert!(
        line_of(&ended.stdout, "c.toml").contains("completed, not as required"),
        "{}",
        ended.stdout
    );
    sandbox.ok(&[
        "run",
        "a.toml",
        "-q",
        "--require",
        "val/accuracy > 0.1 and status = completed",
    ]);
    sandbox.ok(&["eval", "last", "--require", "test/accuracy > 0.1"]);
    let unmet = [
        "eval",
        "last",
        "--require",
        "test/loss < 0",
        "--format",
        "json",
    ];
    let ended = sandbox.trainer(&unmet).exits(6).says("test/loss is ");
    assert_eq!(ended.json()["split"], "test");
    sandbox
        .trainer(&["eval", "last", "--require", "test/los < 0"])
        .exits(2);
    sandbox.ok(&["ls", "--require", "val/accuracy > 0.1"]);
    sandbox
        .trainer(&["ls", "--require", "val/accuracy > 2"])
        .exits(6)
        .says("does not hold for a-");
    sandbox
        .trainer(&["ls", "--where", "val/accuracy > 2"])
        .exits(6)
        .says("no run matches `val/accuracy > 2`");
}

#[test]
fn every_failure_is_json_where_json_is_asked_for() {
    let sandbox = three();
    let fault = |args: &[&str], code: i32| {
        let args = [args, &["--format", "json"]].concat();
        let ended = sandbox.trainer(&args).exits(code);
        let value = ended.json();
        assert_eq!(value["ok"], false, "{value}");
        assert!(!ended.stderr.is_empty());
        let message = value["faults"][0]["message"].as_str();
        message.unwrap_or_else(|| panic!("{value}")).to_string()
    };
    assert!(fault(&["run", "nothing.toml"], 2).contains("nothing.toml"));
    assert!(fault(&["run", "a.toml", "--nonsense"], 2).contains("--nonsense"));
    assert!(fault(&["schedule", "a.toml", "--set", "model.x=1"], 2).contains("`x`"));
    for verb in ["show", "resume", "eval", "reproduce", "verify", "metrics"] {
        assert!(
            fault(&[verb, "nothing"], 2).contains("no run `nothing`"),
            "{verb}"
        );
    }
    assert!(fault(&["ls", "--where", "lr >"], 2).contains("the filter needs"));
    sandbox.write("file", "");
    assert!(fault(&["run", "a.toml", "--runs", "file"], 4).contains("cannot create"));
    sandbox.ok(&["run", "a.toml", "-q"]);
    fs::write(sandbox.run_dir().join("run.json"), "{").unwrap();
    let path = sandbox.run_dir();
    assert!(fault(&["show", path.to_str().unwrap()], 4).contains("is damaged"));
    let listed = sandbox.ok(&["ls"]).says("is left out: ");
    assert_eq!(listed.stdout, "");
    let explained = sandbox
        .ok(&["explain", "optimizer.sgd", "--format", "json"])
        .json();
    assert!(
        explained["keys"].as_array().unwrap().len() > 2,
        "{explained}"
    );
    let listed = sandbox.ok(&["list", "models", "--format", "json"]).json();
    assert_eq!(listed[0]["name"], "mlp");
}
