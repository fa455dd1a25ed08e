//! "Did you mean": the name that a wrong one was probably meant to be.

use std::{fmt::Display, path::Path};

/// Names must be more alike than this.
const ALIKE: f64 = 0.5;

/// Returns how alike two words are, from 0 to 1; upper and lower case count as equal.
#[must_use]
pub fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

/// Returns the candidate most like `word`; `None` where nothing is near.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    best(candidates, |candidate| likeness(word, candidate))
}

/// Returns the name most like `word`, as [`nearest`]; the last part of a name, `accuracy` of
/// `val/accuracy`, stands for nearly the whole of it.
#[must_use]
pub fn nearest_key<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    best(names, |name| {
        let last = name.rsplit(['.', '/']).next().unwrap_or(name);
        likeness(word, name).max(0.95 * likeness(word, last))
    })
}

/// Returns the name of the file beside `path` that is most like its own. An ending that both have
/// makes no name alike.
#[must_use]
pub fn nearest_file(path: &Path) -> Option<String> {
    let folder = match path.parent()? {
        folder if folder.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let wanted = path.file_name()?.to_str()?;
    let (stem, ending) = split_ending(wanted);
    let names = names.iter().map(String::as_str);
    let (same, other): (Vec<&str>, Vec<&str>) =
        names.partition(|name| split_ending(name).1 == ending);
    let near = best(same, |name| likeness(stem, split_ending(name).0));
    near.or_else(|| nearest(wanted, other)).map(String::from)
}

/// Returns the question whether `name` was meant.
pub fn did_you_mean(name: impl Display) -> String {
    format!("did you mean `{name}`?")
}

/// The name of a file before its ending, and the ending.
fn split_ending(name: &str) -> (&str, &str) {
    name.rfind('.').map_or((name, ""), |at| name.split_at(at))
}

/// The first of the most alike.
fn best<'a>(
    candidates: impl IntoIterator<Item = &'a str>,
    likeness: impl Fn(&str) -> f64,
) -> Option<&'a str> {
    let mut best = (ALIKE, None);
    for candidate in candidates {
        let likeness = likeness(candidate);
        if likeness > best.0 {
            best = (likeness, Some(candidate));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["momentum", "nesterov", "lr"];
        assert_eq!(nearest("momentun", known), Some("momentum"));
        assert_eq!(nearest("NESTEROW", known), Some("nesterov"));
        assert_eq!(nearest("dampening", known), None);
    }

    #[test]
    fn the_last_part_of_a_key_stands_for_the_whole() {
        let keys = [
            "lr",
            "train/loss",
            "val/accuracy",
            "val/loss",
            "optimizer.lr",
        ];
        for (word, near) in [
            ("val/acuracy", Some("val/accuracy")),
            ("accuracy", Some("val/accuracy")),
            ("acuracy", Some("val/accuracy")),
            ("optimzer.lr", Some("optimizer.lr")),
            ("grad_norm", None),
        ] {
            assert_eq!(nearest_key(word, keys), near, "{word}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_has_a_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["flowers.csv", "rain.txt", "model.safetensors"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for (wanted, near) in [
            ("flower.csv", Some("flowers.csv")),
            ("flowers.tsv", Some("flowers.csv")),
            ("no-such.safetensors", None),
            ("x.csv", None),
        ] {
            let path = folder.path().join(wanted);
            assert_eq!(nearest_file(&path).as_deref(), near, "{wanted}");
        }
    }
}
