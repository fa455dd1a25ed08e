//! Frozen means bit for bit: whatever freezes a layer and whatever else moves, its parameters, its
//! running statistics and the averages of both are at the end what they were at the beginning.

use candle_core::Device;

use super::recipe;
use crate::{
    config::{Extensions, Overrides, Plan, Spec},
    event::{Checkpoint, Reason},
    train::{Session, StopFlag},
};

const MODELS: [(&str, &str); 3] = [
    (
        "type = \"mlp\"\nhidden = [6, 5]\nnorm = \"batch\"",
        "norm1.*",
    ),
    (
        "type = \"cnn\"\nchannels = [4, 4]\nhidden = []\nnorm = \"batch\"",
        "norm1.*",
    ),
    ("type = \"resnet\"\ndepth = 8\nwidth = 2", "stage1.*"),
];

const OPTIMIZERS: [&str; 3] = [
    "type = \"sgd\"\nmomentum = 0.9\nnesterov = true\nweight_decay = 0.1",
    "type = \"adam\"\nweight_decay = 0.1",
    "type = \"adamw\"\nweight_decay = 0.1",
];

/// What freezes the layers of a pattern: keys of `[model]`, of `[optimizer]`, and a schedule.
fn ways(pattern: &str) -> [(&'static str, String, String, &'static str); 4] {
    let group = |keys: &str| format!("group = [{{ name = \"g\", match = [{pattern:?}], {keys} }}]");
    let zero = "[[schedule]]\ntype = \"constant\"\ngroups = [\"g\"]\nfrom = 0.0\n";
    [
        (
            "freeze",
            format!("freeze = [{pattern:?}]"),
            String::new(),
            "",
        ),
        ("frozen", String::new(), group("frozen = true"), ""),
        ("lr = 0", String::new(), group("lr = 0.0"), ""),
        (
            "a schedule of 0",
            String::new(),
            group("lr_scale = 1.0"),
            zero,
        ),
    ]
}

fn plan(text: &str) -> Plan {
    let spec = Spec::parse("frozen.toml", text, &Overrides::default());
    Plan::resolve(&spec, &Extensions::new()).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

/// The first state and the last.
fn states(plan: &Plan) -> [Checkpoint; 2] {
    let data = plan.dataset.spec.load(&plan.dataset_keys, plan.top.seed);
    let mut session = Session::new(recipe(plan, data.unwrap(), Device::Cpu)).unwrap();
    let first = session.checkpoint(Reason::Every).unwrap();
    session.run(&mut Vec::new(), &StopFlag::new()).unwrap();
    [first, session.checkpoint(Reason::Every).unwrap()]
}

fn text(model: &str, optimizer: &str, keys: (&str, &str, &str), train: &str) -> String {
    let (of_model, of_optimizer, schedule) = keys;
    format!(
        "[model]\n{model}\n{of_model}\n[dataset]\ntype = \"digits\"\nlimit = 90\nbatch_size = 16\n[optimizer]\nlr = 0.05\n{optimizer}\n{of_optimizer}\n{schedule}[train]\nepochs = 2\n{train}"
    )
}

/// Names of the arrays that moved.
fn moved([first, last]: &[Checkpoint; 2]) -> Vec<String> {
    let pairs = first.model.iter().zip(&last.model);
    pairs
        .filter(|(a, b)| a.bytes != b.bytes)
        .map(|(a, _)| a.name.clone())
        .collect()
}

#[test]
fn what_is_frozen_stays_bit_for_bit_with_its_statistics_and_averages() {
    for (model, pattern) in MODELS {
        let prefix = pattern.trim_end_matches('*');
        for optimizer in OPTIMIZERS {
            for (way, of_model, of_optimizer, schedule) in ways(pattern) {
                let keys = (&*of_model, &*of_optimizer, schedule);
                let train = "ema = { decay = 0.5 }\ngrad_accumulation = 2\n";
                let states = states(&plan(&text(model, optimizer, keys, train)));
                let moved = moved(&states);
                let own = |name: &str| name.trim_start_matches("ema/").starts_with(prefix);
                let frozen: Vec<&String> = moved.iter().filter(|name| own(name)).collect();
                assert!(frozen.is_empty(), "{way}, {model}, {optimizer}: {frozen:?}");
                // All else goes on, another norm's statistics too.
                assert!(
                    moved.iter().any(|name| name.contains("running_mean")),
                    "{way}: {moved:?}"
                );
                let there = |name: &str| {
                    states[0]
                        .model
                        .iter()
                        .any(|array| array.name.starts_with(name))
                };
                assert!(there(prefix) && there(&format!("ema/{prefix}")), "{model}");
            }
        }
    }
}

#[test]
fn a_norm_with_one_frozen_parameter_goes_on_and_the_key_restores_pytorchs_way() {
    let (model, sgd) = (MODELS[0].0, OPTIMIZERS[0]);
    let half = ("freeze = [\"norm1.bias\"]", "", "");
    let names = moved(&states(&plan(&text(model, sgd, half, ""))));
    assert!(
        names.contains(&"norm1.running_mean".to_string()),
        "{names:?}"
    );
    assert!(!names.contains(&"norm1.bias".to_string()), "{names:?}");
    let moving = ("freeze = [\"norm1.*\"]\nfreeze_statistics = false", "", "");
    let names = moved(&states(&plan(&text(model, sgd, moving, ""))));
    assert!(
        names.contains(&"norm1.running_var".to_string()),
        "{names:?}"
    );
    assert!(
        !names
            .iter()
            .any(|n| n == "norm1.weight" || n == "norm1.bias"),
        "{names:?}"
    );
}

/// The plan of an older version has no `freeze_statistics`, and means the statistics that move.
#[test]
fn a_stored_plan_without_the_key_has_its_old_hash_and_meaning() {
    let keys = ("freeze = [\"norm1.*\"]", "", "");
    let new = plan(&text(MODELS[0].0, OPTIMIZERS[0], keys, ""));
    assert_eq!(new.model_keys.freeze_statistics, Some(true));
    let mut table = new.to_table();
    let model = table["model"].as_table_mut().unwrap();
    model.remove("freeze_statistics").unwrap();
    let old = toml::to_string(&table).unwrap();
    let spec = Spec::parse("plan.toml", &old, &Overrides::default());
    let read = Plan::resolve(&spec.stored().with_old_meanings(), &Extensions::new()).unwrap();
    assert_eq!(Plan::hash_of_text(&old).unwrap(), read.hash());
    assert_ne!(read.hash(), new.hash());
    assert!(moved(&states(&read)).contains(&"norm1.running_mean".to_string()));
    // A model without statistics has nothing to say about them.
    let none = plan(&text(
        "type = \"mlp\"\nhidden = [6]",
        OPTIMIZERS[0],
        ("", "", ""),
        "",
    ));
    assert!(!none.to_toml().contains("freeze_statistics"));
}
