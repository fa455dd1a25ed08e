//! Runs from Rust: in memory and in a directory, on the threads of their plan, and their predictions.

use candle_core::{D, Device, Tensor};

use crate::launch::{Run, Which, load_model};
use crate::{
    config::{Extensions, Overrides, Plan},
    data::Values,
    event::Event,
    kernel,
    task::Target,
    train::{Split, StopFlag},
};

const CONFIG: &str = r#"
    [model]
    type = "mlp"
    hidden = [8]
    [dataset]
    type = "digits"
    limit = 200
    [[dataset.transform]]
    type = "standardize"
    [optimizer]
    type = "sgd"
    lr = 0.1
    [train]
    epochs = 2
    threads = 2
"#;

fn plan(set: &str) -> Plan {
    let plan = Plan::parse(CONFIG, &Extensions::new()).unwrap();
    plan.with(&[set].into(), &Extensions::new()).unwrap()
}

/// The samples of a split and their classes.
fn samples(run: &Run) -> (Tensor, Vec<u32>) {
    let data = run.plan.dataset.spec.load(&run.plan.dataset_keys, 0);
    let test = data.unwrap().test.unwrap();
    let mut pixels = Values::Pixels(Vec::new());
    (0..test.len()).for_each(|i| test.get(i, 0, &mut pixels).unwrap());
    let pixels = std::mem::take(pixels.pixels().unwrap());
    let class = |i| match test.target(i) {
        Target::Class(class) => class,
        other => panic!("{other:?}"),
    };
    let shape = (test.len(), 1, 8, 8);
    let samples = Tensor::from_vec(pixels, shape, &Device::Cpu).unwrap();
    (samples, (0..test.len()).map(class).collect())
}

#[test]
fn a_run_computes_on_the_threads_of_its_plan() {
    let counts = [1, 3].map(|threads| {
        let on_its_own = std::thread::spawn(move || {
            let plan = plan(&format!("train.threads={threads}"));
            let mut run = Run::new(&plan).unwrap();
            run.train(&mut Vec::new(), &StopFlag::new()).unwrap();
            kernel::threads::count()
        });
        on_its_own.join().unwrap()
    });
    assert_eq!(counts, [1, 3]);
}

#[test]
fn another_number_of_threads_is_told_where_it_comes_too_late() {
    let told = std::thread::spawn(|| {
        Run::new(&plan("train.threads=1")).unwrap();
        let mut events = Vec::new();
        let mut run = Run::new(&plan("train.threads=3")).unwrap();
        run.train(&mut events, &StopFlag::new()).unwrap();
        let warnings = events.iter().filter_map(|event| match event {
            Event::Warning { message, .. } => Some(message.clone()),
            _ => None,
        });
        warnings.collect::<String>()
    });
    let told = told.join().unwrap();
    assert!(told.contains("`train.threads` is 3"), "{told}");
}

#[test]
fn a_prediction_is_what_an_evaluation_judges() {
    let mut run = Run::new(&plan("seed=0")).unwrap();
    run.train(&mut Vec::new(), &StopFlag::new()).unwrap();
    let (samples, classes) = samples(&run);
    let logits = run.predict(&samples).unwrap();
    let told: Vec<u32> = logits.argmax(D::Minus1).unwrap().to_vec1().unwrap();
    let hits = told.iter().zip(&classes).filter(|(a, b)| a == b).count();
    let accuracy = hits as f64 / classes.len() as f64;
    let found = run.session().evaluate(Split::Test, &StopFlag::new());
    assert_eq!(found.unwrap().unwrap()["test/accuracy"], accuracy);
}

#[test]
fn a_model_is_loaded_from_its_run() {
    let runs = tempfile::tempdir().unwrap();
    let mut run = Run::new(&plan("seed=0")).unwrap();
    let summary = run.train_in(runs.path(), &mut Vec::new(), &StopFlag::new());
    let summary = summary.unwrap();
    let model = load_model(summary.path.as_ref(), Which::Last, &Extensions::new());
    let (model, (samples, _)) = (model.unwrap(), samples(&run));
    let [a, b] = [
        run.predict(&samples).unwrap(),
        model.predict(&samples).unwrap(),
    ];
    let bits = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(bits(&a), bits(&b));
    let flat = samples.flatten_from(1).unwrap();
    let refused = model.predict(&flat).unwrap_err().to_string();
    assert!(refused.contains("[n, 1, 8, 8]"), "{refused}");
    // The run keeps the text that it came from, and what was laid over it.
    let path = std::path::Path::new(&summary.path);
    let kept = std::fs::read_to_string(path.join("config.toml")).unwrap();
    assert_eq!(kept, CONFIG);
    let info = std::fs::read_to_string(path.join("run.json")).unwrap();
    assert!(info.contains("seed=0"), "{info}");
}

#[test]
fn a_regression_is_predicted_in_the_datas_own_unit() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..200).map(|i| format!("{},{}\n", i % 20, 1000.5 + 50.0 * f64::from(i % 20)));
    let table = folder.path().join("t.csv");
    std::fs::write(&table, format!("a,y\n{}", rows.collect::<String>())).unwrap();
    let config = format!(
        "seed = 1\n[model]\ntype = \"mlp\"\n[dataset]\ntype = \"csv\"\npath = {table:?}\ntarget = \"y\"\nbatch_size = 16\n[optimizer]\ntype = \"adam\"\nlr = 0.01\n[train]\nepochs = 30"
    );
    let plan = Plan::parse(&config, &Extensions::new()).unwrap();
    let mut run = Run::new(&plan).unwrap();
    run.train(&mut Vec::new(), &StopFlag::new()).unwrap();
    let data = plan.dataset.spec.load(&plan.dataset_keys, 1).unwrap();
    let mut sample = Values::Numbers(Vec::new());
    data.train.get(0, 0, &mut sample).unwrap();
    let sample = std::mem::take(sample.numbers().unwrap());
    let mut target = match data.train.target(0) {
        Target::Values(values) => f64::from(values[0]),
        other => panic!("{other:?}"),
    };
    let (mean, std) = data.target_scale.unwrap()[0];
    target = target * std + mean;
    let sample = Tensor::from_vec(sample, (1, 1), &Device::Cpu).unwrap();
    let told = run.predict(&sample).unwrap().to_vec2::<f32>().unwrap()[0][0];
    assert!(
        (f64::from(told) - target).abs() < 100.0,
        "{told} for {target}"
    );
}

#[test]
fn what_is_laid_over_a_plan_is_in_the_new_one() {
    let (old, new) = (plan("seed=0"), plan("train.epochs=5"));
    assert_eq!(old.length.total_steps / 2 * 5, new.length.total_steps);
    assert_eq!(new.written.overrides, ["train.epochs=5"]);
    let wrong = Overrides::from(["optimizer.lr=-1"]);
    let refused = old.with(&wrong, &Extensions::new()).unwrap_err();
    assert!(refused.to_string().contains("optimizer.lr=-1"), "{refused}");
}
