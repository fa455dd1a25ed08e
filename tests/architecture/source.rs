//! The sources below `src`, as text and as words.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A file of the crate.
pub(crate) struct Source {
    /// Path below `src`.
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    /// Returns the top-level module that the file belongs to.
    pub fn module(&self) -> String {
        let first = self.path.iter().next().unwrap_or_default();
        let name = first.to_string_lossy();
        name.trim_end_matches(".rs").to_owned()
    }

    /// Returns the modules that the file names as `crate::name`, also in its tests' files but not in
    /// its inline tests.
    pub fn modules_named(&self) -> BTreeSet<String> {
        let words = without_tests(&words(&self.text));
        let mut names = BTreeSet::new();
        for (i, pair) in words.windows(2).enumerate() {
            if pair[0] != "crate" || pair[1] != "::" {
                continue;
            }
            let rest = &words[i + 2..];
            if rest[0] != "{" {
                names.insert(rest[0].clone());
                continue;
            }
            let mut depth = 0;
            for (before, word) in rest.iter().zip(&rest[1..]) {
                match before.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                if depth == 1 && ["{", ","].contains(&before.as_str()) {
                    names.insert(word.clone());
                }
            }
        }
        names
    }

    /// Returns the lines before the unit tests, comments left out.
    pub fn code(&self) -> impl Iterator<Item = &str> {
        let code = self.text.split("#[cfg(test)]\nmod tests").next();
        let lines = code.unwrap_or_default().lines();
        lines.filter(|line| !line.trim_start().starts_with("//"))
    }
}

/// Reads every file below `src`.
pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    walk(&root, &root, &mut all);
    all.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(all.len() > 100, "only {} sources were found", all.len());
    all
}

fn walk(folder: &Path, root: &Path, all: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, root, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().into();
            all.push(Source { path, text });
        }
    }
}

/// Splits Rust into words: names, `::`, and single signs. Comments and the insides of literals are
/// left out.
pub(crate) fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let starts = |at: usize, what: &str| {
        what.chars()
            .enumerate()
            .all(|(i, c)| chars.get(at + i) == Some(&c))
    };
    let is_name = |at: usize| {
        chars
            .get(at)
            .is_some_and(|c| c.is_alphanumeric() || *c == '_')
    };
    let mut words = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let from = at;
        if starts(at, "//") {
            at += chars[at..].iter().take_while(|c| **c != '\n').count();
        } else if starts(at, "/*") {
            while at < chars.len() && !starts(at, "*/") {
                at += 1;
            }
            at += 2;
        } else if starts(at, "r\"") || starts(at, "r#\"") || starts(at, "r##\"") {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            let end = format!("\"{}", "#".repeat(hashes));
            at += 2 + hashes;
            while at < chars.len() && !starts(at, &end) {
                at += 1;
            }
            at += end.len();
        } else if chars[at] == '"' {
            at += 1;
            while at < chars.len() && chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if starts(at, "'\\") {
            at += 3;
            at += chars[at..].iter().take_while(|c| **c != '\'').count() + 1;
        } else if chars[at] == '\'' && chars.get(at + 2) == Some(&'\'') {
            at += 3;
        } else if starts(at, "::") {
            at += 2;
            words.push("::".to_owned());
        } else if is_name(at) {
            while is_name(at) {
                at += 1;
            }
            words.push(chars[from..at].iter().collect());
        } else {
            at += 1;
            if !chars[from].is_whitespace() {
                words.push(chars[from].to_string());
            }
        }
    }
    words
}

/// Leaves out what stands under `#[cfg(test)]`.
pub(crate) fn without_tests(words: &[String]) -> Vec<String> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at..].len() >= TEST.len() && words[at..at + TEST.len()] == TEST {
            at = item_end(words, at + TEST.len());
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns the place after the item that begins at `at`: after its `;` or its block.
fn item_end(words: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    let mut import = false;
    while at < words.len() {
        match words[at].as_str() {
            "use" if depth == 0 => import = true,
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 && !import {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}
