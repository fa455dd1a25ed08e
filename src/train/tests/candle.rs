//! Models written for `candle_nn`: what is promised of every model holds for them, and those that
//! would not learn are refused.

mod small;
mod transformers;

use std::sync::Arc;

use small::{Conv, Small};

use super::resume::resumes_everywhere;
use super::testing::*;
use super::*;
use crate::candle::{Adapted, CandleModel, Proof};
use crate::event::{Event, Status};
use crate::kernel::{Init, Param};
use crate::layer::Builder;
use crate::optim::AdamW;

/// The recipe of small clouds with this model.
fn clouds(model: Small) -> Recipe {
    let mut recipe = recipe();
    recipe.model = Arc::new(Adapted(model));
    grouped(recipe, 0.05)
}

/// Returns the message of a session that refuses the model at the first update.
fn refusal(recipe: &Recipe) -> String {
    let mut session = Session::new(recipe.clone()).unwrap();
    let error = session
        .run(&mut Vec::<Event>::new(), &StopFlag::new())
        .unwrap_err();
    assert_eq!(session.step(), 0);
    error.to_string()
}

fn conv() -> Recipe {
    let mut recipe = digits(Arc::new(Adapted(Conv)));
    recipe.optimizer = Arc::new(AdamW::default());
    recipe.ema = Some(0.9);
    grouped(recipe, 1e-2)
}

#[test]
fn a_plan_knows_names_shapes_and_buffers() {
    let (builder, io) = (Builder::plan(), conv().io);
    let _ = crate::model::ModelSpec::build(&Adapted(Conv), &builder, &io).unwrap();
    let plan = builder.finish();
    let names = |list: &[Param]| -> Vec<String> {
        let line = |p: &Param| format!("{} {:?}", p.name(), p.shape());
        list.iter().map(line).collect()
    };
    let params = [
        "conv.bias [8]",
        "conv.weight [8, 1, 3, 3]",
        "norm.bias [8]",
        "norm.weight [8]",
        "out.bias [10]",
        "out.weight [10, 128]",
        "scale []",
    ];
    assert_eq!(names(&plan.params), params);
    let buffers = ["norm.running_mean [8]", "norm.running_var [8]"];
    assert_eq!(names(&plan.buffers), buffers);
    let kinds: Vec<_> = plan
        .layers
        .iter()
        .map(|l| (&*l.name, &*l.kind, l.params))
        .collect();
    let layers = [
        ("conv", "conv2d", 80),
        ("norm", "batch_norm", 16),
        ("out", "linear", 1290),
        ("scale", "parameters", 1),
    ];
    assert_eq!(kinds, layers);
    let (_, events) = run(&conv());
    let last = checkpoints(&events).pop().unwrap();
    let saved: Vec<&str> = last.model.iter().map(|array| &*array.name).collect();
    let own = plan.params.iter().chain(&plan.buffers).map(Param::name);
    let mut wanted: Vec<String> = own.flat_map(|n| [n.into(), format!("ema/{n}")]).collect();
    wanted.sort();
    assert_eq!(saved, wanted);
}

#[test]
fn everything_learns_and_a_resume_ends_in_the_same_bits() {
    let recipe = conv();
    let (_, events) = run_until(&recipe, None, 1);
    let first = checkpoints(&events).pop().unwrap();
    let (ending, events) = run(&recipe);
    assert_eq!(ending.status, Status::Completed);
    let last = checkpoints(&events).pop().unwrap();
    for array in &last.model {
        assert_ne!(
            numbers(&first, &array.name),
            numbers(&last, &array.name),
            "{}",
            array.name
        );
    }
    resumes_everywhere(&recipe, "a convolution of candle_nn");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let state = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| run(&conv()).0.state_hash)
    };
    assert_eq!([state(2), state(4)], [state(1), state(1)]);
}

#[test]
fn frozen_parameters_stay_and_first_values_are_those_that_are_asked_for() {
    let mut recipe = conv();
    recipe.frozen.insert("conv.weight".into());
    recipe
        .start
        .insert("out.weight".into(), Init::Constant(0.25));
    recipe.ema = None;
    let mut session = Session::new(recipe).unwrap();
    let before = session.checkpoint(crate::event::Reason::Request).unwrap();
    assert!(numbers(&before, "out.weight").iter().all(|x| *x == 0.25));
    let (_, events) = interrupted(&mut session, u64::MAX);
    let after = checkpoints(&events).pop().unwrap();
    assert_eq!(
        numbers(&before, "conv.weight"),
        numbers(&after, "conv.weight")
    );
    assert_ne!(
        numbers(&before, "out.weight"),
        numbers(&after, "out.weight")
    );
}

#[test]
fn trying_a_model_leaves_no_trace() {
    let end = |proven| {
        let mut session = Session::new(clouds(Small::Good)).unwrap();
        session.proven = proven;
        interrupted(&mut session, u64::MAX).0.state_hash
    };
    assert_eq!(end(false), end(true));
}

