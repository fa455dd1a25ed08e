//! A run that was interrupted anywhere ends as one that was not.

use std::sync::Arc;

use super::testing::*;
use super::*;
use crate::direction::Direction;
use crate::event::{Event, Reason, Status};
use crate::model::{Cnn, Mlp, ModelSpec, Norm};
use crate::optim::{AdamW, OptimizerSpec, Sgd};

/// Interrupts after every update in turn, and resumes in a new session from what the first one
/// left behind.
pub(super) fn resumes_everywhere(recipe: &Recipe, what: &str) {
    let (whole, events) = run(recipe);
    assert_eq!(whole.status, Status::Completed, "{what}");
    let all = timeless(&events);
    for after in 1..recipe.total_steps {
        let (first, mut lines) = {
            let (ending, events) = run_until(recipe, None, after);
            let lines = timeless(&events);
            (ending, (events, lines))
        };
        let last = checkpoints(&lines.0).pop().unwrap();
        assert_eq!((first.step, last.step), (after, after), "{what}");
        assert_eq!(first.state_hash, last.state_hash, "{what} at {after}");
        // What a run directory does to a checkpoint's counters.
        let mut last = last;
        let text = last.state.to_string();
        last.state = serde_json::from_str(&text).unwrap();

        let (second, events) = run_until(recipe, Some(&last), u64::MAX);
        assert_eq!(second.state_hash, whole.state_hash, "{what} at {after}");
        assert_eq!(second.metrics, whole.metrics, "{what} at {after}");
        assert_eq!(second.best, whole.best, "{what} at {after}");
        lines.1.extend(timeless(&events));
        assert_eq!(lines.1, all, "{what} at {after}");
    }
}

