//! Hints that propose TOML: each is applied to the config, which is checked again. The fault must be
//! gone.

use std::{fs, path::Path};

use serde_json::Value;
use trainer::config::{Extensions, Overrides, Plan, Spec};

use super::{
    faults::{names, sandbox},
    sandbox::Sandbox,
};

/// The faults of a config, as programs get them.
fn faults(path: &Path) -> Vec<Value> {
    let spec = Spec::load(path, &Overrides::default());
    let found = match Plan::resolve(&spec, &Extensions::new()) {
        Ok(plan) => plan.warnings.to_json(),
        Err(error) => error.0.to_json(),
    };
    found.as_array().cloned().unwrap_or_default()
}

/// The pieces of a hint between backticks.
fn pieces(hint: &str) -> Vec<&str> {
    hint.split('`').skip(1).step_by(2).collect()
}

/// Returns whether a piece is a key with its value, complete and TOML.
fn is_line(piece: &str) -> bool {
    let table = piece.parse::<toml::Table>();
    let is_header = piece.starts_with('[');
    table.is_ok_and(|table| table.len() == 1) && !is_header && !piece.contains('…')
}

/// A config as lines, and the fault's place in it.
struct Text {
    lines: Vec<String>,
    line: usize,
    columns: (usize, usize),
}

impl Text {
    fn new(text: &str, place: &Value) -> Self {
        let number = |key: &str| place[key].as_u64().unwrap() as usize - 1;
        Self {
            lines: text.lines().map(String::from).collect(),
            line: number("line"),
            columns: (number("column"), number("end_column")),
        }
    }

    /// The text that the fault underlines.
    fn underlined(&self) -> String {
        let (start, end) = self.columns;
        let line = self.lines.get(self.line).map_or("", String::as_str);
        line.chars().skip(start).take(end - start).collect()
    }

    /// The config with other text in place of the underlined one.
    fn with(&self, text: &str) -> String {
        let (start, end) = self.columns;
        let mut lines = self.lines.clone();
        let chars: Vec<char> = lines[self.line].chars().collect();
        let part = |range: &[char]| range.iter().collect::<String>();
        lines[self.line] = part(&chars[..start]) + text + &part(&chars[end..]);
        lines.join("\n")
    }

    /// The config with other lines in place of the fault's.
    fn replaced(&self, new: &[&str]) -> String {
        let mut lines = self.lines.clone();
        lines.splice(self.line..=self.line, new.iter().map(ToString::to_string));
        lines.join("\n")
    }

    /// The config with lines moved to below a header, or to its end with that header.
    fn moved(&self, header: &str, new: &[&str]) -> String {
        let mut lines = self.lines.clone();
        lines.remove(self.line);
        let found = lines.iter().position(|line| line.trim() == header);
        let new = new.iter().map(ToString::to_string);
        match found.filter(|_| !header.starts_with("[[")) {
            _ if header.is_empty() => lines.splice(0..0, new).for_each(drop),
            Some(at) => lines.splice(at + 1..at + 1, new).for_each(drop),
            None => lines.extend(std::iter::once(header.to_string()).chain(new)),
        }
        lines.join("\n")
    }

    /// The config with the value of a line in place of the underlined one, where that is the value of
    /// the same key.
    fn revalued(&self, line: &str) -> Option<String> {
        let (key, value) = line.split_once('=')?;
        let own: Vec<char> = self.lines.get(self.line)?.chars().collect();
        let before: String = own[..self.columns.0.min(own.len())].iter().collect();
        let before = before.trim_end().strip_suffix('=')?.trim_end();
        let last = before.rsplit(['{', ',', ' ']).next().unwrap_or_default();
        (last == key.trim()).then(|| self.with(value.trim()))
    }