/// Each is refused with the operation, the cause and what takes its place; with `allow` it trains.
#[test]
fn a_model_that_would_not_learn_is_refused() {
    let cases = [
        (
            Small::Fused,
            Proof::NoGradient,
            "no gradient reaches `fc.bias`, `fc.weight`, `norm.bias`, `norm.weight` (4 of 6 parameters); \
             hint: these operations of candle_nn have no backward pass and say nothing: \
             `candle_nn::LayerNorm`, as in `norm`: compute it with `ops::layer_norm_slow",
        ),
        (
            Small::Rms,
            Proof::NoGradient,
            "`candle_nn::RmsNorm`, as in `norm`: compute it with `ops::rms_norm_slow",
        ),
        (
            Small::Softmax,
            Proof::NoGradient,
            "`ops::softmax_last_dim`, as in attention: write `ops::softmax(x, D::Minus1)`",
        ),
        (
            Small::Copied,
            Proof::StaleCopy,
            "the model made copies of its parameters when it was built",
        ),
        (
            Small::Chance,
            Proof::RandomForward,
            "as in `candle_nn::Dropout`; hint: `trainer::candle::Dropout` takes its place",
        ),
        (
            Small::Moving,
            Proof::MovingParameter,
            "a forward pass changes `norm.mean`, which the optimizer moves, too; hint: say that they \
             are buffers, with `CandleModel::is_buffer`",
        ),
        (
            Small::Still,
            Proof::StillStatistics,
            "the running statistics of `norm` do not follow the batches: their batch norm is called \
             with `train = false`; hint: hand `train` on with `forward_t(x, train)`",
        ),
    ];
    for (model, proof, words) in cases {
        let mut recipe = clouds(model.clone());
        let why = refusal(&recipe);
        let allow = format!("\"{}\"", proof.name());
        assert!(
            why.contains(words) && why.contains(&allow),
            "{model:?}: {why}"
        );
        let all = why.matches("allow = [").count();
        assert_eq!(all, 1, "{why}");
        let names = why.split("allow = [").nth(1).unwrap();
        recipe.allow = [
            Proof::NoGradient,
            Proof::StaleCopy,
            Proof::RandomForward,
            Proof::MovingParameter,
            Proof::StillStatistics,
        ]
        .into_iter()
        .filter(|proof| names.contains(proof.name()))
        .collect();
        assert_eq!(run(&recipe).0.status, Status::Completed, "{model:?}");
    }
}

#[test]
fn parameters_without_a_gradient_stay_where_that_is_allowed() {
    let mut recipe = clouds(Small::Fused);
    recipe.allow.insert(Proof::NoGradient);
    let mut session = Session::new(recipe).unwrap();
    let before = session.checkpoint(crate::event::Reason::Request).unwrap();
    let (_, events) = interrupted(&mut session, u64::MAX);
    let after = checkpoints(&events).pop().unwrap();
    let same = |name| numbers(&before, name) == numbers(&after, name);
    assert!(same("fc.weight") && same("norm.weight") && !same("out.weight"));
}

#[test]
fn what_a_constructor_asks_for_wrongly_is_a_fault_of_the_plan() {
    let fault = |model: Small| {
        let io = recipe().io;
        let built = crate::model::ModelSpec::build(&Adapted(model), &Builder::plan(), &io);
        built.err().unwrap().to_string()
    };
    let why = fault(Small::Twice);
    assert!(
        why.contains("its constructor failed: `w` is asked for twice, as [2] and as [3]"),
        "{why}"
    );
    assert!(
        fault(Small::Narrow).contains("`w` is asked for as bf16, and parameters are kept in f32")
    );
    assert!(fault(Small::Shapeless).contains("`w` is asked for without a shape"));
    assert!(fault(Small::Vast).contains("more numbers than memory can hold"));
    let mut low = clouds(Small::Good);
    low.precision = candle_core::DType::BF16;
    let why = Session::new(low).err().unwrap().to_string();
    assert!(
        why.contains("computes in f32; hint: leave `train.precision` out"),
        "{why}"
    );
}

#[test]
fn what_candle_says_aloud_is_said_with_its_place() {
    let why = refusal(&clouds(Small::Bilinear));
    assert!(
        why.starts_with("the backward pass failed: ") && why.contains("upsample"),
        "{why}"
    );
    let why = refusal(&clouds(Small::Wide));
    assert!(
        why.contains("the model gives [8, 4] for 8 samples, and [8, 3] is wanted"),
        "{why}"
    );
}

#[test]
fn names_in_a_file_of_weights_are_found_without_it_later() {
    let builder = Builder::plan().with_names(vec!["norm.gamma".to_owned(), "x".to_owned()]);
    let _ = crate::model::ModelSpec::build(&Adapted(Small::Fused), &builder, &recipe().io).unwrap();
    let plan = builder.finish();
    assert_eq!(plan.found, ["norm.gamma"]);
    assert!(plan.params.iter().any(|p| p.name() == "norm.gamma"));
    let _: &dyn Fn(&Small, &str) -> bool = &Small::is_buffer;
}
