//! A text from its file to its samples.

use std::path::Path;

use super::*;
use crate::{
    data::{Loader, Targets, Transforms, shared_data},
    units::FilePath,
};

fn text(path: &Path, context: usize) -> Text {
    Text {
        path: FilePath(path.into()),
        context,
        stride: None,
    }
}

fn written(content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// Inputs and targets of a sample, as text.
fn sample(data: &Data, part: &Arc<dyn Dataset>, index: usize) -> (String, String) {
    let Task::NextToken { vocabulary } = &data.facts.task else {
        panic!("not tokens")
    };
    let mut input = vec![f32::NAN; data.facts.shape[0]];
    part.get(index, &mut input).unwrap();
    let Target::Classes(target) = part.target(index) else {
        panic!("no classes")
    };
    let word = |token: u32| vocabulary[token as usize].as_str();
    (
        input.iter().map(|token| word(*token as u32)).collect(),
        target.iter().map(|token| word(*token)).collect(),
    )
}

#[test]
fn samples_are_windows_and_targets_the_same_one_further() {
    let (_folder, path) = written("the quick brown fox jumps over the lazy dög".as_bytes());
    let keys: DatasetKeys = toml::from_str("split = { val = \"30%\" }").unwrap();
    let spec = text(&path, 5);
    let data = spec.load(&keys, 0).unwrap();
    assert_eq!(spec.describe(&keys, 0).unwrap(), data.facts);
    assert_eq!(data.facts.shape, [5]);
    assert_eq!(data.facts.task.outputs(), 28);
    assert!(data.facts.task.is_tokens() && data.facts.task.is_classification());
    assert_eq!(
        (data.facts.train, data.facts.val, data.facts.test),
        (5, 2, 0)
    );
    let of = |index| sample(&data, &data.train, index);
    assert_eq!(of(0), ("the q".into(), "he qu".into()));
    assert_eq!(of(1), ("uick ".into(), "ick b".into()));
    assert_eq!(of(4).0, "jumps");
    let val = data.val.as_ref().unwrap();
    assert_eq!(sample(&data, val, 0), (" the ".into(), "the l".into()));
    assert_eq!((val.id(0), data.train.id(1), val.len()), (30, 5, 2));
    assert!(data.test.is_none());

    let dense = Text {
        stride: Some(1),
        ..spec
    };
    let data = dense.load(&keys, 0).unwrap();
    assert_eq!(data.facts.train, 25);
    assert_eq!(sample(&data, &data.train, 3).0, " quic");
}

#[test]
fn a_batch_has_a_class_for_each_place() {
    let (_folder, path) = written(b"abcdefghijklmnopqrstuvwxyz");
    let data = text(&path, 3).load(
        &DatasetKeys {
            split: SplitKeys::percent(0.0, 0.0),
            ..DatasetKeys::default()
        },
        0,
    );
    let data = data.unwrap();
    let keys = DatasetKeys {
        batch_size: 3,
        shuffle: false,
        ..DatasetKeys::default()
    };
    let transforms = Arc::new(Transforms::none(&data.facts.shape));
    let loader = Loader::new(data.train, transforms, keys.training(0)).unwrap();
    let batch = loader.epoch(0, 1).next().unwrap().unwrap();
    assert_eq!(batch.input, (9..18).map(|i| i as f32).collect::<Vec<_>>());
    assert_eq!(batch.targets, Targets::Classes((10..19).collect()));
    assert_eq!((batch.len, batch.ids), (3, vec![9, 12, 15]));
}

#[test]
fn every_fault_names_its_file_and_key() {
    let fault = |content: &[u8], context| {
        let (_folder, path) = written(content);
        let error = text(&path, context)
            .describe(&DatasetKeys::default(), 0)
            .unwrap_err();
        let message = error.to_string();
        let message = message.replace(&path.display().to_string(), "a.txt");
        format!("{}: {message}", error.key())
    };
    assert_eq!(fault(b"", 4), "path: `a.txt` is empty; hint: expected text");
    assert_eq!(
        fault(b"abc\n\xff", 1),
        "path: `a.txt:2` is not UTF-8 text: byte 0xff in column 1; hint: save the file as UTF-8"
    );
    assert_eq!(
        fault(b"abcd", 4),
        "context: `a.txt` has `4` characters, and a sample takes `5`: its context and the one \
         that follows; hint: context = 3 at most, or a longer text"
    );
    assert_eq!(
        fault(b"\n\n\n\n\n\n", 4),
        "path: every character of `a.txt` is `\\n`; there is nothing to learn"
    );
    assert_eq!(
        fault(b"abcdefgh", 4),
        "split.val: the validation part of `a.txt` has `1` characters, and a sample takes `5`; \
         hint: a larger `split.val`, \"0%\" for none, or a smaller `context`"
    );
    let missing = text(Path::new("nowhere/a.txt"), 4)
        .describe(&DatasetKeys::default(), 0)
        .unwrap_err();
    assert_eq!(missing.key(), "path");
    assert!(
        missing
            .to_string()
            .starts_with("cannot read `nowhere/a.txt`: ")
    );
}

#[test]
fn the_real_one() {
    let Some(path) = shared_data("tinyshakespeare/input.txt") else {
        return;
    };
    let keys = DatasetKeys::default();
    let data = text(&path, 128).load(&keys, 0).unwrap();
    let facts = &data.facts;
    assert_eq!(facts.task.outputs(), 65);
    // 1,003,855 and 111,539 characters.
    assert_eq!((facts.train, facts.val, facts.test), (7842, 871, 0));
    assert!(
        sample(&data, &data.train, 0)
            .0
            .starts_with("First Citizen:\nBefore we")
    );
}
