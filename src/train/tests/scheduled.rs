//! Schedules of other things than the learning rate, at work.

use std::{collections::BTreeMap, sync::Arc};

use super::testing::*;
use super::*;
use crate::event::{Checkpoint, Event, Reason};
use crate::optim::Adam;
use crate::schedule::{
    Constant, Entry, Group, Keys, Origin, Plateau, Schedules, Target, ThresholdMode, partition,
};
use crate::units::{Clock, Span};

/// A phase that holds a factor or an absolute value.
fn hold(target: Target, length: Option<Span>, from: Option<Origin>, value: Option<f64>) -> Entry {
    let keys = Keys {
        target,
        r#for: length,
        from,
        from_value: value,
        ..Keys::default()
    };
    Entry::new("constant", keys, Arc::new(Constant {}))
}

pub(super) fn scheduled(mut recipe: Recipe, entries: &[Entry], base: &[(Target, f64)]) -> Recipe {
    let clock = Clock {
        steps_per_epoch: 6,
        whole: recipe.total_steps,
        steps_per_eval: 6,
    };
    let base: BTreeMap<_, _> = base.iter().copied().collect();
    let params = recipe
        .schedules
        .groups()
        .iter()
        .flat_map(|g| g.params.clone());
    let group = Group {
        name: "default".into(),
        params: params.collect(),
        base,
        ..Group::default()
    };
    let groups = partition(vec![group], entries);
    let (schedules, faults) = Schedules::resolve(entries, &clock, &groups);
    recipe.schedules = schedules.unwrap_or_else(|| panic!("{faults:?}"));
    recipe
}

fn start(recipe: &Recipe) -> Checkpoint {
    let mut session = Session::new(recipe.clone()).unwrap();
    session.checkpoint(Reason::Every).unwrap()
}

fn after(recipe: &Recipe, steps: u64) -> (Checkpoint, Vec<Event>) {
    let recipe = Recipe {
        total_steps: steps,
        ..recipe.clone()
    };
    let (_, events) = run(&recipe);
    (checkpoints(&events).pop().unwrap(), events)
}

fn norms(events: &[Event]) -> Vec<f64> {
    let norm = |event: &Event| match event {
        Event::Step(row) => row.grad_norm,
        _ => None,
    };
    events.iter().filter_map(norm).collect()
}

/// The first layer frozen for six updates of eighteen, against one that `freeze` keeps for good.
#[test]
fn a_group_frozen_for_a_phase_moves_by_no_bit() {
    let groups = vec!["first.*".to_string()];
    let mut still = hold(
        Target::Lr,
        Some(Span::Steps(6)),
        Some(Origin::Factor(0.0)),
        None,
    );
    let mut moving = hold(Target::Lr, None, Some(Origin::Base), None);
    for entry in [&mut still, &mut moving] {
        entry.keys.groups.clone_from(&groups);
    }
    let base = [
        (Target::Lr, 0.1),
        (Target::WeightDecay, 0.1),
        (Target::Momentum, 0.9),
    ];
    let mut thawing = scheduled(recipe(), &[still, moving], &base);
    thawing.clip_norm = Some(0.5);
    let mut frozen = thawing.clone();
    frozen.frozen = ["first.weight".into(), "first.bias".into()].into();

    let first = start(&thawing);
    let ((sixth, events), (forever, expected)) = (after(&thawing, 6), after(&frozen, 6));
    for (old, new) in first.model.iter().zip(&sixth.model) {
        let kept = old.name.starts_with("first.");
        assert_eq!(old.bytes == new.bytes, kept, "{}", old.name);
    }
    let bytes = |checkpoint: &Checkpoint| -> Vec<_> {
        let arrays = checkpoint.model.iter();
        arrays.map(|a| (a.name.clone(), a.bytes.clone())).collect()
    };
    assert_eq!(
        bytes(&sixth),
        bytes(&forever),
        "the others learn as if it were frozen for good"
    );
    assert_eq!(norms(&events), norms(&expected), "it counts in no norm");
    let knows = |checkpoint: &Checkpoint| {
        let mut arrays = checkpoint.optimizer.iter();
        arrays.any(|array| array.name.contains("first"))
    };
    assert!(!knows(&sixth), "the optimizer has seen nothing of it");
    let (eighth, _) = after(&thawing, 8);
    assert_ne!(
        numbers(&eighth, "first.weight"),
        numbers(&first, "first.weight")
    );
    assert!(knows(&eighth));
}

