//! Signals: which one ends what, and when.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use crate::sandbox::{Process, Sandbox, TRAINER, json, json_lines};

const CONFIG: &str = r#"
    name = "signalled"
    seed = 5

    [model]
    type = "mlp"
    hidden = [16]

    [dataset]
    type = "digits"

    [optimizer]
    type = "sgd"
    lr = 0.05
    momentum = 0.9

    [train]
    epochs = 60

    [checkpoint]
    every = "20 epochs"
    keep = 3
"#;

/// Waits until something holds.
#[track_caller]
fn wait(process: &mut Process, what: impl Fn(u32) -> bool) {
    let begun = Instant::now();
    while !what(process.child.id()) {
        assert!(process.child.try_wait().unwrap().is_none(), "it ended");
        assert!(begun.elapsed() < Duration::from_secs(120), "it never came");
    }
}

/// Returns whether the log of the only run has a text.
fn logged(sandbox: &Sandbox, text: &str) -> bool {
    sandbox.run_dirs().pop().is_some_and(|run| {
        let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
        log.contains(text)
    })
}

#[test]
fn a_checkpoint_can_be_asked_for() {
    let (whole, sandbox) = (Sandbox::new(), Sandbox::new());
    for one in [&whole, &sandbox] {
        one.write("c.toml", CONFIG);
    }
    whole.ok(&["run", "c.toml", "-q"]);
    let mut process = sandbox.start(&["run", "c.toml", "-q"]);
    wait(&mut process, |_| logged(&sandbox, "\"kind\":\"epoch\""));
    process.signal("USR1");
    process.finish().exits(0);
    let run = sandbox.run_dir();
    let rows = json_lines(run.join("metrics.jsonl"));
    let asked = |row: &&serde_json::Value| row["reason"] == "request";
    let said = rows.iter().any(|row| {
        let message = row["message"].as_str().unwrap_or_default();
        message.starts_with("SIGUSR1 asked for a checkpoint")
    });
    assert_eq!(rows.iter().filter(asked).count(), usize::from(!said));
    let (a, b) = (
        run.join("summary.json"),
        whole.run_dir().join("summary.json"),
    );
    let (a, b) = (json(a), json(b));
    for key in ["state_hash", "best", "metrics"] {
        assert_eq!(a[key], b[key]);
    }
    sandbox.ok(&["verify", "last"]);
    sandbox.ok(&["reproduce", "last", "-q"]);
}

#[test]
fn a_killed_run_goes_on_from_a_checkpoint_that_was_asked_for() {
    let sandbox = Sandbox::new();
    let long = CONFIG.replace("epochs = 60", "epochs = 250");
    sandbox.write("c.toml", long.replace("20 epochs", "100%"));
    let config = ["run", "c.toml", "-q", "--set", "train.eval_every=\"100%\""];
    let mut process = sandbox.start(&config);
    wait(&mut process, |_| logged(&sandbox, "\"kind\":\"epoch\""));
    process.signal("USR1");
    wait(&mut process, |_| logged(&sandbox, "\"reason\":\"request\""));
    process.signal("KILL");
    process.finish().exits(137);
    sandbox.ok(&["verify", "last"]);
    sandbox.ok(&["resume", "last"]).says("at step ");
    let rows = json_lines(sandbox.run_dir().join("metrics.jsonl"));
    let asked = rows.iter().filter(|row| row["reason"] == "request");
    assert_eq!(asked.count(), 1, "its line stays");
    let last = sandbox.run_dir();
    sandbox.ok(&["verify", last.to_str().unwrap()]);
    sandbox.ok(&["reproduce", last.to_str().unwrap(), "-q"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_at_once_while_config_and_data_are_read() {
    let config = CONFIG.replace(
        "type = \"digits\"",
        "type = \"csv\"\npath = \"table.csv\"\ntarget = \"y\"",
    );
    let rows = (0..400_000).map(|i| format!("{},{},{}\n", i % 7, i % 5, ["a", "b"][i % 2]));
    let table = format!("u,v,y\n{}", rows.collect::<String>());
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let sandbox = Sandbox::new();
        sandbox.write("c.toml", &config);
        let table = sandbox.write("table.csv", &table);
        let mut process = sandbox.start(&["run", "c.toml", "-q"]);
        wait(&mut process, |id| {
            let open = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
            open.flatten()
                .any(|file| fs::read_link(file.path()).is_ok_and(|path| path == table))
        });
        let begun = Instant::now();
        process.signal(signal);
        let ended = process.finish().exits(128 + number);
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
        assert!(!sandbox.runs().exists(), "{signal}");
        assert_eq!(fs::read_dir(sandbox.path("")).unwrap().count(), 2);
    }
}

/// As `nohup` starts it.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_from_the_start_stays_ignored() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    let started = |signals: &str| {
        let command = sandbox.command::<&str>(&[]);
        let mut shell = Command::new("sh");
        let script = format!("trap '' {signals}; exec {TRAINER} run c.toml -q --epochs 100000");
        shell.args(["-c", &script]);
        shell.current_dir(command.get_current_dir().unwrap());
        shell.env("TRAINER_RUNS", sandbox.runs());
        Process::start(&mut shell)
    };
    let mut process = started("HUP INT USR1");
    wait(&mut process, |_| logged(&sandbox, "\"kind\":\"epoch\""));
    for signal in ["HUP", "INT", "USR1", "HUP", "INT"] {
        process.signal(signal);
    }
    // It is still there, and the one that was not ignored ends it in order.
    process.signal("TERM");
    process.finish().exits(143);
    let summary = json(sandbox.run_dir().join("summary.json"));
    assert_eq!(
        (&summary["status"], &summary["signal"]),
        (&"stopped".into(), &15.into())
    );
    assert!(!logged(&sandbox, "request"));
}
