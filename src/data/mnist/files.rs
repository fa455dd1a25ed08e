//! The four IDX files of a folder, by their names as they are found in the wild.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    data::DataError,
    suggest::{did_you_mean, nearest},
};

/// The usual names of the files, in the order of the fingerprint, with their dimensions.
pub(super) const FILES: [(&str, u8); 4] = [
    ("train-images-idx3-ubyte", 3),
    ("train-labels-idx1-ubyte", 1),
    ("t10k-images-idx3-ubyte", 3),
    ("t10k-labels-idx1-ubyte", 1),
];

/// Files of one beginning, each with the rank of its spelling: the lowest one counts.
type Set = [Option<(usize, PathBuf)>; 4];

/// The paths of the four files: of the beginning `prefix`, or of the only complete set there is;
/// names without a beginning come before all others.
pub(super) fn find(folder: &Path, prefix: Option<&str>) -> Result<Vec<PathBuf>, DataError> {
    if folder.is_file() {
        let path = folder.into();
        return Err(DataError::NotAFolder { path });
    }
    let mut sets = sets(folder)?;
    if let Some(prefix) = prefix {
        let wanted = canonical(prefix);
        let Some(set) = sets.remove(&wanted) else {
            return Err(DataError::NoPrefix {
                folder: folder.into(),
                prefix: prefix.into(),
                hint: other_prefixes(&wanted, &sets),
            });
        };
        return complete(folder, &wanted, set);
    }
    let whole = |set: &Set| set.iter().all(Option::is_some);
    let mut names = sets.iter().filter(|(_, set)| whole(set));
    let first = names.next().map(|(name, _)| name.clone());
    let others: Vec<String> = names.map(|(name, _)| name.clone()).collect();
    match first {
        Some(name) if name.is_empty() || others.is_empty() => {
            complete(folder, &name, sets.remove(&name).unwrap_or_default())
        }
        Some(name) => Err(DataError::SeveralPrefixes {
            folder: folder.into(),
            prefixes: [vec![name], others].concat(),
        }),
        None => {
            let count = |set: &Set| set.iter().flatten().count();
            // Of several that have as many files, the one that stands first by name.
            let most = sets.iter().rev().max_by_key(|(_, set)| count(set));
            let name = most.map(|(name, _)| name.clone()).unwrap_or_default();
            complete(folder, &name, sets.remove(&name).unwrap_or_default())
        }
    }
}

/// The files of a folder that are one of the four, by the beginning of their names.
fn sets(folder: &Path) -> Result<BTreeMap<String, Set>, DataError> {
    let read = |source| DataError::Read {
        path: folder.into(),
        source,
    };
    let mut sets = BTreeMap::<String, Set>::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let Ok(name) = entry.map_err(read)?.file_name().into_string() else {
            continue;
        };
        let Some((prefix, at, rank)) = meaning(&name) else {
            continue;
        };
        let found = (rank, folder.join(name));
        let place = &mut sets.entry(prefix).or_default()[at];
        if place.as_ref().is_none_or(|other| found < *other) {
            *place = Some(found);
        }
    }
    Ok(sets)
}

/// The beginning of a file's name, which of the four it is, and the rank of its spelling.
fn meaning(name: &str) -> Option<(String, usize, usize)> {
    let plain = canonical(name);
    let (plain, is_packed) = match plain.strip_suffix("-gz") {
        Some(plain) => (plain, true),
        None => (plain.as_str(), false),
    };
    let end = |name: &str| {
        let before = plain.strip_suffix(name)?;
        match before.strip_suffix('-') {
            Some(prefix) => Some(prefix.to_string()),
            None => before.is_empty().then(String::new),
        }
    };
    (0..4).find_map(|at| {
        let (usual, test) = (FILES[at].0, FILES[at].0.replacen("t10k", "test", 1));
        let (prefix, other) = match end(usual) {
            Some(prefix) => (prefix, 0),
            None => (end(&test)?, 4),
        };
        let dotted = usize::from(!name.to_lowercase().contains(usual)) * 2;
        Some((prefix, at, other + dotted + usize::from(is_packed)))
    })
}

