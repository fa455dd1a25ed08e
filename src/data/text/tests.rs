//! A text from its file to its samples.

use std::path::Path;

use super::*;
use crate::{
    data::{Loader, Transforms, shared_data},
    task::Targets,
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
    let mut input = Values::Ids(Vec::new());
    part.get(index, 0, &mut input).unwrap();
    let Target::Classes(target) = part.target(index) else {
        panic!("no classes")
    };
    let word = |token: u32| vocabulary[token as usize].as_str();
    (
        input.ids().unwrap().iter().map(|t| word(*t)).collect(),
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
    assert_eq!(data.facts.fields, [Field::tokens("tokens", 5, 28)]);
    assert_eq!(data.facts.task.outputs(), 28);
    assert!(data.facts.task.is_of_places() && data.facts.task.is_classification());
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
    let transforms = Arc::new(Transforms::none(&data.facts.fields));
    let loader = Loader::new(data.train, transforms, keys.training(0)).unwrap();
    let batch = loader.epoch(0, 1).next().unwrap().unwrap();
    assert_eq!(batch.columns[0].values, Values::Ids((9..18).collect()));
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

/// The answer of `describe` to a file of these bytes: characters, training samples and notes, or why not.
fn described(content: &[u8]) -> Result<(usize, usize, Vec<String>), String> {
    let (_folder, path) = written(content);
    let keys: DatasetKeys = toml::from_str("split = { val = \"0%\" }").unwrap();
    match text(&path, 2).describe(&keys, 0) {
        Ok(facts) => {
            assert_eq!(text(&path, 2).load(&keys, 0).unwrap().facts, facts);
            Ok((facts.task.outputs(), facts.train, facts.notes))
        }
        Err(error) => Err(error
            .to_string()
            .replace(&path.display().to_string(), "a.txt")),
    }
}

#[test]
fn every_form_of_text_is_read_as_documented_or_refused_at_its_place() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let plain = b"ab\ncd\nef\n";
    let said = |characters, train| Ok((characters, train, Vec::new()));
    // Line ends are characters like all others.
    assert_eq!(described(plain), said(7, 4));
    let last = "`1` of `7` characters are in no training sample: `f`".to_string();
    assert_eq!(described(b"ab\ncd\nef"), Ok((7, 3, vec![last])));
    assert_eq!(described(b"ab\r\ncd\r\nef\r\n"), said(8, 5));
    assert_eq!(described(b"ab\rcd\ref\r"), said(7, 4));
    assert_eq!(described(&gzip(plain)), said(7, 4));
    assert_eq!(
        described(&[gzip(&plain[..4]), gzip(&plain[4..])].concat()),
        said(7, 4)
    );
    let (characters, _, notes) = described("\u{feff}ab\ncd\n".as_bytes()).unwrap();
    assert_eq!(characters, 6);
    assert!(
        notes[0].starts_with("the text begins with a byte order mark"),
        "{notes:?}"
    );
    let (_, _, notes) = described(b"ab\0cd\0ef").unwrap();
    assert!(
        notes[0].starts_with("the text has NUL characters"),
        "{notes:?}"
    );

    let wide: Vec<u8> = "abcd".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe][..], &wide].concat();
    for (content, words) in [
        (marked, "`a.txt` is UTF-16 text"),
        (wide, "`a.txt` is UTF-16 text"),
        (
            b"a\nb\ncaf\xe9\n".to_vec(),
            "`a.txt:3` is not UTF-8 text: byte 0xe9 in column 4",
        ),
        (gzip(&gzip(plain)), "gzip inside gzip"),
        (b"PK\x03\x04\xff\xff".to_vec(), "zip archive"),
    ] {
        let message = described(&content).unwrap_err();
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(
        described(b""),
        Err("`a.txt` is empty; hint: expected text".into())
    );
    assert_eq!(
        described(&gzip(b"")),
        Err("`a.txt` is empty; hint: expected text".into())
    );
    let whole = gzip(&plain.repeat(50));
    for end in 2..whole.len() {
        let message = described(&whole[..end]).unwrap_err();
        assert!(message.contains("a.txt"), "cut off at {end}: {message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = text(folder.path(), 2)
        .describe(&DatasetKeys::default(), 0)
        .unwrap_err();
    assert!(matches!(error, DataError::NotAFile { .. }), "{error}");
}

#[test]
fn characters_that_no_training_window_has_are_noted() {
    let (_folder, path) = written("abababababababababxy".as_bytes());
    let keys: DatasetKeys = toml::from_str("split = { val = \"20%\" }").unwrap();
    let facts = text(&path, 2).describe(&keys, 0).unwrap();
    assert_eq!(
        facts.notes,
        ["`2` of `4` characters are in no training sample: `x`, `y`"]
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
