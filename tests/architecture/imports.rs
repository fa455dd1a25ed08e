//! Which file imports which: paths of `use` and inside expressions, followed through re-exports to
//! the file that defines the name. Tests are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{
    paths::{Paths, Segments, join},
    source::{Source, without_tests, words},
};

/// A module that is a file.
struct Module {
    file: PathBuf,
    paths: Paths,
}

/// The modules of the crate, by their paths from `crate`.
pub(crate) struct Crate(BTreeMap<Segments, Module>);

/// The names that one file takes from another, by the two files.
pub(crate) type Imports = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

impl Crate {
    /// Reads the modules that `lib.rs` declares, directly or through others.
    pub fn read(sources: &[Source]) -> Self {
        let texts = sources.iter().map(|s| (s.path.as_path(), s.text.as_str()));
        let mut all = Self(BTreeMap::new());
        let root = vec!["crate".to_owned()];
        all.add(&texts.collect(), Path::new("lib.rs"), &root);
        all
    }

    fn add(&mut self, texts: &BTreeMap<&Path, &str>, file: &Path, at: &Segments) {
        let code = without_tests(&words(texts[file]));
        let folder: PathBuf = at[1..].iter().collect();
        let mut children = Vec::new();
        for three in code.windows(3) {
            if three[0] == "mod" && three[2] == ";" {
                children.push(three[1].clone());
            }
        }
        let paths = Paths::read(&code, at, &children);
        let file = file.to_owned();
        self.0.insert(at.clone(), Module { file, paths });
        for child in children {
            let below = join(at, std::slice::from_ref(&child));
            let names = [format!("{child}.rs"), format!("{child}/mod.rs")];
            let found = names.map(|name| folder.join(name));
            for file in found
                .iter()
                .filter(|file| texts.contains_key(file.as_path()))
            {
                self.add(texts, file, &below);
            }
        }
    }

    /// Returns the file that defines what a path names; none where it names a module, or nothing
    /// of this crate.
    fn definer(&self, path: &[String], depth: usize) -> Option<&Path> {
        let mut at = vec![path.first()?.clone()];
        let mut module = self.0.get(&at)?;
        for (i, name) in path.iter().enumerate().skip(1) {
            at.push(name.clone());
            let elsewhere = self.handed_on(module, name);
            let elsewhere = elsewhere.filter(|to| *to != at && depth < 8);
            match (self.0.get(&at), elsewhere) {
                // A function may have the name of its module; a path goes on through the module.
                (Some(child), None) => module = child,
                (Some(child), _) if i + 1 < path.len() => module = child,
                (_, Some(to)) => return self.definer(&join(&to, &path[i + 1..]), depth + 1),
                (None, None) => return Some(&module.file),
            }
        }
        None
    }

    /// Returns where a name comes from that a module imports or hands on.
    fn handed_on(&self, module: &Module, name: &str) -> Option<Segments> {
        let Paths { uses, globs, .. } = &module.paths;
        let has = |glob: &&Segments| {
            let other = self.0.get(*glob);
            other.is_some_and(|other| other.paths.uses.contains_key(name))
        };
        let glob = || Some(join(globs.iter().find(has)?, &[name.to_owned()]));
        uses.get(name).cloned().or_else(glob)
    }

    /// Returns who imports what from whom.
    pub fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for module in self.0.values() {
            for path in &module.paths.taken {
                let Some(to) = self.definer(path, 0).filter(|to| *to != module.file) else {
                    continue;
                };
                let names = imports.entry(module.file.clone()).or_default();
                let names = names.entry(to.to_owned()).or_default();
                names.extend(path.last().cloned());
            }
        }
        imports
    }
}

/// Returns the groups of files that import each other in a circle, each sorted.
pub(crate) fn circles(imports: &Imports) -> Vec<BTreeSet<PathBuf>> {
    let reach = |from: &PathBuf| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            for to in imports.get(file).into_iter().flat_map(|to| to.keys()) {
                if seen.insert(to.clone()) {
                    open.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&PathBuf, BTreeSet<PathBuf>> =
        imports.keys().map(|file| (file, reach(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, from_here) in &reached {
        let back = |to: &&PathBuf| reached.get(to).is_some_and(|there| there.contains(*file));
        let circle: BTreeSet<PathBuf> = from_here.iter().filter(back).cloned().collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[test]
fn a_circle_is_found_through_a_re_export_and_not_through_tests() {
    let file = |path: &str, text: &str| Source {
        path: path.into(),
        text: text.to_owned(),
    };
    let sources = [
        file("lib.rs", "pub mod room;"),
        file(
            "room/mod.rs",
            "mod a;\nmod b;\nmod c;\npub use b::{B as Other};\npub use c::*;",
        ),
        file("room/a.rs", "use crate::room::Other;\npub struct A(Other);"),
        file(
            "room/b.rs",
            "pub struct B;\nfn f() { super::a::A::new(\"'\") }",
        ),
        file(
            "room/c.rs",
            "use super::a;\nfn f() { a::A::new('\\'') }\n#[cfg(test)]\nmod tests { use super::*; }",
        ),
    ];
    let imports = Crate::read(&sources).imports();
    let files = ["room/a.rs", "room/b.rs"].map(PathBuf::from);
    assert_eq!(circles(&imports), [BTreeSet::from(files)]);
}
