//! Every key and flag that takes a path, with every kind of path.

use std::{fs, os::unix::fs::symlink};

use crate::sandbox::{Outcome, Sandbox, finish};

const CONFIG: &str = r#"
    device = "cpu"
    [model]
    type = "mlp"
    hidden = [4]
    [dataset]
    type = "csv"
    path = "d.csv"
    target = "y"
    [optimizer]
    type = "sgd"
    lr = 0.1
    [train]
    epochs = 1
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let rows = (0..40).map(|i| format!("{},{}\n", i % 7, ["a", "b"][i % 2]));
    let table = format!("u,y\n{}", rows.collect::<String>());
    for folder in ["", "home/", "a b/", "größe/", "h#sh/"] {
        sandbox.write(&format!("{folder}d.csv"), &table);
        sandbox.write(&format!("{folder}c.toml"), CONFIG);
    }
    fs::create_dir(sandbox.path("folder")).unwrap();
    symlink(sandbox.path("d.csv"), sandbox.path("link.csv")).unwrap();
    symlink(sandbox.path("a b"), sandbox.path("link")).unwrap();
    sandbox
}

/// Runs the tool with the sandbox's `home` as the home folder.
fn trainer(sandbox: &Sandbox, args: &[&str]) -> Outcome {
    finish(sandbox.command(args).env("HOME", sandbox.path("home")))
}

/// Paths that lead to the table or to the config, as the ending says.
const GOOD: [&str; 8] = [
    "E",
    "./E",
    "~/E",
    "a b/E",
    "größe/E",
    "h#sh/E",
    "link/E",
    "folder/../E",
];

#[test]
fn a_path_in_a_config_may_have_any_form() {
    let sandbox = sandbox();
    for form in GOOD.iter().chain(&["link.csv"]) {
        let path = form.replace('E', "d.csv");
        let config = CONFIG.replace("d.csv", &path);
        sandbox.write("own.toml", config);
        trainer(&sandbox, &["check", "own.toml", "-q"]).exits(0);
        let set = format!("dataset.path={path:?}");
        trainer(&sandbox, &["check", "c.toml", "-q", "--set", &set]).exits(0);
    }
    let whole = sandbox.path("d.csv").display().to_string();
    sandbox.write("own.toml", CONFIG.replace("d.csv", &whole));
    trainer(&sandbox, &["check", "own.toml", "-q"]).exits(0);
}

#[test]
fn a_path_on_the_command_line_may_have_any_form() {
    let sandbox = sandbox();
    for form in GOOD {
        let config = form.replace('E', "c.toml");
        trainer(&sandbox, &["check", &config, "-q"]).exits(0);
        sandbox.write("own.toml", format!("extends = {config:?}"));
        trainer(&sandbox, &["check", "own.toml", "-q"]).exits(0);
        let runs = format!("--runs={}", form.replace('E', "runs"));
        trainer(&sandbox, &["run", "c.toml", "-q", &runs]).exits(0);
        trainer(&sandbox, &["show", "last", "-q", &runs]).exits(0);
        let config = format!("--config={config}");
        trainer(&sandbox, &["resume", "last", &runs, &config])
            .exits(2)
            .says("is complete");
        let output = format!("--output={}", form.replace('E', "x.csv"));
        trainer(&sandbox, &["schedule", "c.toml", "-q", &output]).exits(0);
    }
    assert!(sandbox.path("home/runs").is_dir());
    assert!(!sandbox.path("~").exists());
}

/// Paths that lead to nothing.
const WRONG: [&str; 8] = [
    "",
    " ",
    "~someone/E",
    "file:///x/E",
    "https://host/E",
    "folder",
    "E/",
    "none/E",
];

#[test]
fn a_wrong_path_is_told_at_its_place() {
    let sandbox = sandbox();
    for form in WRONG {
        let data = form.replace('E', "d.csv");
        sandbox.write("own.toml", CONFIG.replace("d.csv", &data));
        let base = form.replace('E', "c.toml");
        sandbox.write("base.toml", format!("extends = {base:?}\n{CONFIG}"));
        let model = format!(
            "type = \"mlp\"\ninit = {:?}",
            form.replace('E', "w.safetensors")
        );
        sandbox.write("init.toml", CONFIG.replace("type = \"mlp\"", &model));
        for config in ["own.toml", "base.toml", "init.toml"] {
            // A slash after the name of a config is left out.
            if (form, config) == ("E/", "base.toml") {
                continue;
            }
            let told = trainer(&sandbox, &["check", config, "-q"]).exits(2).stderr;
            assert!(told.contains(&format!("--> {config}:")), "{told}");
        }
    }
}

#[test]
fn a_wrong_path_on_the_command_line_is_told() {
    let sandbox = sandbox();
    let mut told = String::new();
    for form in WRONG {
        let config = form.replace('E', "c.toml");
        let flag = |name: &str, path: &str| format!("--{name}={path}");
        let runs = match form {
            "folder" => flag("runs", "d.csv"),
            "E/" | "none/E" => continue,
            _ => flag("runs", form),
        };
        for args in [
            vec!["check", "-q", config.as_str()],
            vec!["run", "-q", "c.toml", runs.as_str()],
        ] {
            let outcome = trainer(&sandbox, &args);
            assert!([2, 4].contains(&outcome.code), "{args:?} {outcome:?}");
            let first = outcome.stderr.lines().next().unwrap_or_default().to_owned();
            told += &format!("{first}\n");
        }
    }
    let told = told.replace(&sandbox.path("").display().to_string(), "ROOT/");
    insta::assert_snapshot!(told, @r"
    error: a value is required for '<CONFIG>...' but none was supplied
    error: a value is required for '--runs <DIR>' but none was supplied
    error: invalid value ' ' for '<CONFIG>...': the path is empty; hint: name a file or a folder
    error: invalid value ' ' for '--runs <DIR>': the path is empty; hint: name a file or a folder
    error: invalid value '~someone/c.toml' for '<CONFIG>...': `~someone/c.toml` names the home folder of another user; hint: write the whole path; `~/` alone stands for your home folder, and `./~` for a name that begins so
    error: invalid value '~someone/E' for '--runs <DIR>': `~someone/E` names the home folder of another user; hint: write the whole path; `~/` alone stands for your home folder, and `./~` for a name that begins so
    error: invalid value 'file:///x/c.toml' for '<CONFIG>...': `file:///x/c.toml` is an address, not a path of this disk; hint: write `/x/c.toml`
    error: invalid value 'file:///x/E' for '--runs <DIR>': `file:///x/E` is an address, not a path of this disk; hint: write `/x/E`
    error: invalid value 'https://host/c.toml' for '<CONFIG>...': `https://host/c.toml` is an address, not a path of this disk; hint: download it first, and write where it lies
    error: invalid value 'https://host/E' for '--runs <DIR>': `https://host/E` is an address, not a path of this disk; hint: download it first, and write where it lies
    error: cannot read `folder`: it is a folder
    error: cannot create a run in `d.csv`: not a directory
    ");
}
