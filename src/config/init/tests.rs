//! Weights of other programs against a model, as a table: what is taken, what is said.

use super::*;
use crate::{
    kernel,
    layer::Builder,
    safetensors::{Element, Stored},
};

/// A model of these parameters and layers: `fc1` with a batch norm, then `out`.
fn model() -> Architecture {
    let root = Builder::plan();
    let zero = kernel::Init::Constant(0.0);
    for (layer, shape) in [("fc1", [4, 6]), ("out", [3, 4])] {
        let b = root.child(layer);
        b.param("weight", &shape, zero);
        b.param("bias", &shape[..1], zero);
        b.record(crate::layer::LayerInfo::elementwise(
            layer.into(),
            "linear",
            &shape[..1],
        ));
        if layer == "fc1" {
            let b = root.child("norm1");
            b.param("weight", &[4], zero);
            b.param("bias", &[4], zero);
            b.buffer("running_mean", &[4], 0.0);
            b.buffer("running_var", &[4], 1.0);
            b.record(crate::layer::LayerInfo::elementwise(
                "norm1".into(),
                "batch_norm",
                &[4],
            ));
        }
    }
    root.finish()
}

/// A tensor of a file.
fn tensor(name: &str, shape: &[usize]) -> Stored {
    Stored {
        name: name.into(),
        element: Element::F32,
        shape: shape.to_vec(),
        bytes: 4 * shape.iter().product::<usize>(),
    }
}

/// The file that fits, with its names changed.
fn file(name: impl Fn(&str) -> String) -> Vec<Stored> {
    let model = model();
    let all = model.params.iter().chain(&model.buffers);
    all.map(|param| tensor(&name(param.name()), param.shape()))
        .collect()
}

fn init(text: &str) -> Init {
    let table: toml::Table = format!("init = {text}").parse().unwrap();
    table["init"].clone().try_into().unwrap()
}

/// Returns the report about a file, or the fault.
fn said(text: &str, file: &[Stored]) -> String {
    match Fit::new(&init(text), file, &model(), "w.safetensors") {
        Ok(fit) => fit.report("w.safetensors"),
        Err(fault) => fault.to_string(),
    }
}

const PLAIN: &str = "\"w.safetensors\"";

#[test]
fn a_prefix_of_another_program_is_named_with_the_key_that_takes_it_away() {
    assert_eq!(
        said(PLAIN, &file(str::to_owned)),
        "all 8 tensors from w.safetensors"
    );
    for prefix in [
        "module.",
        "model.",
        "_orig_mod.",
        "backbone.",
        "_orig_mod.module.",
        "net/",
    ] {
        let file = file(|name| format!("{prefix}{name}"));
        let fault = said(PLAIN, &file);
        let key =
            format!("init = {{ path = \"w.safetensors\", rename = {{ \"{prefix}*\" = \"*\" }} }}");
        assert!(
            fault.ends_with(&format!("; hint: write `{key}`")),
            "{fault}"
        );
        // The key that the hint names does it.
        let value = key.strip_prefix("init = ").unwrap();
        assert_eq!(said(value, &file), "all 8 tensors from w.safetensors");
    }
}

#[test]
fn two_prefixes_and_a_prefix_of_the_model_are_found() {
    let two = file(|name| match name.starts_with("out") {
        true => format!("head.{name}"),
        false => format!("body.{name}"),
    });
    let fault = said(PLAIN, &two);
    assert!(
        fault.ends_with("rename = { \"body.*\" = \"*\", \"head.*\" = \"*\" } }`"),
        "{fault}"
    );
}

#[test]
fn layers_in_another_naming_are_paired_in_their_order() {
    // A `torch.nn.Sequential` of linear, norm, activation, linear.
    let names = |name: &str| {
        name.replace("fc1.", "0.")
            .replace("norm1.", "1.")
            .replace("out.", "3.")
    };
    let fault = said(PLAIN, &file(names));
    let key = "rename = { \"0.*\" = \"fc1.*\", \"1.*\" = \"norm1.*\", \"3.*\" = \"out.*\" } }`";
    assert!(fault.ends_with(key), "{fault}");
    let text = "{ path = \"w.safetensors\", rename = { \"0.*\" = \"fc1.*\", \"1.*\" = \"norm1.*\", \"3.*\" = \"out.*\" } }";
    assert_eq!(said(text, &file(names)), "all 8 tensors from w.safetensors");
}

#[test]
fn another_number_of_outputs_is_started_anew_by_the_key_of_the_hint() {
    let mut other = file(str::to_owned);
    for stored in other.iter_mut().filter(|s| s.name.starts_with("out")) {
        stored.shape[0] = 5;
    }
    assert_eq!(
        said(PLAIN, &other),
        "`out.bias` is [5] in it and [3] in the model; `out.weight` is [5, 4] in it and [3, 4] in the model; hint: write `init = { path = \"w.safetensors\", skip = [\"out.*\"] }` to start these anew"
    );
    assert_eq!(
        said("{ path = \"w.safetensors\", skip = [\"out.*\"] }", &other),
        "6 of 8 tensors from w.safetensors; new: out.bias, out.weight (skipped)"
    );
}

