//! Mutated files, seeded: no reader panics, and each keeps what it promises. The same readers under
//! libFuzzer: see `fuzz/`.

use std::{fs, panic, path::Path};

#[path = "../../fuzz/mutate.rs"]
mod mutate;
#[path = "../../fuzz/readers.rs"]
mod readers;

use readers::{Bench, READERS};

/// Mutations of each reader's files.
const MUTATIONS: u32 = 500;

/// The files from which mutations of a reader's input begin.
fn seeds(bench: &Bench, reader: &str) -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(reader);
    let files = fs::read_dir(corpus).into_iter().flatten();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let kept = paths.iter().map(|path| fs::read(path).unwrap());
    kept.chain(bench.written(reader)).collect()
}

#[test]
fn no_reader_panics_or_breaks_its_promise() {
    let bench = Bench::new();
    for reader in READERS {
        let seeds = seeds(&bench, reader.name);
        assert!(!seeds.is_empty(), "{} has no seeds", reader.name);
        let mutated = (0..MUTATIONS).map(|number| mutate::mutate(&seeds, reader.name, number));
        for (number, bytes) in seeds.iter().cloned().chain(mutated).enumerate() {
            let read = panic::catch_unwind(panic::AssertUnwindSafe(|| {
                (reader.read)(&bench, &bytes);
            }));
            let shown = String::from_utf8_lossy(&bytes);
            assert!(read.is_ok(), "{} {number}: {shown:?}", reader.name);
        }
    }
}
