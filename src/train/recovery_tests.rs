//! Losses and gradients that are not finite.

use std::sync::Arc;

use super::testing::*;
use super::*;
use crate::config::OnNan;
use crate::event::{Event, Status};

/// Sample 40 is NaN in every epoch.
fn poisoned(on_nan: OnNan) -> Recipe {
    let mut recipe = recipe();
    recipe.data.train = Arc::new(Clouds {
        samples: 44,
        seed: 1,
        poisoned: Some(40),
        ..Clouds::default()
    });
    recipe.model = Arc::new(Net {
        norm: true,
        ..Net::default()
    });
    recipe.on_nan = on_nan;
    grouped(recipe, 0.05)
}

fn warnings(events: &[Event]) -> Vec<(u64, String)> {
    let warning = |event: &Event| match event {
        Event::Warning { step, message } => Some((*step, message.clone())),
        _ => None,
    };
    events.iter().filter_map(warning).collect()
}

fn applied(events: &[Event]) -> Vec<u64> {
    let step = |event: &Event| match event {
        Event::Step(row) => Some(row.step),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

#[test]
fn stop_names_the_update_the_loss_and_a_remedy() {
    let (ending, events) = run(&poisoned(OnNan::Stop));
    let Status::Diverged { why } = &ending.status else {
        panic!("{:?}", ending.status);
    };
    let update = ending.step + 1;
    assert!(update <= 6);
    let begin = format!(
        "the loss of update {update} (epoch 1) is `NaN`; hint: lower `optimizer.lr` (it was "
    );
    assert!(why.starts_with(&begin), "{why}");
    assert!(why.contains("set `train.clip_norm = 1.0`"), "{why}");
    // No state beyond the divergence is offered as a checkpoint.
    assert!(checkpoints(&events).is_empty());
    assert!(matches!(events.last(), Some(Event::End(_))));
}

#[test]
fn skip_leaves_the_update_out_and_keeps_everything_finite() {
    let (ending, events) = run(&poisoned(OnNan::Skip));
    assert_eq!(
        (ending.status.clone(), ending.step),
        (Status::Completed, 18)
    );
    // 5 of an epoch's 6 updates are applied: the run needs four epochs for its 18.
    assert_eq!(applied(&events), (1..=18).collect::<Vec<_>>());
    assert_eq!(ending.epoch.ceil(), 4.0);
    let warnings = warnings(&events);
    assert!((3..=4).contains(&warnings.len()));
    assert!(
        warnings[0].1.ends_with("is `NaN`: the update is left out"),
        "{warnings:?}"
    );
    let last = checkpoints(&events).pop().unwrap();
    for array in &last.model {
        let all = numbers(&last, &array.name);
        assert!(all.iter().all(|x| x.is_finite()), "{}", array.name);
    }
    assert!(ending.metrics.values().all(|value| value.is_finite()));
}

#[test]
fn skip_gives_up_where_nothing_is_ever_finite() {
    let mut recipe = poisoned(OnNan::Skip);
    recipe.loader.batch_size = 44;
    recipe.steps_per_epoch = 1;
    let (ending, events) = run(&recipe);
    let Status::Diverged { why } = &ending.status else {
        panic!("{:?}", ending.status);
    };
    assert!(why.contains("as were 10 updates before it"), "{why}");
    assert_eq!((ending.step, warnings(&events).len()), (0, 10));
}

#[test]
fn rollback_returns_to_the_epochs_start_and_passes_the_window() {
    let mut recipe = poisoned(OnNan::Rollback);
    recipe.total_steps = 8;
    let (ending, events) = run(&recipe);
    assert_eq!((ending.status.clone(), ending.step), (Status::Completed, 8));
    let warnings = warnings(&events);
    assert!(
        warnings[0]
            .1
            .contains("the run goes back to step 0 and on with the next batches")
    );
    // The numbers of the updates that were undone come again, for other batches.
    let steps = applied(&events);
    let distinct = steps.iter().collect::<std::collections::BTreeSet<_>>();
    assert!(steps.len() > distinct.len() && distinct.len() == 8);
    assert!(ending.metrics.values().all(|value| value.is_finite()));
}

#[test]
fn rollback_gives_up_after_five_times() {
    let mut recipe = poisoned(OnNan::Rollback);
    recipe.total_steps = 100;
    let (ending, events) = run(&recipe);
    let Status::Diverged { why } = &ending.status else {
        panic!("{:?}", ending.status);
    };
    assert!(why.contains("after the run went back 5 times"), "{why}");
    assert_eq!(warnings(&events).len(), 5);
}

#[test]
fn skips_and_rollbacks_are_the_same_after_a_resume() {
    for on_nan in [OnNan::Skip, OnNan::Rollback] {
        for every in [None, Some(Cadence::Steps(2)), Some(Cadence::Seconds(0.0))] {
            let mut recipe = poisoned(on_nan);
            recipe.checkpoint.every = every;
            recipe.total_steps = 8;
            let (whole, _) = run(&recipe);
            assert_eq!(whole.status, Status::Completed);
            for after in 1..8 {
                let (_, events) = run_until(&recipe, None, after);
                let last = checkpoints(&events).pop().unwrap();
                assert_eq!(last.step, after);
                let (ending, _) = run_until(&recipe, Some(&last), u64::MAX);
                let what = format!("{on_nan:?}, {every:?}, {after}");
                assert_eq!(ending.state_hash, whole.state_hash, "{what}");
            }
        }
    }
}

#[test]
fn accumulated_batches_are_left_out_together() {
    let mut recipe = poisoned(OnNan::Skip);
    recipe.grad_accumulation = 2;
    recipe.steps_per_epoch = 3;
    recipe.total_steps = 4;
    let (ending, events) = run(&recipe);
    assert_eq!(ending.step, 4);
    assert_eq!(warnings(&events).len(), 2);
    assert!(ending.metrics.values().all(|value| value.is_finite()));
}

#[test]
fn a_gradient_that_overflows_is_noticed_before_it_is_saved() {
    // A huge rate makes the loss overflow within a few updates.
    let mut recipe = grouped(recipe(), 1e30);
    recipe.log_every = 0;
    let (ending, events) = run(&recipe);
    assert!(
        matches!(ending.status, Status::Diverged { .. }),
        "{:?}",
        ending.status
    );
    for checkpoint in checkpoints(&events) {
        for array in &checkpoint.model {
            let all = numbers(&checkpoint, &array.name);
            assert!(all.iter().all(|x| x.is_finite()), "{}", array.name);
        }
    }
}

#[test]
fn what_an_activation_hides_from_the_loss_is_found_before_anything_is_saved() {
    let mut recipe = poisoned(OnNan::Stop);
    recipe.model = Arc::new(Net {
        relu: true,
        ..Net::default()
    });
    let mut why = |log_every| {
        recipe.log_every = log_every;
        let (ending, events) = run(&grouped(recipe.clone(), 0.05));
        assert!(checkpoints(&events).is_empty());
        let Status::Diverged { why } = ending.status else {
            panic!("{:?}", ending.status);
        };
        (ending.step + 1, why)
    };
    // Where every update is looked at, at once.
    let (update, seen) = why(1);
    let begin = format!("the gradient of update {update} (epoch 1) has norm `NaN`");
    assert!(seen.starts_with(&begin), "{seen}");
    // Where none is, at the end of the epoch.
    let (update, seen) = why(0);
    assert_eq!(update, 6);
    let begin = "an update before 6 (epoch 1) left parameters that are not finite";
    assert!(seen.starts_with(begin), "{seen}");
}

#[test]
fn a_clock_that_asks_for_checkpoints_does_not_say_where_a_rollback_goes() {
    let hash = |every| {
        let mut recipe = poisoned(OnNan::Rollback);
        recipe.total_steps = 8;
        recipe.checkpoint.every = every;
        run(&recipe).0.state_hash
    };
    let none = hash(None);
    assert_eq!(hash(Some(Cadence::Seconds(0.0))), none);
    assert_eq!(hash(Some(Cadence::Seconds(0.001))), none);
    // Other checkpoints do: that is a difference of the plans.
    assert_ne!(hash(Some(Cadence::Steps(1))), none);
}
