//! What one update does.

use std::process::Command;
use std::sync::Arc;

use super::testing::*;
use super::*;
use crate::config::OnNan;
use crate::event::{Event, Reason, Sink, SinkError};
use crate::model::{Cnn, Mlp, ModelSpec, Norm};
use crate::schedule::{Group, Target};

/// The state after so many updates.
fn after(recipe: Recipe, steps: u64) -> crate::event::Checkpoint {
    let recipe = Recipe {
        total_steps: steps,
        ..recipe
    };
    checkpoints(&run(&recipe).1).pop().unwrap()
}

#[test]
fn accumulated_batches_move_the_parameters_as_one_big_batch() {
    // 44 samples: 5 batches of 8 and one of 4 are two updates of 24 and 20.
    let mut big = recipe();
    big.loader.batch_size = 24;
    big.steps_per_epoch = 2;
    let mut small = recipe();
    small.grad_accumulation = 3;
    small.steps_per_epoch = 2;
    for steps in [1, 2, 5] {
        let (big, small) = (after(big.clone(), steps), after(small.clone(), steps));
        let distance = distance(&big, &small);
        assert!(distance < 1e-6, "{distance} after {steps}");
        let loss = |c: &crate::event::Checkpoint| c.metrics["train/loss"];
        assert!((loss(&big) - loss(&small)).abs() < 1e-6);
    }
    // And it is no accident: without accumulation the parameters go elsewhere.
    assert!(distance(&after(big, 2), &after(recipe(), 2)) > 1e-3);
}

#[test]
fn an_epoch_ends_with_a_smaller_update_and_its_loss_is_the_mean_over_samples() {
    let mut recipe = recipe();
    recipe.grad_accumulation = 4;
    recipe.steps_per_epoch = 2;
    recipe.total_steps = 6;
    let (_, events) = run(&recipe);
    let mut samples = Vec::new();
    let mut weighted = 0.0;
    for event in &events {
        match event {
            Event::Step(row) => {
                samples.push(row.samples);
                weighted += row.loss.unwrap() * row.samples as f64;
            }
            Event::Epoch(row) => {
                let mean = row.metrics["train/loss"];
                assert!((mean - weighted / 44.0).abs() < 1e-12);
                assert_eq!((row.epoch + 1) as f64, row.step as f64 / 2.0);
                weighted = 0.0;
            }
            _ => {}
        }
    }
    assert_eq!(samples, [32, 12, 32, 12, 32, 12]);
}

#[test]
fn a_parameter_without_a_gradient_is_an_error_that_names_it() {
    let mut recipe = recipe();
    recipe.model = Arc::new(Net {
        idle: true,
        ..Net::default()
    });
    let mut recipe = grouped(recipe, 0.1);
    let mut events: Vec<Event> = Vec::new();
    let mut session = Session::new(recipe.clone()).unwrap();
    let error = session.run(&mut events, &StopFlag::new()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no gradient reaches `idle`; hint: "),
        "{error}"
    );
    let Some(Event::End(ending)) = events.last() else {
        panic!("the sink was not told");
    };
    assert!(matches!(ending.status, crate::event::Status::Failed { .. }));
    assert_eq!(ending.step, 0);

    // Frozen, it needs none.
    recipe.frozen.insert("idle".into());
    assert_eq!(run(&recipe).0.step, 18);
    recipe.frozen.insert("idler".into());
    let message = Session::new(recipe).err().unwrap().to_string();
    assert_eq!(message, "there is no parameter `idler` to freeze");
}

#[test]
fn frozen_parameters_keep_their_bits_and_the_others_learn() {
    let mut recipe = recipe();
    recipe.frozen = ["first.weight".into(), "first.bias".into()].into();
    recipe.ema = Some(0.9);
    let first = Session::new(recipe.clone())
        .unwrap()
        .checkpoint(Reason::Every)
        .unwrap();
    let (_, events) = run(&recipe);
    let last = checkpoints(&events).pop().unwrap();
    for (old, new) in first.model.iter().zip(&last.model) {
        let kept = old.name.contains("first.");
        assert_eq!(old.bytes == new.bytes, kept, "{}", old.name);
    }
    assert!(
        last.optimizer
            .iter()
            .all(|array| !array.name.contains("first"))
    );
    assert!(!last.optimizer.is_empty());
}

#[test]
fn every_parameter_belongs_to_one_group() {
    let group = recipe().schedules.groups()[0].clone();
    let message = |groups: &[Group]| {
        let mut recipe = recipe();
        recipe.schedules = schedules(groups, 18);
        Session::new(recipe).err().unwrap().to_string()
    };
    let mut lacking = group.clone();
    lacking.params.retain(|name| name != "first.bias");
    assert!(message(&[lacking.clone()]).contains("`first.bias` is in 0 groups"));
    let again = Group {
        name: "again".into(),
        ..group.clone()
    };
    assert!(message(&[group, again]).contains("`first.bias` is in 2 groups"));
}