#[test]
fn turned_shapes_are_told_as_such() {
    let mut other = file(str::to_owned);
    for stored in &mut other {
        stored.shape.reverse();
    }
    let fault = said(PLAIN, &other);
    assert!(
        fault.starts_with("`fc1.weight` is [6, 4] in it and [4, 6] in the model: transposed; "),
        "{fault}"
    );
    assert!(
        fault.contains("save them transposed, in Python with `tensor.T.contiguous()`"),
        "{fault}"
    );
}

#[test]
fn element_types_convert_or_are_refused() {
    for (element, wanted) in [
        (
            Element::F16,
            "all 8 tensors from w.safetensors, converted from F16",
        ),
        (
            Element::Bf16,
            "all 8 tensors from w.safetensors, converted from BF16",
        ),
        (
            Element::F64,
            "all 8 tensors from w.safetensors, converted from F64",
        ),
        (
            Element::I64,
            "`fc1.bias` is I64 in it, and the model takes F32, F64, F16 and BF16; ",
        ),
        (Element::I8, "`fc1.bias` is I8 in it"),
        (Element::F8E4m3, "`fc1.bias` is F8_E4M3 in it"),
        (Element::Bool, "`fc1.bias` is BOOL in it"),
    ] {
        let mut other = file(str::to_owned);
        other.iter_mut().for_each(|stored| stored.element = element);
        let text = said(PLAIN, &other);
        assert!(text.starts_with(wanted), "{text}");
    }
}

#[test]
fn names_on_one_side_are_faults_unless_strict_is_false() {
    let mut other = file(str::to_owned);
    other.retain(|stored| stored.name != "fc1.bias");
    other.push(tensor("extra.weight", &[2]));
    other.push(Stored {
        element: Element::I64,
        ..tensor("norm1.num_batches_tracked", &[])
    });
    assert_eq!(
        said(PLAIN, &other),
        "it lacks `fc1.bias`; it has `extra.weight`, unknown here; hint: `init = { path = \"w.safetensors\", strict = false }` passes over the names that are on one side only; `trainer check --format json` lists the model's under `params`"
    );
    assert_eq!(
        said("{ path = \"w\", strict = false }", &other),
        "7 of 8 tensors from w.safetensors; new: fc1.bias (not in the file); left out: extra.weight"
    );
    assert_eq!(
        said(
            "{ path = \"w\", skip = [\"fc1.bias\", \"extra.*\"] }",
            &other
        ),
        "7 of 8 tensors from w.safetensors; new: fc1.bias (skipped); left out: extra.weight"
    );
    let none = [tensor("a.b", &[9])];
    assert!(
        said("{ path = \"w\", strict = false }", &none)
            .starts_with("it has none of the model's names")
    );
}

#[test]
fn averages_of_a_run_are_taken_unless_its_parameters_are_wanted() {
    let mut both = file(str::to_owned);
    both.extend(file(|name| format!("ema/{name}")));
    let fit = |text: &str| Fit::new(&init(text), &both, &model(), "w").unwrap();
    assert_eq!(fit(PLAIN).report("w"), "all 8 averages from w");
    assert!(
        fit(PLAIN)
            .taken
            .iter()
            .all(|taken| taken.from == format!("ema/{}", taken.name))
    );
    let text = "{ path = \"w\", weights = \"parameters\" }";
    assert!(fit(text).taken.iter().all(|taken| taken.from == taken.name));
    assert_eq!(fit(text).report("w"), "all 8 tensors from w");
    let text = "{ path = \"w\", weights = \"average\" }";
    assert_eq!(
        said(text, &file(str::to_owned)),
        "`weights`: the file holds no averages: its run had no `train.ema`; hint: leave `weights` out, or write `weights = \"parameters\"`"
    );
}

#[test]
fn keys_that_do_nothing_or_contradict_are_faults_at_their_place() {
    let plain = file(str::to_owned);
    for (text, wanted) in [
        (
            "{ path = \"w\", skip = [\"ouut.*\"] }",
            "`skip[0]`: `ouut.*` matches no name of the model or the file; hint: did you mean `out.*`?",
        ),
        (
            "{ path = \"w\", skip = [\"[\"] }",
            "`skip[0]`: `[` is not a pattern",
        ),
        (
            "{ path = \"w\", rename = { \"modul.*\" = \"*\" } }",
            "`rename.\"modul.*\"`: `modul.*` matches no name of the file",
        ),
        (
            "{ path = \"w\", rename = { \"fc1.*\" = \"out.*\" } }",
            "`rename`: `fc1.bias` and `out.bias` would both be `out.bias`",
        ),
    ] {
        let fault = said(text, &plain);
        assert!(fault.starts_with(wanted), "{fault}");
    }
}