#[test]
fn a_scheduled_limit_clips_with_and_without_a_fixed_one() {
    let base = [(Target::Lr, 0.1), (Target::ClipNorm, 0.0)];
    let limit = hold(Target::ClipNorm, None, None, Some(0.01));
    for fixed in [None, Some(5.0)] {
        let mut recipe = scheduled(recipe(), std::slice::from_ref(&limit), &base);
        recipe.clip_norm = fixed;
        let (start, (end, _)) = (start(&recipe), after(&recipe, 1));
        // SGD's first step is lr · gradient: its length is lr · limit.
        let length = distance_of(&start, &end);
        assert!((length - 0.001).abs() < 1e-6, "{fixed:?}: {length}");
    }
}

fn distance_of(start: &Checkpoint, end: &Checkpoint) -> f64 {
    let squares = start.model.iter().flat_map(|array| {
        let (a, b) = (numbers(start, &array.name), numbers(end, &array.name));
        a.into_iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2))
    });
    squares.sum::<f64>().sqrt()
}

/// A value that a schedule gives is the value that the optimizer's own key gives.
#[test]
fn scheduled_betas_and_averages_are_those_of_their_keys() {
    let adam = |beta1, beta2| Adam {
        beta1,
        beta2,
        ..Adam::default()
    };
    let with = |adam: Adam, ema, entries: &[Entry], betas: [f64; 2]| {
        let mut recipe = recipe();
        recipe.optimizer = Arc::new(adam);
        recipe.ema = Some(ema);
        let base = [
            (Target::Lr, 0.01),
            (Target::Momentum, betas[0]),
            (Target::Beta2, betas[1]),
            (Target::EmaDecay, ema),
        ];
        let (end, _) = after(&scheduled(recipe, entries, &base), 7);
        let arrays = end.model.into_iter().map(|a| (a.name, a.bytes));
        arrays.collect::<Vec<_>>()
    };
    let fixed = with(adam(0.8, 0.95), 0.7, &[], [0.8, 0.95]);
    let entries = [
        hold(Target::Momentum, None, None, Some(0.8)),
        hold(Target::Beta2, None, None, Some(0.95)),
        hold(Target::EmaDecay, None, None, Some(0.7)),
    ];
    assert_eq!(with(adam(0.9, 0.999), 0.9, &entries, [0.9, 0.999]), fixed);
    assert_ne!(with(adam(0.9, 0.999), 0.9, &[], [0.9, 0.999]), fixed);
}

/// Evaluations after updates 6, 12 and 18: the second is the first that can be no improvement.
#[test]
fn a_plateau_cuts_a_running_rate_and_resumes_with_what_it_counted() {
    let plateau = Plateau {
        patience: Span::Evals(0),
        factor: 0.5,
        threshold: 100.0,
        threshold_mode: ThresholdMode::Abs,
        ..serde_json::from_str("{}").unwrap()
    };
    let entry = Entry::new("plateau", Keys::default(), Arc::new(plateau));
    let mut recipe = scheduled(recipe(), &[entry], &[(Target::Lr, 0.1)]);
    recipe.eval_every = Some(Cadence::Epochs(1));
    let (whole, events) = run(&recipe);
    let rates: Vec<f64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Step(row) => Some(row.lr),
            _ => None,
        })
        .collect();
    assert_eq!(rates, [[0.1; 12].as_slice(), &[0.05; 6]].concat());
    let said = events.iter().find_map(|event| match event {
        Event::Warning { step: 12, message } => Some(message.as_str()),
        _ => None,
    });
    let expected =
        "`val/loss` does not improve: the factor of schedule[0] (plateau) goes from 1 to 0.5";
    assert_eq!(said, Some(expected));
    for step in 1..18 {
        let (_, before) = run_until(&recipe, None, step);
        let (resumed, after) = run_until(&recipe, checkpoints(&before).last(), u64::MAX);
        assert_eq!(resumed.state_hash, whole.state_hash, "stopped after {step}");
        let lines = [timeless(&before), timeless(&after)].concat();
        assert_eq!(lines, timeless(&events), "stopped after {step}");
    }
}
