//! Every reader of bytes from outside, as a function of bytes: what the fuzz targets and the seeded
//! test of mutated files (`tests/cli/mutations.rs`) call. Each asserts more than that nothing panics.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::json;
use trainer::{
    config::{Extensions, Overrides, Plan, Spec},
    data::{Csv, DatasetKeys, DatasetSpec, Mnist, Text, TextClasses},
    launch::Run,
    report::Filter,
    run, safetensors,
    train::StopFlag,
};

/// A reader under test.
pub struct Reader {
    /// Name of the fuzz target and of the folder of its seeds.
    pub name: &'static str,
    /// Gives it bytes.
    pub read: fn(&Bench, &[u8]),
}

/// All of them.
pub const READERS: [Reader; 12] = [
    reader("toml", toml),
    reader("expression", expression),
    reader("filter", filter),
    reader("csv", csv),
    reader("idx_images", idx_images),
    reader("idx_labels", idx_labels),
    reader("text", text),
    reader("text_classes", text_classes),
    reader("safetensors", safetensors_header),
    reader("manifest", manifest),
    reader("metrics", metrics),
    reader("summary", summary),
];

const fn reader(name: &'static str, read: fn(&Bench, &[u8])) -> Reader {
    Reader { name, read }
}

/// Files for readers that take a path: a folder of its own, and in it a completed run.
pub struct Bench {
    folder: PathBuf,
    run: PathBuf,
    checkpoint: PathBuf,
    state_hash: String,
}

/// A run of two updates.
const CONFIG: &str = r#"
[model]
type = "mlp"
hidden = [2]
[dataset]
type = "synthetic"
samples = 24
shape = [2]
classes = 2
batch_size = 8
[optimizer]
type = "sgd"
lr = 0.1
[train]
steps = 2
"#;