    /// The config with lines below a header that it has, or at its end with that header.
    fn with_lines(&self, header: &str, new: &[&str]) -> String {
        let mut lines = self.lines.clone();
        let new = new.iter().map(ToString::to_string);
        match lines.iter().position(|line| line.trim() == header) {
            Some(at) => lines.splice(at + 1..at + 1, new).for_each(drop),
            None => lines.extend(std::iter::once(header.to_string()).chain(new)),
        }
        lines.join("\n")
    }

    /// A proposal without the lines of this config whose keys it gives anew in the same table: who
    /// writes a key replaces the one that is there.
    fn once(&self, proposal: &str) -> String {
        let key = |line: &str| {
            line.split('=')
                .next()
                .unwrap_or_default()
                .trim()
                .to_string()
        };
        let lines: Vec<&str> = proposal.lines().collect();
        let headers = lines.iter().scan(0, |table, line| {
            *table += usize::from(line.starts_with('['));
            Some(*table)
        });
        let tables: Vec<usize> = headers.collect();
        let is_old = |at: usize| self.lines.iter().any(|line| line == lines[at]);
        let is_replaced = |at: usize| {
            let mut others = (0..lines.len()).filter(|other| tables[*other] == tables[at]);
            lines[at].contains('=')
                && is_old(at)
                && others.any(|other| !is_old(other) && key(lines[other]) == key(lines[at]))
        };
        let kept = (0..lines.len()).filter(|at| !is_replaced(*at));
        kept.map(|at| lines[at]).collect::<Vec<_>>().join("\n")
    }

    /// Returns whether the fault's line is that of a key, or begins the table that lacks one.
    fn is_at(&self, line: &str) -> bool {
        let key = line.split('=').next().unwrap_or_default().trim();
        let own = self.lines.get(self.line).map_or("", |line| line.trim());
        own.trim_start_matches(['-', ' ', '"', '“'])
            .starts_with(key)
            || own.starts_with(line)
    }
}

/// The configs that a hint proposes instead.
fn proposals(text: &Text, fault: &Value) -> Vec<String> {
    let hint = fault["hint"].as_str().unwrap_or_default();
    let message = fault["message"].as_str().unwrap_or_default();
    let pieces = pieces(hint);
    let lines: Vec<&str> = pieces
        .iter()
        .copied()
        .filter(|piece| is_line(piece))
        .collect();
    let header = pieces.iter().copied().find(|piece| piece.starts_with('['));
    if let Some(name) = hint
        .strip_prefix("did you mean `")
        .and_then(|rest| rest.split('`').next())
    {
        let underlined = text.underlined();
        return match underlined.chars().next() {
            _ if name.starts_with('[') => vec![text.replaced(&[name])],
            Some(quote @ ('"' | '\'')) => vec![text.with(&format!("{quote}{name}{quote}"))],
            _ if message.contains(&format!("`{underlined}`")) => vec![text.with(name)],
            _ => Vec::new(),
        };
    }
    if hint.contains("ambiguous: write ") {
        let values = hint.split('"').skip(1).step_by(2);
        return values
            .map(|value| text.with(&format!("\"{value}\"")))
            .collect();
    }
    match (lines.as_slice(), header) {
        ([], _) => Vec::new(),
        (all, _) if hint.ends_with("above the first table") => vec![text.moved("", all)],
        (all, Some(header)) if hint.starts_with("for example `[") => {
            let text = text.lines.join("\n");
            vec![format!("{text}\n{header}\n{}\n", all.join("\n"))]
        }
        (all, Some(header)) if hint.starts_with("write ") => {
            vec![text.moved(header, all)]
        }
        (all, _) if message.starts_with("missing key") && text.underlined().starts_with('{') => {
            let rest = text.underlined()[1..].to_string();
            vec![text.with(&format!("{{ {},{rest}", all[0]))]
        }
        (all, _) if message.starts_with("missing key") => {
            let own = text.lines.get(text.line).map_or("", String::as_str);
            vec![text.replaced(&[own, all[0]])]
        }
        (all, Some(header)) if hint.starts_with("set ") => vec![text.with_lines(header, all)],
        ([line], _) if text.revalued(line).is_some() => text.revalued(line).into_iter().collect(),
        (all, _) if hint.starts_with("write ") => vec![text.replaced(all)],
        (all, _) if all.iter().all(|line| text.is_at(line)) => {
            all.iter().map(|line| text.replaced(&[line])).collect()
        }
        _ => Vec::new(),
    }
}