#[test]
fn groups_have_their_own_rates_and_say_so() {
    let mut recipe = recipe();
    let mut lead = recipe.schedules.groups()[0].clone();
    let (first, rest) = (lead.params.into_iter()).partition(|name| name.starts_with("first"));
    lead.params = rest;
    let slow = Group {
        name: "slow".into(),
        params: first,
        base: [(Target::Lr, 0.0)].into(),
        ..Group::default()
    };
    recipe.schedules = schedules(&[slow, lead], 18);
    let start = Session::new(recipe.clone())
        .unwrap()
        .checkpoint(Reason::Every)
        .unwrap();
    let (_, events) = run(&recipe);
    let end = checkpoints(&events).pop().unwrap();
    assert_eq!(
        numbers(&start, "first.weight"),
        numbers(&end, "first.weight")
    );
    assert_ne!(
        numbers(&start, "second.weight"),
        numbers(&end, "second.weight")
    );
    let Event::Step(row) = &events[2] else {
        panic!("{:?}", events[2]);
    };
    assert_eq!(
        (row.lr, &row.extra),
        (0.1, &[("lr/slow".into(), 0.0)].into())
    );
}

#[test]
fn averages_follow_the_model_and_are_what_is_evaluated() {
    let mut with = recipe();
    with.ema = Some(0.9);
    let first = Session::new(with.clone())
        .unwrap()
        .checkpoint(Reason::Every)
        .unwrap();
    let name = "second.weight";
    let average = format!("ema/{name}");
    assert_eq!(numbers(&first, name), numbers(&first, &average));
    let mut expected = numbers(&first, &average);
    for step in 1..4 {
        let state = after(with.clone(), step);
        for (average, value) in expected.iter_mut().zip(numbers(&state, name)) {
            *average += 0.1 * (value - *average);
        }
        let found = numbers(&state, &average);
        let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        assert!(expected.iter().zip(&found).all(close), "step {step}");
    }
    // The training itself is the same with averages and without; what is evaluated is not.
    let (plain, averaged) = (after(recipe(), 6), after(with, 6));
    assert_eq!(numbers(&plain, name), numbers(&averaged, name));
    assert_eq!(plain.metrics["train/loss"], averaged.metrics["train/loss"]);
    assert_ne!(plain.metrics["val/loss"], averaged.metrics["val/loss"]);
}

#[test]
fn weights_of_another_run_are_where_model_and_averages_begin() {
    let mut recipe = recipe();
    let weights = after(recipe.clone(), 3).model;
    recipe.ema = Some(0.9);
    let mut session = Session::new(recipe).unwrap();
    session.load_weights(&weights).unwrap();
    let start = session.checkpoint(Reason::Every).unwrap();
    for array in &weights {
        let average = format!("ema/{}", array.name);
        let held = start
            .model
            .iter()
            .filter(|a| a.name == array.name || a.name == average);
        assert!(held.clone().count() == 2 && held.clone().all(|a| a.bytes == array.bytes));
    }
    session.load_weights(&weights[1..]).unwrap();
    let mut other = weights.clone();
    other[0].name = "other".into();
    let message = session.load_weights(&other).unwrap_err().to_string();
    assert_eq!(
        message,
        "the checkpoint does not fit: it has `other`, unknown here"
    );
}

#[test]
fn clipping_bounds_the_norm_and_the_rows_tell_the_norm_before() {
    let unclipped = recipe();
    let mut clipped = recipe();
    clipped.clip_norm = Some(0.01);
    clipped.total_steps = 1;
    let norm = |recipe: &Recipe| match &run(recipe).1[2] {
        Event::Step(row) => row.grad_norm.unwrap(),
        other => panic!("{other:?}"),
    };
    assert!(norm(&unclipped) > 0.1);
    assert_eq!(norm(&unclipped), norm(&clipped));
    // SGD's first step is lr · gradient; without decay its length is lr · limit.
    let mut group = clipped.schedules.groups()[0].clone();
    group.base = [(Target::Lr, 0.1)].into();
    clipped.schedules = schedules(&[group], 18);
    let start = Session::new(clipped.clone())
        .unwrap()
        .checkpoint(Reason::Every)
        .unwrap();
    let end = after(clipped, 1);
    let squares = start.model.iter().flat_map(|array| {
        let (a, b) = (numbers(&start, &array.name), numbers(&end, &array.name));
        a.into_iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2))
    });
    let length = squares.sum::<f64>().sqrt();
    assert!((length - 0.001).abs() < 1e-6, "{length}");
}

