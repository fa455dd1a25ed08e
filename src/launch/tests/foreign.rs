//! Plans of models written for `candle_nn`.

use std::{fs, path::Path};

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    candle::{Adapted, CandleModel},
    config::{Extensions, Overrides, Plan, Severity, Spec},
    kernel,
    model::Io,
};

/// A norm that may be stored under its old names, and two matrices without a hint.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tokens {}

impl CandleModel for Tokens {
    type Net = ();

    fn build(&self, vb: VarBuilder, _: &Io) -> Result<()> {
        candle_nn::layer_norm(8, 1e-5, vb.pp("norm"))?;
        vb.get_with_hints((8, 8), "lora_b", Init::Const(0.5))?;
        vb.get((1, 8), "class_tokens")?;
        vb.get((16, 8), "place_tokens").map(drop)
    }

    fn forward(&self, (): &mut (), x: &Tensor, _: bool) -> Result<Tensor> {
        Ok(x.clone())
    }
}

fn extensions() -> Extensions {
    Extensions::new().model::<Adapted<Tokens>>("tokens")
}

fn resolve(model: &str, folder: &Path) -> std::result::Result<Plan, String> {
    let text = format!(
        "[model]\ntype = \"tokens\"\n{model}\n[dataset]\ntype = \"digits\"\n[optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nsteps = 1\n"
    );
    let path = folder.join("config.toml");
    fs::write(&path, text).unwrap();
    let spec = Spec::load(&path, &Overrides::default());
    Plan::resolve(&spec, &extensions()).map_err(|error| error.to_string())
}

/// A file of zeros with these tensors.
fn weights(path: &Path, tensors: &[(&str, &str, usize)]) {
    let (mut header, mut end) = (Vec::new(), 0);
    for (name, shape, count) in tensors {
        let begin = end;
        end += 4 * count;
        header.push(format!(
            r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}"#
        ));
    }
    let header = format!("{{{}}}", header.join(","));
    let length = (header.len() as u64).to_le_bytes();
    fs::write(
        path,
        [&length[..], header.as_bytes(), &vec![0; end]].concat(),
    )
    .unwrap();
}

fn warnings(plan: &Plan) -> Vec<String> {
    let list = plan.warnings.list.iter();
    let list = list.filter(|d| d.severity == Severity::Warning);
    list.map(|d| format!("{}; {}", d.message, d.hint.clone().unwrap_or_default()))
        .collect()
}

#[test]
fn matrices_that_would_start_at_zero_are_told_and_can_be_filled() {
    let folder = tempfile::tempdir().unwrap();
    let plan = resolve("", folder.path()).unwrap();
    let told = warnings(&plan).join("\n");
    let words = "`class_tokens`, `place_tokens` would start at zero; `vb.get` means zeros; write `start = [{ match = \"class_tokens\", normal = 0.02 }]`";
    assert!(told.contains(words), "{told}");
    assert_eq!(plan.architecture.param_count(), 16 + 64 + 8 + 128);

    let start =
        "start = [{ match = \"*_tokens\", normal = 0.02 }, { match = \"place*\", constant = 0 }]";
    let plan = resolve(start, folder.path()).unwrap();
    assert_eq!(warnings(&plan), Vec::<String>::new());
    assert_eq!(plan.start["class_tokens"], kernel::Init::Normal(0.02));
    assert_eq!(plan.start["place_tokens"], kernel::Init::Constant(0.0));
    let fault = resolve(
        "start = [{ match = \"*_token\", normal = 1 }]",
        folder.path(),
    );
    assert!(
        fault
            .unwrap_err()
            .contains("`*_token` matches no parameter")
    );
}

#[test]
fn a_constructor_finds_the_names_of_the_file_of_weights_and_the_plan_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.safetensors");
    let tensors = [
        ("net.norm.gamma", "[8]", 8),
        ("net.norm.beta", "[8]", 8),
        ("net.lora_b", "[8,8]", 64),
        ("net.class_tokens", "[1,8]", 8),
        ("net.place_tokens", "[16,8]", 128),
    ];
    weights(&file, &tensors);
    let init = "init = { path = \"w.safetensors\", rename = { \"net.*\" = \"*\" } }";
    let plan = resolve(init, folder.path()).unwrap();
    let names: Vec<&str> = plan.architecture.params.iter().map(|p| p.name()).collect();
    let wanted = [
        "class_tokens",
        "lora_b",
        "norm.beta",
        "norm.gamma",
        "place_tokens",
    ];
    assert_eq!(names, wanted);
    // The file fills them all: nothing starts at zero.
    assert_eq!(warnings(&plan), Vec::<String>::new());

    // Without the file, the stored plan builds the same model.
    fs::remove_file(&file).unwrap();
    let stored = folder.path().join("plan.toml");
    fs::write(&stored, plan.to_toml()).unwrap();
    let spec = Spec::load(&stored, &Overrides::default()).stored();
    let again = Plan::resolve(&spec, &extensions()).unwrap();
    assert_eq!(
        (again.hash(), again.to_toml()),
        (plan.hash(), plan.to_toml())
    );
    let plain = resolve("found = [\"norm.gamma\"]", folder.path()).unwrap();
    assert!(
        plain
            .architecture
            .params
            .iter()
            .any(|p| p.name() == "norm.gamma")
    );
}
