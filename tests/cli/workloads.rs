//! The configs that `benches/compare.py` measures.

use std::{collections::BTreeSet, fs};

use crate::sandbox::{Sandbox, repository};

/// Characters of the text that the comparison writes for its language model.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n !$&',-.3:;?";

#[test]
fn each_resolves_without_a_fault() {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(repository().join("benches/workloads")).unwrap() {
        let path = entry.unwrap().path();
        let (sandbox, config) = (Sandbox::new(), path.to_str().unwrap());
        let mut args = vec!["check", config, "--format", "json"];
        // The comparison writes the text that this one names; here it gets one of its own.
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let text = sandbox.write("text.txt", LETTERS.repeat(200));
        let set = format!("dataset.path={:?}", text.to_str().unwrap());
        if stem == "gpt" {
            args.extend(["--set", &set]);
        }
        let plan = sandbox.ok(&args).json();
        assert_eq!(plan["name"], format!("bench-{stem}"));
        assert_eq!(plan["faults"].as_array().unwrap().len(), 0, "{plan}");
        // As many answers as PyTorch's side has.
        let outputs = if stem == "gpt" { LETTERS.len() } else { 10 };
        assert_eq!(plan["data"]["outputs"], outputs, "{stem}");
        names.insert(stem.to_owned());
    }
    // Exactly those that the comparison knows.
    let script = fs::read_to_string(repository().join("benches/compare.py")).unwrap();
    let known = script.lines().find(|line| line.starts_with("WORKLOADS = "));
    let known = known
        .unwrap()
        .split('"')
        .filter(|word| word.len() > 2 && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    assert_eq!(names, known.map(str::to_owned).collect());
}
