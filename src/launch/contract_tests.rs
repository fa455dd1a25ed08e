//! What must hold for every component in the registry, with its default keys: a config that names
//! it resolves, trains, stops and goes on at any update, on any number of threads, with the same
//! bits. Whoever registers a component is tested here without a further line; only datasets have
//! to say where their files come from.

use std::{fs, path::Path, sync::Arc};

use candle_core::Device;

use super::recipe;
use crate::{
    config::{Extensions, Overrides, Plan, Registry, Spec, example_text, metrics},
    event::{Checkpoint, Event},
    train::{Session, StopFlag},
};

pub(super) const DIGITS: &str = "[dataset]\ntype = \"digits\"\nlimit = 90\nbatch_size = 16\n";

pub(super) const SYNTHETIC: &str =
    "[dataset]\ntype = \"synthetic\"\nshape = [2, 3]\nsamples = 90\ntargets = 2\nbatch_size = 16\n";

/// Numbers from 0 to 1 to predict: y = (2a − b + 0.5) / 2.5, nearly.
pub(super) fn regression(folder: &Path) -> String {
    let line = |i: u32| {
        let (a, b) = (f64::from(i % 17) / 16.0, f64::from(i % 7) / 12.0);
        format!(
            "{a},{b},{}\n",
            (2.0 * a - b + 0.5) / 2.51 + 0.001 * f64::from(i % 3)
        )
    };
    let table = folder.join("table.csv");
    let rows = (0..90).map(line).collect::<String>();
    fs::write(&table, format!("a,b,y\n{rows}")).unwrap();
    let path = toml::Value::from(table.to_str().unwrap());
    format!(
        "[dataset]\ntype = \"csv\"\npath = {path}\ntarget = \"y\"\nstandardize = false\nbatch_size = 16\n"
    )
}

/// Images and labels in MNIST's form.
pub(super) fn mnist(folder: &Path) -> String {
    for (part, count) in [("train", 90u32), ("t10k", 10)] {
        let header = |extents: &[u32]| {
            let mut bytes = vec![0, 0, 8, extents.len() as u8];
            bytes.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
            bytes
        };
        let mut images = header(&[count, 8, 8]);
        images.extend((0..count * 64).map(|i| (i / 64 % 10 * 25 + i % 5) as u8));
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        let mut labels = header(&[count]);
        labels.extend((0..count).map(|i| (i % 10) as u8));
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
    let path = toml::Value::from(folder.to_str().unwrap());
    format!("[dataset]\ntype = \"mnist\"\npath = {path}\nbatch_size = 16\n")
}

/// A text whose next character the last two tell.
pub(super) fn text(folder: &Path) -> String {
    let file = folder.join("text.txt");
    let letter = |i: u32| char::from(b'a' + (i * i / 3 % 7) as u8);
    fs::write(&file, (0..500).map(letter).collect::<String>()).unwrap();
    let path = toml::Value::from(file.to_str().unwrap());
    format!("[dataset]\ntype = \"text\"\npath = {path}\ncontext = 6\nbatch_size = 16\n")
}

/// Texts of different lengths, one of them empty, whose class their letters tell.
pub(super) fn texts(folder: &Path) -> String {
    let line = |i: usize| {
        let letters = ["ab", "ac", "bc"][i % 3];
        format!("c{},{}\n", i % 3, letters.repeat(i * i % 7))
    };
    let file = folder.join("texts.csv");
    let rows = (0..60).map(line).collect::<String>();
    fs::write(&file, format!("label,text\n{rows}")).unwrap();
    let path = toml::Value::from(file.to_str().unwrap());
    format!("[dataset]\ntype = \"text_classes\"\npath = {path}\nmax_length = 9\nbatch_size = 16\n")
}

/// Numbers and categories, and rows with any of three labels.
pub(super) fn labels(folder: &Path) -> String {
    let line = |i: u32| {
        let labels = ["", "x", "x|y", "y|z"][(i * i % 4) as usize];
        format!(
            "{},{},k{},{labels}\n",
            i % 7,
            ["p", "q", "r"][(i % 3) as usize],
            i % 5
        )
    };
    let file = folder.join("labels.csv");
    let rows = (0..60).map(line).collect::<String>();
    fs::write(&file, format!("a,b,c,labels\n{rows}")).unwrap();
    let path = toml::Value::from(file.to_str().unwrap());
    format!(
        "[dataset]\ntype = \"csv\"\npath = {path}\ntarget = \"labels\"\ntask = \"multi_label\"\nbatch_size = 16\n"
    )
}

/// The names of a registry, each with a table's lines that choose it and give its required keys.
pub(super) fn choices<T: ?Sized + 'static>(registry: &Registry<T>) -> Vec<(String, String)> {
    let lines = registry.kinds().map(|kind| {
        let schema = kind.schema();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let keys = required.iter().filter_map(|key| key.as_str());
        let keys = keys.map(|key| example_text(key, &schema["properties"][key]) + "\n");
        let lines = format!("type = \"{}\"\n{}", kind.name, keys.collect::<String>());
        (kind.name.clone(), lines)
    });
    lines.collect()
}