/// Applies every hint of a config's faults; how many proposals there were.
fn apply(sandbox: &Sandbox, name: &str, text: &str) -> usize {
    let path = sandbox.write(name, text);
    let mut count = 0;
    for fault in faults(&path) {
        let place = &fault["place"];
        if place["file"] != path.to_str().unwrap() {
            continue;
        }
        let there = Text::new(text, place);
        for proposal in proposals(&there, &fault) {
            let proposal = there.once(&proposal);
            count += 1;
            let again = faults(&sandbox.write(name, &proposal));
            let message = |fault: &Value| fault["message"].as_str().unwrap().to_string();
            let left: Vec<String> = again.iter().map(message).collect();
            let is_toml = |text: &str| text.parse::<toml::Table>().is_ok();
            let is_syntax = message(&fault).starts_with("invalid TOML");
            assert!(
                !left.contains(&message(&fault)) && (is_syntax || is_toml(&proposal)),
                "{name}: {fault}\nstays, or the proposal is no TOML:\n{proposal}\n{left:#?}"
            );
        }
    }
    count
}

#[test]
fn what_a_hint_proposes_removes_the_fault() {
    let sandbox = sandbox();
    let mut count = 0;
    for name in names("invalid") {
        let file = format!("configs/invalid/{name}.toml");
        let text = fs::read_to_string(sandbox.path(&file)).unwrap();
        count += apply(&sandbox, &file, &text);
        sandbox.write(&file, &text);
    }
    assert!(count >= 50, "{count} proposals");
}

/// A config around some lines of `[optimizer]`.
fn around(lines: &str) -> String {
    format!(
        "[model]\ntype = \"mlp\"\n[dataset]\ntype = \"digits\"\n[train]\nepochs = 2\n[optimizer]\ntype = \"sgd\"\n{lines}\n"
    )
}

#[test]
fn a_config_that_is_no_toml_is_told_how_it_becomes_toml() {
    let sandbox = Sandbox::new();
    // The line as written, and the line in the hint.
    let table = [
        ("lr = .5", "lr = 0.5"),
        ("lr = 5.", "lr = 5.0"),
        ("lr = 1,5", "lr = 1.5"),
        ("lr = 1e-3f", "lr = 1e-3"),
        ("lr = 10^-3", "lr = 1e-3"),
        ("lr = 1e−3", "lr = 1e-3"),
        ("lr = 007", "lr = 7"),
        ("lr: 0.1", "lr = 0.1"),
        ("lr == 0.1", "lr = 0.1"),
        ("lr 0.1", "lr = 0.1"),
        ("\"lr\": 0.1,", "lr = 0.1"),
        ("lr = 0.1 // half", "lr = 0.1 # half"),
        ("lr = 0.1\nnesterov = True", "nesterov = true"),
        ("lr = 0.1\nnesterov = no", "nesterov = false"),
        ("lr = 0.1\n// momentum", "# momentum"),
    ];
    for (written, expected) in table {
        let text = around(written);
        let path = sandbox.write("a.toml", &text);
        let hints: Vec<String> = faults(&path)
            .iter()
            .map(|fault| fault["hint"].as_str().unwrap_or_default().to_string())
            .collect();
        assert!(
            hints.len() == 1 && hints[0].ends_with(&format!("`{expected}`")),
            "{written}: {hints:?}"
        );
        assert_eq!(
            apply(&sandbox, "a.toml", &text),
            usize::from(!expected.starts_with('#')),
            "{written}"
        );
    }
    for written in [
        "lr = 0.1\r",
        "lr = +5",
        "lr = 1_0.5",
        "\tlr = 0.1",
        "lr = 0.1 # ü",
    ] {
        let path = sandbox.write("a.toml", around(written));
        assert_eq!(faults(&path), [] as [Value; 0], "{written:?}");
    }
    let path = sandbox.write("a.toml", format!("\u{feff}{}", around("lr = 0.1")));
    assert_eq!(faults(&path), [] as [Value; 0], "a byte order mark");
}