#[test]
fn rows_carry_numbers_only_where_they_are_logged() {
    let mut quiet = recipe();
    quiet.log_every = 4;
    let (quiet_end, events) = run(&quiet);
    let mut logged = Vec::new();
    for event in &events {
        if let Event::Step(row) = event {
            assert_eq!(row.logged, row.loss.is_some() && row.grad_norm.is_some());
            logged.extend(row.logged.then_some(row.step));
        }
    }
    assert_eq!(logged, [4, 8, 12, 16]);
    quiet.log_every = 0;
    let (silent_end, _) = run(&quiet);
    let (loud_end, _) = run(&recipe());
    assert_eq!(quiet_end.state_hash, loud_end.state_hash);
    assert_eq!(silent_end.state_hash, loud_end.state_hash);
}

#[test]
fn losses_read_late_are_the_same_numbers() {
    let mut recipe = recipe();
    recipe.log_every = 4;
    recipe.eval_every = Some(Cadence::Steps(5));
    let (eager, events) = run(&recipe);
    let deferred = |from: Option<&crate::event::Checkpoint>, after| {
        let mut session = Session::new(recipe.clone()).unwrap();
        session.deferred = true;
        if let Some(checkpoint) = from {
            session.restore(checkpoint).unwrap();
        }
        interrupted(&mut session, after)
    };
    let (late, late_events) = deferred(None, u64::MAX);
    assert_eq!(late.state_hash, eager.state_hash);
    assert_eq!(timeless(&late_events), timeless(&events));
    // A signal finds losses that nobody has read.
    let (_, before) = deferred(None, 9);
    let last = checkpoints(&before).pop();
    let (ending, after) = deferred(last.as_ref(), u64::MAX);
    assert_eq!(ending.state_hash, eager.state_hash);
    assert_eq!(
        [timeless(&before), timeless(&after)].concat(),
        timeless(&events)
    );
}

/// What the tests below run in processes of their own: a run that exercises everything, and a long
/// one that says how much memory it holds.
#[test]
#[ignore = "run by the_number_of_threads_changes_no_bit"]
fn print_hash() {
    let mut recipe = recipe();
    recipe.model = Arc::new(Net {
        dropout: true,
        norm: true,
        ..Net::default()
    });
    recipe.ema = Some(0.9);
    recipe.clip_norm = Some(0.5);
    recipe.grad_accumulation = 2;
    recipe.steps_per_epoch = 3;
    let small = run(&grouped(recipe, 0.05)).0.state_hash;
    // Wide enough that the kernels divide their work.
    let mlp = Mlp {
        hidden: vec![512],
        ..Mlp::default()
    };
    let cnn = Cnn {
        channels: vec![16],
        kernel: 3,
        hidden: vec![256],
        dropout: 0.1,
        norm: Norm::Batch,
        ..Cnn::default()
    };
    let models: [Arc<dyn ModelSpec>; 2] = [Arc::new(mlp), Arc::new(cnn)];
    let [mlp, cnn] = models.map(|model| run(&digits(model)).0.state_hash);
    println!("answer={small}{mlp}{cnn}");
}

#[test]
#[ignore = "run by memory_does_not_grow"]
fn print_growth() {
    struct Watch(Vec<u64>);
    impl Sink for Watch {
        fn event(&mut self, event: &Event) -> Result<(), SinkError> {
            if let Event::Epoch(row) = event
                && row.epoch % 100 == 99
            {
                let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
                let pages = statm.split(' ').nth(1).unwrap();
                self.0.push(pages.parse().unwrap());
            }
            Ok(())
        }
    }
    let mut recipe = recipe();
    recipe.model = Arc::new(Net {
        dropout: true,
        norm: true,
        ..Net::default()
    });
    recipe.ema = Some(0.9);
    recipe.total_steps = 6 * 600;
    recipe.on_nan = OnNan::Rollback;
    let recipe = grouped(recipe, 0.01);
    let mut watch = Watch(Vec::new());
    let mut session = Session::new(recipe).unwrap();
    session.run(&mut watch, &StopFlag::new()).unwrap();
    println!("answer={}", watch.0[5].saturating_sub(watch.0[0]));
}

/// What a test of this file prints in a process of its own.
fn answer(test: &str, threads: &str) -> String {
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture"])
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = text
        .split_once("answer=")
        .unwrap_or_else(|| panic!("{text}"));
    rest.lines().next().unwrap().to_owned()
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let one = answer("print_hash", "1");
    assert_eq!(one.len(), 3 * 64);
    assert_eq!(answer("print_hash", "2"), one);
    assert_eq!(answer("print_hash", "4"), one);
}

#[test]
fn memory_does_not_grow() {
    if !std::path::Path::new("/proc/self/statm").exists() {
        println!("skipped: this system does not say how much memory a process holds");
        return;
    }
    // 3000 updates whose graphs were kept would hold a hundred megabytes.
    let pages: u64 = answer("print_growth", "2").parse().unwrap();
    assert!(pages < 500, "{pages} pages more after 3000 updates");
}