pub(super) fn plan(text: &str) -> Result<Plan, String> {
    let spec = Spec::parse("contract.toml", text, &Overrides::default());
    Plan::resolve(&spec, &Extensions::new()).map_err(|faults| format!("{text}\n{faults}"))
}

/// The tables that `text` leaves out.
pub(super) fn whole(text: &str, dataset: &str) -> String {
    let mut all = text.to_owned();
    for (table, lines) in [
        ("[dataset]", dataset),
        ("[model]", "[model]\ntype = \"mlp\"\nhidden = [6]\n"),
        (
            "[optimizer]",
            "[optimizer]\ntype = \"sgd\"\nlr = 0.05\nweight_decay = 0.01\n",
        ),
        ("[train]", "[train]\nepochs = 3\nlog_every = \"1 step\"\n"),
        ("[checkpoint]", "[checkpoint]\nevery = \"2 steps\"\n"),
    ] {
        if !text.contains(table) {
            all.push_str(lines);
        }
    }
    all
}

/// Trains, from a checkpoint or from the start; returns the events and the hash of the end.
fn train(plan: &Plan, from: Option<&Checkpoint>) -> (Vec<Event>, String) {
    let data = plan.dataset.spec.load(&plan.dataset_keys, plan.top.seed);
    let mut session = Session::new(recipe(plan, data.unwrap(), Device::Cpu)).unwrap();
    if let Some(checkpoint) = from {
        session.restore(checkpoint).unwrap();
    }
    let mut events = Vec::new();
    let ending = session.run(&mut events, &StopFlag::new()).unwrap();
    assert_eq!(ending.step, plan.length.total_steps);
    (events, ending.state_hash)
}

/// Every number of every evaluation, bit for bit.
fn measured(events: &[Event]) -> Vec<(String, u64)> {
    let rows = events.iter().filter_map(|event| match event {
        Event::Eval(row) => Some(&row.metrics),
        _ => None,
    });
    rows.flatten()
        .map(|(name, value)| (name.clone(), value.to_bits()))
        .collect()
}

/// Holds a plan to the laws.
fn holds(what: &str, plan: &Plan) {
    let (events, end) = train(plan, None);
    let mut saved = Vec::new();
    for event in &events {
        match event {
            Event::Checkpoint(checkpoint) => saved.push(Arc::clone(checkpoint)),
            Event::Epoch(row) => {
                let finite = row.metrics.values().all(|value| value.is_finite());
                assert!(finite, "{what}: {:?}", row.metrics);
            }
            _ => {}
        }
    }
    assert!(saved.len() > 2, "{what}");
    let values = measured(&events);
    for checkpoint in &saved {
        let (_, again) = train(plan, Some(checkpoint));
        assert_eq!(again, end, "{what}: resumed at step {}", checkpoint.step);
    }
    // Keys that change speed and memory change no bit of what comes of it, evaluations included.
    for (eval_batch_size, prefetch) in [(1, 0), (5, 3)] {
        let mut other = plan.clone();
        other.dataset_keys.eval_batch_size = Some(eval_batch_size);
        other.dataset_keys.prefetch = prefetch;
        let (events, again) = train(&other, None);
        let what = format!("{what}: evaluated in batches of {eval_batch_size}");
        assert_eq!(measured(&events), values, "{what}");
        assert_eq!(again, end, "{what}");
    }
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let (_, again) = pool.unwrap().install(|| train(plan, None));
        assert_eq!(again, end, "{what}: on {threads} threads");
    }
}

fn all(noun: &str, choices: Vec<(String, String)>, config: impl Fn(&str) -> String) {
    for (name, lines) in choices {
        let plan = plan(&config(&lines)).unwrap_or_else(|faults| panic!("{noun} {name}: {faults}"));
        holds(&format!("{noun} {name}"), &plan);
    }
}

