//! What the documentation shows is what the tool does.

use std::{fs, path::Path};

use crate::sandbox::{Sandbox, repository};

fn read(path: &str) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display()))
}

/// The fenced blocks of a Markdown text in one of these languages.
fn blocks(text: &str, languages: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines
            .by_ref()
            .take_while(|line| line.trim() != "```")
            .collect();
        if languages.contains(&language.trim()) {
            found.push(block.join("\n") + "\n");
        }
    }
    found
}

/// What stands between single backticks, outside of blocks.
fn inline(text: &str) -> Vec<String> {
    let mut inside = false;
    let prose: Vec<&str> = text
        .lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            inside ^= fence;
            !inside && !fence
        })
        .collect();
    let prose = prose.join(" ");
    let spans = prose.split('`').skip(1).step_by(2);
    spans.map(String::from).collect()
}

/// The arguments of a command line for the tool; `None` for any other command. A comment and what
/// a pipe does with the output are left out.
fn arguments(line: &str) -> Option<Vec<String>> {
    let line = line.trim().trim_start_matches("$ ");
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, '|' | '>') => break,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.first().map(String::as_str) {
        Some("trainer") => Some(words.split_off(1)),
        Some("cargo") if words.get(1).is_some_and(|verb| verb == "run") => {
            let own = words.iter().position(|word| word == "--")?;
            Some(words.split_off(own + 1))
        }
        _ => None,
    }
}

/// Requires a known verb, and of it every flag.
fn is_known(sandbox: &Sandbox, args: &[String], line: &str) {
    let Some(verb) = args.first().filter(|verb| !verb.starts_with('-')) else {
        return;
    };
    let help = sandbox.trainer(&[verb.as_str(), "--help"]);
    assert_eq!(help.code, 0, "`{line}`: there is no verb `{verb}`");
    for flag in args
        .iter()
        .filter(|arg| arg.starts_with('-') && arg.len() > 1)
    {
        // `--sort -val/accuracy`: a value.
        if !flag.starts_with("--") && flag.len() > 2 {
            continue;
        }
        let flag = flag.split('=').next().unwrap();
        let named = help
            .stdout
            .split([' ', ',', '\n', '=', '['])
            .any(|word| word == flag);
        assert!(named, "`{line}`: `{verb}` has no flag `{flag}`");
    }
}

/// The command lines of the README that are for the tool.
fn commands() -> Vec<(String, Vec<String>)> {
    let readme = read("README.md");
    let blocks = blocks(&readme, &["sh", "console", "bash", "shell"]);
    let lines = blocks.iter().flat_map(|block| block.lines());
    let parsed = lines.filter_map(|line| Some((line.to_string(), arguments(line)?)));
    let commands: Vec<_> = parsed.collect();
    assert!(commands.len() >= 3, "{commands:?}");
    commands
}

/// A folder that looks like the repository to somebody who types what the README says.
fn clone() -> Sandbox {
    let sandbox = Sandbox::new();
    for entry in fs::read_dir(repository().join("configs")).unwrap() {
        let path = entry.unwrap().path();
        let name = Path::new("configs").join(path.file_name().unwrap());
        sandbox.write(name.to_str().unwrap(), fs::read(path).unwrap());
    }
    sandbox
}

#[test]
fn every_toml_block_is_a_config() {
    let blocks = blocks(&read("README.md"), &["toml"]);
    assert!(!blocks.is_empty());
    for block in blocks {
        let sandbox = clone();
        sandbox.write("configs/block.toml", &block);
        let checked = sandbox.trainer(&["check", "configs/block.toml"]);
        assert_eq!(checked.code, 0, "{block}\n{}", checked.stderr);
        // A block that begins with a file's name shows that file.
        let name = block
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# configs/"));
        if let Some((name, _)) = name.and_then(|line| line.split_once(':')) {
            let hash = |file: &str| {
                let args = ["check", file, "--format", "json"];
                sandbox.ok(&args).json()["plan_hash"].clone()
            };
            let file = format!("configs/{name}");
            assert_eq!(
                hash("configs/block.toml"),
                hash(&file),
                "{file} is another config"
            );
        }
    }
}

#[test]
fn every_command_is_one() {
    let sandbox = clone();
    for (line, args) in commands() {
        is_known(&sandbox, &args, &line);
    }
    let documents = ["README.md", "docs/CONTRIBUTING.md", "docs/run-format.md"];
    for document in documents
        .into_iter()
        .filter(|path| repository().join(path).exists())
    {
        for line in inline(&read(document)) {
            if let Some(args) = arguments(&line) {
                is_known(&sandbox, &args, &line);
            }
        }
    }
}

/// From the first line to the last, as a reader would.
#[test]
fn the_commands_of_the_readme_work_in_their_order() {
    let sandbox = clone();
    for (line, args) in commands() {
        // `RUN`, `CONFIG`: for the reader to fill in.
        let blank = |arg: &String| arg.len() > 1 && arg.chars().all(|c| c.is_ascii_uppercase());
        if args.iter().any(blank) {
            continue;
        }
        let done = sandbox.trainer(&args);
        assert_eq!(done.code, 0, "`{line}`\n{}", done.stderr);
    }
    assert!(!sandbox.run_dirs().is_empty(), "the README trains nothing");
}

#[test]
fn the_reference_is_up_to_date() {
    let reference = Sandbox::new().ok(&["schema", "--reference"]).stdout;
    assert!(
        read("docs/config.md") == reference,
        "docs/config.md is stale: cargo run -- schema --reference > docs/config.md"
    );
}

#[test]
fn links_lead_somewhere() {
    let documents = fs::read_dir(repository().join("docs")).unwrap();
    let documents = documents.map(|entry| entry.unwrap().path());
    let documents = documents.filter(|path| path.extension().is_some_and(|e| e == "md"));
    let mut dead = Vec::new();
    for document in documents.chain([repository().join("README.md")]) {
        let text = fs::read_to_string(&document).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap();
            let is_local = !file.is_empty() && !file.contains("://") && !file.contains(' ');
            if is_local && !document.parent().unwrap().join(file).exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}
