//! The paths that a file's code takes, written out from `crate`.

use std::collections::{BTreeMap, BTreeSet};

/// Segments of a path: `crate`, `kernel`, `add`.
pub(crate) type Segments = Vec<String>;

/// What a file names of its crate.
#[derive(Default)]
pub(crate) struct Paths {
    /// What `use` brings in: the name here, and its path.
    pub uses: BTreeMap<String, Segments>,
    /// The modules of which it hands on every name.
    pub globs: Vec<Segments>,
    /// Every path that is used here. What `pub use` hands on is not.
    pub taken: BTreeSet<Segments>,
}

/// A file that is being read.
struct Reader<'a> {
    code: &'a [String],
    /// The file's own path.
    at: &'a [String],
    children: &'a [String],
    /// How many modules inside the file stand open.
    inside: usize,
    paths: Paths,
}

impl Paths {
    /// Reads the code of the module `at`, whose `children` are files.
    pub fn read(code: &[String], at: &[String], children: &[String]) -> Self {
        let mut reader = Reader {
            code,
            at,
            children,
            inside: 0,
            paths: Self::default(),
        };
        reader.imports();
        reader.inside = 0;
        reader.expressions();
        reader.paths
    }
}

impl Reader<'_> {
    /// Reads every `use`.
    fn imports(&mut self) {
        let (mut depth, mut modules) = (0, Vec::new());
        let mut i = 0;
        while i < self.code.len() {
            match self.code[i].as_str() {
                "{" => {
                    depth += 1;
                    if i >= 2 && self.code[i - 2] == "mod" {
                        modules.push(depth);
                    }
                }
                "}" => {
                    modules.pop_if(|opened| *opened == depth);
                    depth -= 1;
                }
                "use" => {
                    self.inside = modules.len();
                    let public = i > 0 && ["pub", ")"].contains(&self.code[i - 1].as_str());
                    i = self.tree(i + 1, &[], public);
                }
                _ => {}
            }
            i += 1;
        }
    }

    /// Reads one branch of a `use` and returns where it ends.
    fn tree(&mut self, mut i: usize, before: &[String], public: bool) -> usize {
        let mut path = before.to_vec();
        let mut name = None;
        loop {
            match self.code[i].as_str() {
                "::" => {}
                "as" => {
                    i += 1;
                    name = Some(self.code[i].clone());
                }
                "{" => {
                    while self.code[i] != "}" {
                        i = self.tree(i + 1, &path, public);
                    }
                    return i + 1;
                }
                "," | "}" | ";" => break,
                word => path.push(word.to_owned()),
            }
            i += 1;
        }
        if path.len() == before.len() {
            return i; // after a comma at the end
        }
        path.pop_if(|last| last == "self");
        if let (Some(last), Some(full)) = (path.last().cloned(), self.absolute(&path)) {
            if last == "*" {
                self.paths.globs.push(full[..full.len() - 1].to_vec());
                return i;
            }
            self.paths.uses.insert(name.unwrap_or(last), full.clone());
            if !public {
                self.paths.taken.insert(full);
            }
        }
        i
    }

    /// Reads the paths `a::b` outside of `use`.
    fn expressions(&mut self) {
        let word = |i: usize| self.code.get(i).map_or("", String::as_str);
        let mut found = Vec::new();
        let mut i = 0;
        while i < self.code.len() {
            if word(i) == "use" {
                while word(i) != ";" {
                    i += 1;
                }
            } else if word(i + 1) == "::" && (i == 0 || word(i - 1) != "::") {
                let mut path = vec![self.code[i].clone()];
                while word(i + 1) == "::" && is_name(word(i + 2)) {
                    i += 2;
                    path.push(self.code[i].clone());
                }
                found.extend(self.absolute(&path));
            }
            i += 1;
        }
        self.paths.taken.extend(found);
    }

    /// Returns a path from `crate`; none where it leads to another crate.
    fn absolute(&self, path: &[String]) -> Option<Segments> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let first = path.first()?;
        if first == "crate" {
            Some(path.to_vec())
        } else if first == "self" {
            Some(join(self.at, &path[1..]))
        } else if supers > 0 {
            let up = supers.saturating_sub(self.inside);
            Some(join(&self.at[..self.at.len() - up], &path[supers..]))
        } else if self.children.contains(first) {
            Some(join(self.at, path))
        } else {
            Some(join(self.paths.uses.get(first)?, &path[1..]))
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Returns one path after the other.
pub(crate) fn join(a: &[String], b: &[String]) -> Segments {
    a.iter().chain(b).cloned().collect()
}
