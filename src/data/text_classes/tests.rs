//! Documents from their files to their samples.

use std::{fs, path::Path};

use super::*;
use crate::data::{Loader, Transforms};

/// A folder of these files, and the dataset over it.
fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, TextClasses) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let spec = spec(folder.path(), "");
    (folder, spec)
}

fn spec(path: &Path, keys: &str) -> TextClasses {
    toml::from_str(&format!("path = '{}'\n{keys}", path.display())).unwrap()
}

fn all() -> DatasetKeys {
    toml::from_str("split = { val = \"0%\", test = \"0%\" }\nshuffle = false").unwrap()
}

/// The tokens of a training document.
fn tokens(data: &Data, index: usize) -> Vec<u32> {
    let mut ids = Values::Ids(Vec::new());
    data.train.get(index, 0, &mut ids).unwrap();
    ids.ids().unwrap().clone()
}

/// The fault as `key: text`, without the folder.
fn fault(spec: &TextClasses) -> String {
    let error = spec.load(&all(), 0).unwrap_err();
    let text = format!("{}: {error}", error.key());
    text.replace(&spec.path.0.display().to_string(), "DIR")
}

#[test]
fn a_sub_folder_is_a_class_and_lengths_differ() {
    let files: [(&str, &[u8]); 6] = [
        ("bad/1.txt", b"no"),
        ("bad/2.txt", b""),
        ("good/a.txt", b"yes, on and on"),
        ("good/b.txt", b"y"),
        ("good/.hidden", b"zzz"),
        ("notes.txt", b"beside"),
    ];
    let (_folder, spec) = folder(&files);
    let spec = TextClasses {
        max_length: 6,
        ..spec
    };
    let data = spec.load(&all(), 0).unwrap();
    assert_eq!(spec.describe(&all(), 0).unwrap(), data.facts);
    assert_eq!(
        data.facts.task,
        Task::classes(vec!["bad".into(), "good".into()])
    );
    assert_eq!(data.facts.counts.train, [2, 2]);
    let lengths: Vec<usize> = (0..4).map(|i| tokens(&data, i).len()).collect();
    assert_eq!(lengths, [2, 1, 6, 1]);
    assert_eq!(tokens(&data, 1), [Vocabulary::UNKNOWN]);
    // " ,enosy" in order, from id 1 on.
    assert_eq!(data.facts.fields, [Field::tokens("text", 6, 8).varying()]);
    assert_eq!(tokens(&data, 3), [7]);
    assert_eq!(
        data.facts.notes,
        [
            "1 file beside the classes' folders not read",
            "1 document without a token: one unknown token each",
            "1 document of more than `6` tokens: the rest is not read",
        ]
    );
}

#[test]
fn a_batch_is_padded_to_its_longest_document() {
    let files: [(&str, &[u8]); 4] = [
        ("a/1", b"abc"),
        ("a/2", b"a"),
        ("b/1", b"abcdef"),
        ("b/2", b"ab"),
    ];
    let (_folder, spec) = folder(&files);
    let data = spec.load(&all(), 0).unwrap();
    let keys = DatasetKeys {
        batch_size: 2,
        ..all()
    };
    let transforms = Arc::new(Transforms::none(&data.facts.fields));
    let loader = Loader::new(data.train, transforms, keys.training(0)).unwrap();
    let batches: Vec<_> = loader.epoch(0, 0).map(Result::unwrap).collect();
    let column = |i: usize| &batches[i].columns[0];
    assert_eq!(column(0).values, Values::Ids(vec![1, 2, 3, 1, 0, 0]));
    assert_eq!(column(0).lengths, Some(vec![3, 1]));
    assert_eq!(
        (column(1).shape.clone(), column(1).lengths.clone()),
        (vec![6], Some(vec![6, 2]))
    );
}

#[test]
fn a_table_has_a_column_of_text_and_one_of_classes() {
    let table = "label,text,other\nham,\"see you, there\",1\nspam,WIN!,2\nham,,3\n";
    let (folder, _) = folder(&[("t.csv", table.as_bytes())]);
    let path = folder.path().join("t.csv");
    let data = spec(&path, "tokens = \"words\"").load(&all(), 0).unwrap();
    assert_eq!(data.facts.task.names(), ["ham", "spam"]);
    let lengths: Vec<usize> = (0..3).map(|i| tokens(&data, i).len()).collect();
    assert_eq!(lengths, [4, 2, 1]);
    assert!(data.train.place(1).ends_with("t.csv:3`"));
    assert_eq!(data.train.target(1), Target::Class(1));
    let other = fault(&spec(&path, "text = \"txt\""));
    assert_eq!(
        other,
        "text: `DIR` has no column `txt`; hint: did you mean `text`?"
    );
}

#[test]
fn every_fault_names_its_place() {
    let (_empty, spec) = folder(&[("notes.txt", b"x")]);
    assert_eq!(
        fault(&spec),
        "path: `DIR` has no sub-folders; hint: one for each class, with its text files, or name a CSV file"
    );
    let (_one, one) = folder(&[("a/1", b"x")]);
    assert_eq!(
        fault(&one),
        "path: `DIR` has only the class `a`; there is nothing to learn"
    );
    let named = TextClasses {
        text: Some("t".into()),
        ..one
    };
    assert_eq!(
        fault(&named),
        "text: `text` names a column of a CSV file, and `path` is a folder; hint: remove `text`"
    );
    let (_binary, binary) = folder(&[("a/1", b"x"), ("b/1", &[b'a', 0xff, b'b'])]);
    assert!(fault(&binary).contains("DIR/b/1"), "{}", fault(&binary));
    let bytes = TextClasses {
        tokens: TokenKind::Bytes,
        ..binary
    };
    assert!(bytes.load(&all(), 0).is_ok());
    let (hollow, spec) = folder(&[("a/1", b"x"), ("b/1", b"y")]);
    fs::remove_file(hollow.path().join("b/1")).unwrap();
    assert_eq!(
        fault(&spec),
        "path: `DIR/b` has no files; hint: a sub-folder is a class and holds its documents"
    );
}

#[test]
fn the_fingerprint_knows_every_document_and_its_class() {
    let print = |files: &[(&str, &[u8])]| {
        let (_folder, spec) = folder(files);
        spec.load(&all(), 0).unwrap().fingerprint
    };
    let first = print(&[("a/1", b"xy"), ("b/1", b"z")]);
    assert_eq!(first, print(&[("a/1", b"xy"), ("b/1", b"z")]));
    assert_ne!(first, print(&[("a/1", b"x"), ("b/1", b"yz")]));
    assert_ne!(first, print(&[("a/1", b"xy"), ("c/1", b"z")]));
}