impl Bench {
    /// Trains the run.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let root = match memory.is_dir() {
            true => memory.into(),
            false => std::env::temp_dir(),
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = root.join(format!("trainer-readers-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let plan = Plan::parse(CONFIG, &Extensions::new()).unwrap();
        let runs = folder.join("runs");
        let mut run = Run::new(&plan).unwrap();
        let summary = run.train_in(&runs, &mut Vec::new(), &StopFlag::new());
        let summary = summary.unwrap();
        let run = runs.join(summary.run);
        Self {
            checkpoint: run.join("checkpoints/step-0000000002"),
            state_hash: run::load_newest(&run).unwrap().0.state_hash,
            folder,
            run,
        }
    }

    /// A file of the folder with these bytes in it.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Reads the run with `bytes` in the place of one of its files. Whoever calls the run valid has
    /// seen the file as it was, and a checkpoint that is read holds the state that was saved.
    fn with_file(&self, path: &Path, bytes: &[u8]) {
        let whole = fs::read(path).unwrap();
        fs::write(path, bytes).unwrap();
        let _ = run::Reader::open(&self.run);
        let _ = run::Reader::glance(&self.run);
        let verified = run::verify(&self.run);
        let loaded = run::load_newest(&self.run);
        fs::write(path, &whole).unwrap();
        let is_valid = verified.is_ok_and(|found| found.is_valid());
        assert!(
            !is_valid || bytes == whole,
            "{} was changed",
            path.display()
        );
        if let Ok((checkpoint, _)) = loaded {
            assert_eq!(checkpoint.state_hash, self.state_hash);
        }
    }

    /// The bytes that a reader of the run's files begins from; `None` for the other readers.
    pub fn written(&self, reader: &str) -> Option<Vec<u8>> {
        let path = match reader {
            "manifest" => self.checkpoint.join("manifest.json"),
            "metrics" => self.run.join("metrics.jsonl"),
            "summary" => self.run.join("summary.json"),
            "safetensors" => self.checkpoint.join("model.safetensors"),
            _ => return None,
        };
        Some(fs::read(path).unwrap())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A config that is accepted gives a plan that reads back as the same plan.
fn toml(_: &Bench, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let resolved = |text: &str| {
        let spec = Spec::parse("config.toml", text, &Overrides::default());
        Plan::resolve(&spec, &Extensions::new())
    };
    if let Ok(plan) = resolved(text) {
        let again = resolved(&plan.to_toml()).unwrap();
        assert_eq!(again.hash(), plan.hash());
    }
}

/// A formula that is accepted has a value at every step.
fn expression(bench: &Bench, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let text = toml_text(text);
    let schedule = format!("{CONFIG}\n[[schedule]]\ntype = \"expr\"\nexpr = {text}\n");
    toml(bench, schedule.as_bytes());
}

/// `text` as a TOML string.
fn toml_text(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| format!("\\U{:08x}", c as u32))
        .collect();
    format!("\"{escaped}\"")
}

/// A filter that is accepted can be asked.
fn filter(_: &Bench, bytes: &[u8]) {
    if let Some(filter) = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Filter::parse(text).ok())
    {
        filter.holds(&|_| Vec::new());
        assert!(filter.keys().iter().all(|key| !key.is_empty()));
    }
}

fn csv(bench: &Bench, bytes: &[u8]) {
    let path = bench.file("table.csv", bytes);
    let spec: Csv = serde_json::from_value(json!({ "path": path, "target": "y" })).unwrap();
    load(&spec);
}

fn text(bench: &Bench, bytes: &[u8]) {
    let path = bench.file("book.txt", bytes);
    let spec: Text = serde_json::from_value(json!({ "path": path, "context": 4 })).unwrap();
    load(&spec);
}

/// The bytes as a table of documents, and as a document beside another one.
fn text_classes(bench: &Bench, bytes: &[u8]) {
    let table = bench.file("documents.csv", bytes);
    let folder = bench.folder.join("documents");
    for (class, content) in [("a", bytes), ("b", b"other")] {
        fs::create_dir_all(folder.join(class)).unwrap();
        fs::write(folder.join(class).join("1.txt"), content).unwrap();
    }
    for tokens in ["characters", "bytes", "words"] {
        for path in [&table, &folder] {
            let keys = json!({ "path": path, "tokens": tokens, "max_length": 5 });
            let spec: TextClasses = serde_json::from_value(keys).unwrap();
            load(&spec);
        }
    }
}

fn idx_images(bench: &Bench, bytes: &[u8]) {
    idx(bench, bytes, &IDX_LABELS);
}

fn idx_labels(bench: &Bench, bytes: &[u8]) {
    idx(bench, &IDX_IMAGES, bytes);
}

/// Four images of 2×2 pixels.
const IDX_IMAGES: [u8; 32] = [
    0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16,
];

/// Their labels.
const IDX_LABELS: [u8; 12] = [0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 3];

fn idx(bench: &Bench, images: &[u8], labels: &[u8]) {
    bench.file("train-images-idx3-ubyte", images);
    bench.file("train-labels-idx1-ubyte", labels);
    bench.file("t10k-images-idx3-ubyte", &IDX_IMAGES);
    bench.file("t10k-labels-idx1-ubyte", &IDX_LABELS);
    let spec: Mnist = serde_json::from_value(json!({ "path": bench.folder })).unwrap();
    load(&spec);
}

/// Data that is described and can be loaded has the sizes that were described.
fn load(spec: &dyn DatasetSpec) {
    let keys = serde_json::from_value::<DatasetKeys>(json!({})).unwrap();
    let described = spec.describe(&keys, 0);
    if let (Ok(facts), Ok(data)) = (described, spec.load(&keys, 0)) {
        assert_eq!(data.facts.train, facts.train);
        assert_eq!(data.facts.fields, facts.fields);
        assert_eq!(data.train.len(), facts.train);
    }
}

/// A header that is believed describes the file's bytes exactly.
fn safetensors_header(_: &Bench, bytes: &[u8]) {
    let mut file = bytes;
    if let Ok(tensors) = safetensors::header(&mut file, bytes.len() as u64) {
        let data: usize = tensors.iter().map(|tensor| tensor.bytes).sum();
        assert_eq!(data, file.len());
    }
}

fn manifest(bench: &Bench, bytes: &[u8]) {
    bench.with_file(&bench.checkpoint.join("manifest.json"), bytes);
}

fn metrics(bench: &Bench, bytes: &[u8]) {
    bench.with_file(&bench.run.join("metrics.jsonl"), bytes);
}

fn summary(bench: &Bench, bytes: &[u8]) {
    bench.with_file(&bench.run.join("summary.json"), bytes);
}
