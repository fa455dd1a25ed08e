//! Text from outside never steers the terminal.

use std::process::Command;

use trainer::printable::is_obeyed;

use super::sandbox::{Sandbox, TRAINER};

/// A title, a colour, a C1 control, direction marks, a line separator, and characters without width.
const HOSTILE: &str = "x\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}8m\u{202e}\u{2066}\u{200e}\u{61c}\u{2028}\u{200b}\u{feff}\u{e0041}y";

/// The same in a text of TOML.
fn toml_text(text: &str) -> String {
    let escape = |c: char| format!("\\U{:08x}", u32::from(c));
    let text: String = text.chars().map(escape).collect();
    format!("\"{text}\"")
}

/// A table whose columns and classes are hostile, and a config with hostile labels that trains on it.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let quoted = format!("\"{}\"", HOSTILE.replace('\u{1b}', "\u{1b}\u{1b}"));
    let mut table = format!("a,{quoted},class\n");
    for i in 0..40 {
        let class = if i % 2 == 0 { quoted.as_str() } else { "b" };
        table += &format!("{i}.5,{}.25,{class}\n", i % 3);
    }
    sandbox.write("data.csv", table);
    let hostile = toml_text(HOSTILE);
    let config = format!(
        "name = \"h\"\ntags = [{hostile}]\nnotes = {hostile}\n[model]\ntype = \"mlp\"\nhidden = [4]\n\
         [dataset]\ntype = \"csv\"\npath = \"data.csv\"\ntarget = \"class\"\nbatch_size = 8\n\
         [optimizer]\ntype = \"sgd\"\nlr = 0.1\n[[optimizer.group]]\nname = {hostile}\nmatch = [\"*.bias\"]\nlr_scale = 0.5\n\
         [[schedule]]\ntype = \"poly\"\n[train]\nsteps = 4\nthreads = 1\n"
    );
    sandbox.write("h.toml", config);
    sandbox
}

/// Requires that no character reached the reader that a terminal would obey.
#[track_caller]
fn is_safe(what: &str, text: &str) {
    let found = text.find(|c| is_obeyed(c) && c != '\n' && c != '\t');
    assert!(
        found.is_none(),
        "{what}: {:?} in {text:?}",
        &text[found.unwrap()..]
    );
}

/// Command lines over the hostile config and its run.
fn commands() -> Vec<Vec<&'static str>> {
    let lines = [
        "check h.toml",
        "check h.toml --format json",
        "check h.toml --format toml",
        "schedule h.toml",
        "schedule h.toml --format csv",
        "schedule h.toml --format json",
        "schedule h.toml --format svg",
        "schedule h.toml --explain",
        "run h.toml -v",
        "run h.toml --dry-run",
        "show last",
        "show last --format json",
        "ls",
        "ls --format csv",
        "ls --format json",
        "logs last",
        "logs last --format json",
        "metrics last",
        "metrics last --format json",
        "verify last",
        "eval last",
        "resume last",
        "reproduce last",
        "bench h.toml --steps 2 --warmup 1",
    ];
    lines.iter().map(|line| line.split(' ').collect()).collect()
}

/// Command lines that are refused, with hostile text in them.
fn faulty(sandbox: &Sandbox) -> Vec<Vec<String>> {
    let raw = HOSTILE.replace(['\u{1b}', '\u{7}'], "");
    sandbox.write("raw.toml", format!("# {HOSTILE}\n{HOSTILE} = 1\n[model]\n"));
    sandbox.write(
        "key.toml",
        format!("\"{raw}\" = 1 # {raw}\n[model]\ntype = \"{raw}\"\n[[x]]\n"),
    );
    let name = sandbox.write(&format!("{HOSTILE}.toml"), "a = 1\n");
    let name = name.file_name().unwrap().to_str().unwrap();
    let set = format!("optimizer.{HOSTILE}=1");
    [
        vec!["check", "raw.toml"],
        vec!["check", "raw.toml", "--format", "json"],
        vec!["check", "key.toml"],
        vec!["check", "key.toml", "--format", "json"],
        vec!["check", name],
        vec!["run", name, "--format", "json"],
        vec!["check", "h.toml", "--set", &set],
        vec!["check", HOSTILE],
        vec![HOSTILE],
        vec!["check", "--set", HOSTILE, HOSTILE],
        vec!["show", HOSTILE],
        vec!["ls", "--where", HOSTILE],
        vec!["ls", "--runs", HOSTILE],
        vec!["explain", HOSTILE],
        vec!["list", HOSTILE],
        vec!["metrics", "last", "--keys", HOSTILE],
        vec!["new", HOSTILE, "--model", HOSTILE],
        vec!["schedule", "h.toml", "--vary", HOSTILE],
    ]
    .map(|line| line.into_iter().map(String::from).collect())
    .into()
}

#[test]
fn no_text_from_outside_steers_the_terminal() {
    let sandbox = sandbox();
    for line in commands() {
        let outcome = sandbox.trainer(&line);
        is_safe(&format!("{line:?}"), &outcome.stdout);
        is_safe(&format!("{line:?}"), &outcome.stderr);
        let is_known = outcome.code == 0 || line[0] == "resume";
        assert!(is_known, "{line:?}: {}", outcome.stderr);
    }
    for line in faulty(&sandbox) {
        let outcome = sandbox.trainer(&line);
        is_safe(&format!("{line:?}"), &outcome.stdout);
        is_safe(&format!("{line:?}"), &outcome.stderr);
        assert_ne!(outcome.code, 1, "{line:?}: {}", outcome.stderr);
    }
}

#[test]
fn data_formats_keep_the_hostile_values() {
    let sandbox = sandbox();
    let checked = sandbox.ok(&["check", "h.toml", "--format", "json"]).json();
    assert_eq!(checked["plan"]["tags"][0], HOSTILE);
    let toml = sandbox.ok(&["check", "h.toml", "--format", "toml"]).stdout;
    let table: toml::Table = toml.parse().unwrap();
    assert_eq!(table["notes"].as_str(), Some(HOSTILE));
}

#[test]
fn a_terminal_gets_no_sequence_but_colours() {
    let sandbox = sandbox();
    sandbox.ok(&["run", "h.toml", "-q"]);
    let faulty = faulty(&sandbox);
    let lines = commands().into_iter().filter(|line| line[0] != "run");
    let lines = lines.map(|line| line.into_iter().map(String::from).collect());
    for line in lines.chain(faulty) {
        let Some(shown) = on_a_terminal(&sandbox, &line) else {
            println!("skipped: `script` is not there");
            return;
        };
        let other = |c: char| is_obeyed(c) && !"\n\t\r\u{1b}".contains(c);
        assert!(!shown.contains(other), "{line:?}: {shown:?}");
        for (at, _) in shown.match_indices('\u{1b}') {
            let rest = &shown[at + 1..];
            assert!(rest.starts_with('['), "{line:?}: {rest:?}");
        }
    }
}

/// What a terminal is sent; `None` where there is no `script` to make one.
fn on_a_terminal(sandbox: &Sandbox, line: &[String]) -> Option<String> {
    let quoted = |word: &String| format!("'{}'", word.replace('\'', "'\\''"));
    let words: Vec<String> = line.iter().map(quoted).collect();
    let command = format!("'{TRAINER}' {}", words.join(" "));
    let mut terminal = Command::new("script");
    terminal
        .args(["-qec", &command, "/dev/null"])
        .current_dir(sandbox.path(""));
    terminal
        .env("TRAINER_RUNS", sandbox.runs())
        .env("TERM", "xterm");
    let output = terminal.output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