fn optimizers() -> [(&'static str, Arc<dyn OptimizerSpec>); 2] {
    let sgd = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    let adamw = AdamW {
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
    };
    [("sgd", Arc::new(sgd)), ("adamw", Arc::new(adamw))]
}

#[test]
fn models_and_optimizers_resume_at_every_step() {
    for (optimizer, spec) in optimizers() {
        for (dropout, norm) in [(false, false), (true, true)] {
            let mut recipe = recipe();
            recipe.optimizer = Arc::clone(&spec);
            recipe.model = Arc::new(Net {
                dropout,
                norm,
                ..Net::default()
            });
            let what = format!("{optimizer}, dropout {dropout}, norm {norm}");
            resumes_everywhere(&grouped(recipe, 0.05), &what);
        }
    }
}

#[test]
fn averages_accumulation_and_clipping_resume_at_every_step() {
    for (optimizer, spec) in optimizers() {
        let mut recipe = recipe();
        recipe.optimizer = spec;
        recipe.model = Arc::new(Net {
            dropout: true,
            norm: true,
            ..Net::default()
        });
        recipe.ema = Some(0.9);
        recipe.grad_accumulation = 4;
        recipe.steps_per_epoch = 2;
        recipe.total_steps = 7;
        recipe.clip_norm = Some(0.5);
        recipe.clip_value = Some(0.2);
        recipe.loader.prefetch = 3;
        recipe.eval_every = Some(Cadence::Steps(3));
        recipe.checkpoint.best = Some(BestPolicy {
            metric: "val/loss".into(),
            mode: Direction::Min,
        });
        resumes_everywhere(&grouped(recipe, 0.05), optimizer);
    }
}

#[test]
fn killed_many_times_is_as_good_as_never() {
    let mut recipe = recipe();
    recipe.model = Arc::new(Net {
        dropout: true,
        norm: true,
        ..Net::default()
    });
    recipe.ema = Some(0.9);
    let recipe = grouped(recipe, 0.05);
    let (whole, events) = run(&recipe);
    let mut lines = Vec::new();
    let mut from = None;
    for after in (1..=recipe.total_steps).chain([u64::MAX]) {
        let (_, events) = run_until(&recipe, from.as_ref(), after);
        lines.extend(timeless(&events));
        from = checkpoints(&events).pop();
    }
    assert_eq!(lines, timeless(&events));
    assert_eq!(from.unwrap().state_hash, whole.state_hash);
}

#[test]
fn a_process_that_died_goes_on_from_its_last_checkpoint() {
    let mut recipe = recipe();
    recipe.checkpoint.every = Some(Cadence::Steps(4));
    let (whole, events) = run(&recipe);
    let saved = checkpoints(&events);
    let steps = saved.iter().map(|c| c.step).collect::<Vec<_>>();
    assert_eq!(steps, [4, 8, 12, 16, 18]);
    for checkpoint in &saved[..4] {
        let (ending, events) = run_until(&recipe, Some(checkpoint), u64::MAX);
        assert_eq!(ending.state_hash, whole.state_hash);
        let later = checkpoints(&events)
            .iter()
            .map(|c| c.step)
            .collect::<Vec<_>>();
        let expected = steps.iter().copied().filter(|s| *s > checkpoint.step);
        assert_eq!(later, expected.collect::<Vec<_>>());
    }
}

#[test]
fn an_interrupted_evaluation_is_made_after_the_resume() {
    let recipe = recipe();
    let (whole, events) = run(&recipe);
    let (first, before) = run_until(&recipe, None, 6);
    assert!(matches!(
        first.status,
        Status::Stopped {
            signal: Some(15),
            ..
        }
    ));
    assert!(
        !before
            .iter()
            .any(|e| matches!(e, Event::Eval(_) | Event::Epoch(_)))
    );
    let saved = checkpoints(&before);
    assert_eq!((saved.len(), saved[0].reason.clone()), (1, Reason::Signal));

    let (second, after) = run_until(&recipe, saved.last(), u64::MAX);
    assert_eq!(second.state_hash, whole.state_hash);
    let evaluations = |events: &[Event]| {
        let evals = events.iter().filter(|e| matches!(e, Event::Eval(_)));
        evals.count()
    };
    assert_eq!(evaluations(&after), evaluations(&events));
}

#[test]
fn an_update_that_a_signal_cuts_in_two_is_made_after_the_resume() {
    let net = Net {
        dropout: true,
        norm: true,
        ..Net::default()
    };
    let with = |trip_model, trip_data| {
        let mut recipe = recipe();
        recipe.grad_accumulation = 3;
        recipe.steps_per_epoch = 2;
        recipe.total_steps = 6;
        recipe.model = Arc::new(Net {
            trip: trip_model,
            ..net.clone()
        });
        recipe.data.train = Arc::new(Clouds {
            samples: 44,
            seed: 1,
            trip: trip_data,
            ..Clouds::default()
        });
        grouped(recipe, 0.05)
    };
    let plain = with(None, None);
    let (whole, all) = run(&plain);
    for at in 0..6 {
        // In the middle of the gradients, whose batches moved the running statistics; and in the
        // middle of fetching.
        let (model, data) = (StopFlag::new(), StopFlag::new());
        let cut = [
            (with(Some((model.clone(), at)), None), model),
            (with(None, Some((data.clone(), 7 * at as usize))), data),
        ];
        for (recipe, stop) in cut {
            let mut session = Session::new(recipe).unwrap();
            let (first, before) = interrupted_by(&mut session, &stop, u64::MAX);
            assert!(matches!(
                first.status,
                Status::Stopped {
                    signal: Some(2),
                    ..
                }
            ));
            let last = checkpoints(&before).pop().unwrap();
            let (second, after) = run_until(&plain, Some(&last), u64::MAX);
            assert_eq!(second.state_hash, whole.state_hash, "update {at}");
            let lines = [timeless(&before), timeless(&after)].concat();
            assert_eq!(lines, timeless(&all), "update {at}");
        }
    }
}

#[test]
fn a_finished_run_has_nothing_left_to_do() {
    let recipe = recipe();
    let (whole, events) = run(&recipe);
    let last = checkpoints(&events).pop().unwrap();
    assert_eq!(last.reason, Reason::Final);
    let (ending, events) = run_until(&recipe, Some(&last), u64::MAX);
    assert_eq!((ending.step, &ending.state_hash), (18, &whole.state_hash));
    let again = checkpoints(&events);
    assert_eq!(again.len(), 1, "the log needs its line again");
    assert_eq!(
        (&again[0].reason, &again[0].state_hash),
        (&Reason::Final, &last.state_hash)
    );
    assert!(timeless(&events).is_empty());
}

#[test]
fn a_run_cut_short_goes_on_as_the_long_one_would_have() {
    // `--steps 8` of a run of 18: the curve stays that of the whole.
    let mut short = recipe();
    short.total_steps = 8;
    let (ending, events) = run(&short);
    assert_eq!((ending.step, ending.epoch), (8, 8.0 / 6.0));
    let last = checkpoints(&events).pop().unwrap();
    let (whole, _) = run(&recipe());
    let (ending, _) = run_until(&recipe(), Some(&last), u64::MAX);
    assert_eq!(ending.state_hash, whole.state_hash);
}

#[test]
fn real_models_on_real_data_resume_at_every_step() {
    let mlp = Mlp {
        hidden: vec![16],
        dropout: 0.2,
        norm: Norm::Layer,
        ..Mlp::default()
    };
    let cnn = Cnn {
        channels: vec![4],
        kernel: 3,
        hidden: vec![8],
        dropout: 0.1,
        norm: Norm::Batch,
        ..Cnn::default()
    };
    let models: [(&str, Arc<dyn ModelSpec>); 2] = [("mlp", Arc::new(mlp)), ("cnn", Arc::new(cnn))];
    for ((name, model), (optimizer, spec)) in models.into_iter().zip(optimizers()) {
        let mut recipe = digits(model);
        recipe.optimizer = spec;
        recipe.grad_accumulation = 2;
        recipe.steps_per_epoch = 3;
        recipe.total_steps = 6;
        recipe.ema = Some(0.95);
        resumes_everywhere(&grouped(recipe, 0.01), &format!("{name}, {optimizer}"));
    }
}

#[test]
fn a_checkpoint_of_another_model_is_refused_by_name_and_changes_nothing() {
    let (_, events) = run(&recipe());
    let good = checkpoints(&events).pop().unwrap();
    let refusal = |checkpoint: &crate::event::Checkpoint| {
        let mut session = Session::new(recipe()).unwrap();
        let before = session.checkpoint(Reason::Every).unwrap();
        let message = session.restore(checkpoint).unwrap_err().to_string();
        let after = session.checkpoint(Reason::Every).unwrap();
        assert_eq!(before.model, after.model);
        message
    };
    let mut other = good.clone();
    other.model[0].name = "zero.bias".into();
    assert_eq!(
        refusal(&other),
        "the checkpoint does not fit: it lacks `first.bias`; it has `zero.bias`, unknown here"
    );
    let mut other = good.clone();
    other.model[1].shape = vec![8, 4];
    assert_eq!(
        refusal(&other),
        "the checkpoint does not fit: `first.weight` is F32 [8, 4] in the checkpoint and F32 [4, 8] in the model"
    );
    let mut other = good.clone();
    other.model[1].bytes.pop();
    assert_eq!(
        refusal(&other),
        "the checkpoint does not fit: `first.weight` holds 127 bytes instead of 128"
    );
    let mut other = good.clone();
    other.model.push(good.model[3].clone());
    assert_eq!(
        refusal(&other),
        "the checkpoint does not fit: a name stands in it twice"
    );
    let mut other = good.clone();
    other.state["batch"] = 7.into();
    assert_eq!(
        refusal(&other),
        "the checkpoint does not fit: it stands at batch 7 of an epoch of 6; hint: was the data or the batch size changed?"
    );
    let mut other = good.clone();
    other.state["luck"] = 7.into();
    assert!(refusal(&other).contains("unknown field `luck`"));

    let mut damaged = good;
    damaged.model[0].bytes[0] ^= 1;
    let mut session = Session::new(recipe()).unwrap();
    let message = session.restore(&damaged).unwrap_err().to_string();
    assert!(message.contains("hashes to"), "{message}");
}