#[test]
fn what_is_no_config_at_all_is_one_fault() {
    let sandbox = Sandbox::new();
    let utf16: Vec<u8> = around("lr = 1")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let table: [(&[u8], &str, &str); 8] = [
        (b"", "the config is empty", "trainer new"),
        (b"# nothing\n\n", "the config is empty", "trainer new"),
        (&utf16, "UTF-16", "UTF-8"),
        (
            b"name = \"\xe9t\xe9\"\n",
            "line 1 is not UTF-8",
            "save the file as UTF-8",
        ),
        (b"\x1f\x8b\x08\x00\x00\x00", "gzip", "unpack"),
        (b"{ \"model\": 1 }", "this is JSON", "`[model]`"),
        (
            b"model:\n  type: mlp\ntrain:\n  epochs: 3\n",
            "this is YAML",
            "`[model]`",
        ),
        (b"<?xml version=\"1.0\"?>", "this is XML", "`[model]`"),
    ];
    for (bytes, message, hint) in table {
        sandbox.write("a.toml", bytes);
        let told = sandbox.trainer(&["check", "a.toml"]).exits(2).stderr;
        assert_eq!(told.matches("error: ").count(), 1, "{told}");
        assert!(told.contains(message) && told.contains(hint), "{told}");
    }
    sandbox.write("folder/b.toml", "");
    let told = sandbox.trainer(&["check", "folder"]).exits(2);
    told.says("it is a folder")
        .says("name a file in it, such as `folder/b.toml`");
}

#[test]
fn a_path_with_backslashes_is_told_on_one_line() {
    let sandbox = Sandbox::new();
    for written in [
        "C:\\new\\table.csv",
        "C:\\Users\\me\\d.csv",
        "D:\\data\\x.csv",
    ] {
        let text = format!(
            "[model]\ntype = \"mlp\"\n[dataset]\ntype = \"csv\"\npath = \"{written}\"\ntarget = \"y\"\n[train]\nepochs = 2\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n"
        );
        let path = sandbox.write("a.toml", text);
        let told = sandbox
            .trainer(&["check", path.to_str().unwrap()])
            .exits(2)
            .stderr;
        let hint = format!("use single quotes or `/`: `path = '{written}'`");
        assert!(told.contains(&hint), "{told}");
        assert!(
            told.lines().nth(1).is_some_and(|line| line.contains("-->")),
            "{told}"
        );
    }
}

#[test]
fn overrides_are_told_how_they_become_toml() {
    let sandbox = Sandbox::new();
    sandbox.write("a.toml", around("lr = 0.1"));
    for (set, expected) in [
        ("optimizer.lr=.5", "`lr = 0.5`"),
        ("optimizer.lr=1,5", "`lr = 1.5`"),
        ("optimizer.lr=10^-3", "`lr = 1e-3`"),
        ("model.hidden=64,32", "`hidden = [64, 32]`"),
        ("model.hidden=(64, 32)", "[64, 32]"),
        ("dataset.type=“digits”", "use straight quotes"),
        ("train.epochs=1e1", "`epochs = 10`"),
        (
            "train.clip_norm=None",
            "there is no null; leave `clip_norm` out",
        ),
        ("train.clip_norm=false", "leave `clip_norm` out"),
        ("optimizer.nesterov=1", "`nesterov = true`"),
        (
            "optimizer.momentum:0.9",
            "for example --set optimizer.lr=0.05",
        ),
    ] {
        sandbox
            .trainer(&["check", "a.toml", "--set", set])
            .exits(2)
            .says(expected);
    }
}