#[test]
fn every_model() {
    let folder = tempfile::tempdir().unwrap();
    let datasets = [DIGITS.to_owned(), text(folder.path()), texts(folder.path())];
    all("model", choices(&Extensions::new().models), |lines| {
        let configs = datasets.iter();
        let mut configs = configs.map(|data| whole(&format!("[model]\n{lines}"), data));
        let fits = |config: &String| plan(config).is_ok();
        configs
            .find(fits)
            .unwrap_or_else(|| panic!("no dataset for {lines}"))
    });
}

#[test]
fn a_memory_reads_texts_of_different_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let lstm = "[model]\ntype = \"lstm\"\nhidden = 6\nlayers = 2\ndropout = 0.1\n";
    holds("texts", &plan(&whole(lstm, &texts(folder.path()))).unwrap());
}

#[test]
fn categories_have_vectors_and_rows_any_of_several_labels() {
    let folder = tempfile::tempdir().unwrap();
    let mlp = "metrics = [\"f1\", \"f1_none\", \"accuracy\"]\n[model]\ntype = \"mlp\"\nhidden = [6]\nembed = 3\n";
    let plan = plan(&whole(mlp, &labels(folder.path()))).unwrap();
    assert_eq!(plan.loss.kind, "bce");
    assert_eq!(plan.io.fields.len(), 2);
    holds("labels", &plan);
}

#[test]
fn every_optimizer() {
    all(
        "optimizer",
        choices(&Extensions::new().optimizers),
        |lines| whole(&format!("[optimizer]\nlr = 0.01\n{lines}"), DIGITS),
    );
}

#[test]
fn every_schedule() {
    all("schedule", choices(&Extensions::new().schedules), |lines| {
        // What only makes sense with a key that others have too.
        let more = match lines {
            _ if lines.contains("\"geometric\"") => "to = 0.5\n",
            _ if lines.contains("\"follow\"") => "target = \"weight_decay\"\n",
            _ => "",
        };
        whole(&format!("[[schedule]]\n{lines}{more}"), DIGITS)
    });
}

#[test]
fn every_transform() {
    all(
        "transform",
        choices(&Extensions::new().transforms),
        |lines| whole(&format!("{DIGITS}[[dataset.transform]]\n{lines}"), ""),
    );
}

#[test]
fn every_loss_with_classes_or_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for (name, lines) in choices(&Extensions::new().losses) {
        let datasets = [DIGITS.to_owned(), regression(folder.path())];
        let plans = datasets.map(|dataset| plan(&whole(&format!("[loss]\n{lines}"), &dataset)));
        assert!(plans.iter().any(Result::is_ok), "{name}: {plans:?}");
        for plan in plans.iter().flatten() {
            holds(&format!("loss {name}"), plan);
        }
    }
}

#[test]
fn every_metric_with_classes_or_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in metrics(&Extensions::new()) {
        let datasets = [DIGITS.to_owned(), regression(folder.path())];
        let config = |dataset: String| {
            format!(
                "metrics = [\"{}\"]\n{}",
                name.replace("<k>", "2"),
                whole("", &dataset)
            )
        };
        let plans = datasets.map(|dataset| plan(&config(dataset)));
        assert!(plans.iter().any(Result::is_ok), "{name}: {plans:?}");
        for plan in plans.iter().flatten() {
            holds(&format!("metric {name}"), plan);
        }
    }
}

#[test]
fn every_dataset() {
    for kind in Extensions::new().datasets.kinds() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = match kind.name.as_str() {
            "digits" => DIGITS.to_owned(),
            "mnist" => mnist(folder.path()),
            "csv" => regression(folder.path()),
            "synthetic" => SYNTHETIC.to_owned(),
            "text" => {
                let model = "[model]\ntype = \"gpt\"\nlayers = 1\nwidth = 8\nheads = 2\n";
                format!("{model}{}", text(folder.path()))
            }
            "text_classes" => {
                let model = "[model]\ntype = \"transformer\"\nlayers = 1\nwidth = 8\nheads = 2\n";
                format!("{model}{}", texts(folder.path()))
            }
            name => panic!("no sample of dataset `{name}`; hint: make one here"),
        };
        holds(&kind.name, &plan(&whole(&dataset, "")).unwrap());
    }
}