/// A name in lower case, with `-` for `.` and `_`.
fn canonical(name: &str) -> String {
    name.to_lowercase().replace(['.', '_'], "-")
}

/// The paths of a set, or what it lacks.
fn complete(folder: &Path, prefix: &str, set: Set) -> Result<Vec<PathBuf>, DataError> {
    let full = |name: &str| match prefix {
        "" => name.to_string(),
        prefix => format!("{prefix}-{name}"),
    };
    let missing: Vec<String> = FILES
        .iter()
        .zip(&set)
        .filter(|(_, path)| path.is_none())
        .map(|((name, _), _)| full(name))
        .collect();
    if missing.is_empty() {
        return Ok(set.into_iter().flatten().map(|(_, path)| path).collect());
    }
    Err(DataError::MissingFiles {
        folder: folder.into(),
        names: missing,
    })
}

/// A proposal in place of a beginning that no file has.
fn other_prefixes(wanted: &str, sets: &BTreeMap<String, Set>) -> String {
    let names = || sets.keys().filter(|name| !name.is_empty());
    if let Some(name) = nearest(wanted, names().map(String::as_str)) {
        return did_you_mean(name);
    }
    let list: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    match list.is_empty() {
        true => "remove `prefix`".into(),
        false => format!("there are {}", list.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of `find` for a folder of these files; paths as their names.
    fn found(files: &[&str], prefix: Option<&str>) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        match find(folder.path(), prefix) {
            Ok(paths) => Ok(paths.into_iter().map(name).collect()),
            Err(error) => {
                let text = error.to_string();
                Err(text.replace(&folder.path().display().to_string(), "DIR"))
            }
        }
    }

    fn set(prefix: &str, test: &str, end: &str) -> Vec<String> {
        let names = [
            "train-images-idx3",
            "train-labels-idx1",
            "T-images-idx3",
            "T-labels-idx1",
        ];
        let name = |name: &str| format!("{prefix}{}-ubyte{end}", name.replace('T', test));
        names.into_iter().map(name).collect()
    }

    fn refs(names: &[String]) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }

    #[test]
    fn the_spellings_of_known_sources_are_found() {
        let dotted = [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ];
        for names in [
            set("", "t10k", ""),
            set("", "t10k", ".gz"),
            dotted.map(String::from).to_vec(),
            set("emnist-letters-", "test", ""),
            set("emnist-letters-", "test", ".gz"),
            set("QMNIST_", "t10k", ".GZ"),
            set("k.", "test", ""),
        ] {
            assert_eq!(found(&refs(&names), None).unwrap(), names);
        }
    }

    #[test]
    fn the_usual_spelling_comes_first() {
        let plain = set("", "t10k", "");
        for others in [
            set("", "t10k", ".gz"),
            set("", "test", ""),
            set("emnist-", "test", ""),
        ] {
            let all = [plain.clone(), others].concat();
            assert_eq!(found(&refs(&all), None).unwrap(), plain);
        }
    }

    #[test]
    fn several_sets_in_one_folder_need_a_prefix() {
        let letters = set("emnist-letters-", "test", ".gz");
        let balanced = set("emnist-balanced-", "test", ".gz");
        let all = [letters.clone(), balanced].concat();
        assert_eq!(
            found(&refs(&all), None).unwrap_err(),
            "`DIR` holds several sets of files; hint: prefix = \"emnist-balanced\" or \"emnist-letters\""
        );
        assert_eq!(found(&refs(&all), Some("emnist-letters")).unwrap(), letters);
        assert_eq!(found(&refs(&all), Some("EMNIST_letters")).unwrap(), letters);
        assert_eq!(
            found(&refs(&all), Some("emnist-leters")).unwrap_err(),
            "`DIR` has no files that begin with `emnist-leters`; hint: did you mean `emnist-letters`?"
        );
        assert_eq!(
            found(&refs(&letters[..3]), None).unwrap_err(),
            "`DIR` does not hold `emnist-letters-t10k-labels-idx1-ubyte`; hint: `path` is the folder of the four IDX files, plain or with .gz"
        );
    }
}
