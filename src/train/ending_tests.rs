//! What is due after updates, and how runs end.

use std::sync::Arc;

use super::testing::*;
use super::*;
use crate::data::{DataError, Dataset, Values};
use crate::direction::Direction;
use crate::event::{Event, Reason, Sink, SinkError, Status, Tested, TestedState};
use crate::objective::{Mse, metric};
use crate::task::{Target, Task};

fn reasons(events: &[Event]) -> Vec<(u64, Reason)> {
    let saved = checkpoints(events).into_iter();
    saved.map(|c| (c.step, c.reason)).collect()
}

fn kinds(events: &[Event]) -> String {
    let kind = |event: &Event| match event {
        Event::Start { .. } => 'S',
        Event::EpochStart { .. } => '(',
        Event::Step(_) => '.',
        Event::Eval(_) => 'v',
        Event::Epoch(_) => ')',
        Event::Checkpoint(_) => 'c',
        Event::Warning { .. } => '!',
        Event::End(_) => 'E',
    };
    events.iter().map(kind).collect()
}

#[test]
fn events_come_in_the_order_of_what_happens() {
    assert_eq!(kinds(&run(&recipe()).1), "S(......v)c(......v)c(......v)cE");
    let mut recipe = recipe();
    recipe.eval_every = Some(Cadence::Steps(4));
    recipe.checkpoint.every = Some(Cadence::Steps(5));
    recipe.total_steps = 10;
    assert_eq!(kinds(&run(&recipe).1), "S(....v.c.)(..v..v)cE");
    recipe.eval_every = None;
    recipe.checkpoint.every = None;
    assert_eq!(kinds(&run(&recipe).1), "S(......)(....)cE");
}

#[test]
fn a_run_that_ends_inside_an_epoch_still_has_its_row() {
    let mut recipe = recipe();
    recipe.total_steps = 8;
    let (ending, events) = run(&recipe);
    let rows = events.iter().filter_map(|event| match event {
        Event::Epoch(row) => Some(row),
        _ => None,
    });
    let rows = rows.collect::<Vec<_>>();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[1].epoch, rows[1].step), (1, 8));
    assert!(rows[1].metrics.contains_key("val/accuracy"));
    assert_eq!(ending.metrics, rows[1].metrics);
    assert_eq!(ending.state_hash, rows[1].state_hash);
    assert_ne!(rows[0].order_hash, rows[1].order_hash);
}

#[test]
fn an_epochs_row_has_no_older_evaluation() {
    let mut recipe = recipe();
    recipe.eval_every = Some(Cadence::Epochs(2));
    let (_, events) = run(&recipe);
    let evaluated = events.iter().filter_map(|event| match event {
        Event::Epoch(row) => Some(row.metrics.contains_key("val/loss")),
        _ => None,
    });
    // The end of the run evaluates in any case.
    assert_eq!(evaluated.collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn hashes_in_rows_checkpoints_and_endings_agree() {
    let (ending, events) = run(&recipe());
    let mut rows = events.iter().filter_map(|event| match event {
        Event::Epoch(row) => Some(row.state_hash.clone()),
        _ => None,
    });
    for checkpoint in checkpoints(&events) {
        assert_eq!(Some(checkpoint.state_hash), rows.next());
    }
    assert_eq!(run(&recipe()).0.state_hash, ending.state_hash);
    let mut other = recipe();
    other.seed = 8;
    assert_ne!(run(&other).0.state_hash, ending.state_hash);
}

#[test]
fn the_best_checkpoint_is_that_of_the_best_value() {
    let mut recipe = recipe();
    recipe.eval_every = Some(Cadence::Steps(1));
    recipe.checkpoint = CheckpointPolicy {
        every: Some(Cadence::Steps(1)),
        best: Some(BestPolicy {
            metric: "val/loss".into(),
            mode: Direction::Min,
        }),
    };
    let recipe = grouped(recipe, 2.0);
    let (ending, events) = run(&recipe);
    let mut least = f64::INFINITY;
    let mut expected = Vec::new();
    for event in &events {
        if let Event::Eval(row) = event {
            let value = row.metrics["val/loss"];
            let reason = if value < least {
                least = value;
                Reason::Best {
                    metric: "val/loss".into(),
                    value,
                }
            } else if row.step == 18 {
                Reason::Final
            } else {
                Reason::Every
            };
            expected.push((row.step, reason));
        }
    }
    assert_eq!(reasons(&events), expected);
    let bests = |r: &&(u64, Reason)| matches!(r.1, Reason::Best { .. });
    let count = expected.iter().filter(bests).count();
    assert!((2..18).contains(&count), "{count} is no test");
    let best = ending.best.unwrap();
    let last = expected.iter().rfind(bests);
    assert_eq!((best.value, Some(best.step)), (least, last.map(|r| r.0)));
}

#[test]
fn early_stopping_ends_the_run_with_a_row_and_a_checkpoint() {
    let mut recipe = recipe();
    recipe.eval_every = Some(Cadence::Steps(1));
    recipe.early_stop = Some(EarlyStop {
        metric: "val/accuracy".into(),
        mode: Direction::Max,
        patience: 3,
        min_delta: 1.0,
    });
    let (ending, events) = run(&recipe);
    let Status::EarlyStopped { why } = &ending.status else {
        panic!("{:?}", ending.status);
    };
    let begin = "val/accuracy did not improve by more than 1 in 3 evaluations; best 0.";
    assert!(why.starts_with(begin), "{why}");
    assert_eq!(ending.step, 4);
    assert_eq!(kinds(&events), "S(.v.v.v.v)cE");
    assert_eq!(reasons(&events), [(4, Reason::Final)]);
    // It stays stopped.
    let last = checkpoints(&events).pop();
    let (again, events) = run_until(&recipe, last.as_ref(), u64::MAX);
    assert_eq!(
        (again.status, kinds(&events).as_str()),
        (ending.status, "ScE")
    );
}

#[test]
fn the_training_loss_can_be_watched_too() {
    let mut recipe = recipe();
    recipe.eval_every = None;
    recipe.early_stop = Some(EarlyStop {
        metric: "train/loss".into(),
        mode: Direction::Max,
        patience: 1,
        min_delta: 0.0,
    });
    recipe.checkpoint.best = Some(BestPolicy {
        metric: "train/loss".into(),
        mode: Direction::Min,
    });
    let (ending, events) = run(&recipe);
    assert!(matches!(ending.status, Status::EarlyStopped { .. }));
    assert_eq!(ending.step, 12);
    assert_eq!(ending.best.map(|best| best.step), Some(12));
    assert_eq!(kinds(&events), "S(......)c(......)cE");
}

/// The test split of the best state, against an evaluation of a session that holds that state; in
/// one process, and in two.
#[test]
fn the_test_split_is_measured_on_the_state_that_is_asked_for() {
    let mut recipe = recipe();
    recipe.data.test = recipe.data.val.clone();
    recipe.eval_every = Some(Cadence::Steps(3));
    // The largest loss is that of the first evaluation.
    let metric = "val/loss".to_owned();
    recipe.checkpoint.best = Some(BestPolicy {
        metric,
        mode: Direction::Max,
    });
    for ema in [None, Some(0.5)] {
        recipe.ema = ema;
        recipe.test = TestedState::Last;
        let (last, _) = run(&recipe);
        assert_eq!(
            last.tested,
            Some(Tested {
                state: TestedState::Last,
                step: 18
            })
        );
        assert_eq!(last.metrics["test/loss"], last.metrics["val/loss"]);
        recipe.test = TestedState::Best;
        let (best, events) = run(&recipe);
        let saved = checkpoints(&events);
        let first = saved.iter().find(|c| c.step == 3).unwrap();
        assert_eq!(
            best.tested,
            Some(Tested {
                state: TestedState::Best,
                step: 3
            })
        );
        assert_eq!(best.metrics["test/loss"], best.best.as_ref().unwrap().value);
        assert_ne!(best.metrics["test/loss"], last.metrics["test/loss"]);
        assert_eq!(
            best.state_hash, last.state_hash,
            "the run ends in its last state"
        );
        let row = events.iter().find_map(|event| match event {
            Event::Eval(row) if row.split == "test" => Some((row.step, row.of_step)),
            _ => None,
        });
        assert_eq!(row, Some((18, Some(3))));
        // Another process knows the best state only where it is given.
        for given in [true, false] {
            let mut session = Session::new(recipe.clone()).unwrap();
            session.restore(&saved[saved.len() - 1]).unwrap();
            if given {
                session.take_best(first);
            }
            let mut events = Vec::new();
            let ending = session.run(&mut events, &StopFlag::new()).unwrap();
            let wanted = if given { &best } else { &last };
            assert_eq!(ending.metrics["test/loss"], wanted.metrics["test/loss"]);
            let warned = kinds(&events).contains('!');
            assert_eq!(warned, !given);
        }
    }
}

#[test]
fn a_metric_that_is_never_reported_is_refused() {
    let mut recipe = recipe();
    recipe.early_stop = Some(EarlyStop {
        metric: "val/acc".into(),
        mode: Direction::Max,
        patience: 1,
        min_delta: 0.0,
    });
    let message = Session::new(recipe).err().unwrap().to_string();
    assert_eq!(
        message,
        "there is no metric `val/acc`; hint: one of train/loss, val/loss, val/accuracy"
    );
}

#[test]
fn a_plan_for_other_data_is_refused() {
    let mut recipe = recipe();
    recipe.data.train = Arc::new(Clouds {
        samples: 50,
        seed: 1,
        ..Clouds::default()
    });
    let message = Session::new(recipe).err().unwrap().to_string();
    assert_eq!(
        message,
        "an epoch has 7 updates, not the 6 of the plan; hint: did the data change since the plan was made?"
    );
}

#[test]
fn evaluation_does_not_depend_on_its_batch_size() {
    let session = Session::new(recipe()).unwrap();
    let whole = session
        .evaluate(Split::Val, &StopFlag::new())
        .unwrap()
        .unwrap();
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        ["val/accuracy", "val/loss"]
    );
    for size in [1, 7, 20, 64] {
        let mut recipe = recipe();
        recipe.loader.eval_batch_size = Some(size);
        let session = Session::new(recipe).unwrap();
        let values = session
            .evaluate(Split::Val, &StopFlag::new())
            .unwrap()
            .unwrap();
        assert_eq!(values["val/accuracy"], whole["val/accuracy"]);
        assert!((values["val/loss"] - whole["val/loss"]).abs() < 1e-6);
    }
    let stop = StopFlag::new();
    stop.raise(2);
    assert_eq!(session.evaluate(Split::Val, &stop).unwrap(), None);
    let missing = session.evaluate(Split::Test, &StopFlag::new());
    assert_eq!(
        missing.unwrap_err().to_string(),
        "the data has no `test` split"
    );
}

#[test]
fn a_regressions_metrics_are_in_the_datas_own_unit() {
    /// y = x₀, standardised from values with mean 10 and standard deviation 4.
    struct Line;
    impl Dataset for Line {
        fn len(&self) -> usize {
            6
        }
        fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
            out.numbers()?.extend([index as f32 / 6.0; WIDTH]);
            Ok(())
        }
        fn target(&self, index: usize) -> Target<'_> {
            Target::Values(vec![index as f32 / 6.0].into())
        }
    }
    let values = |scale: Option<Vec<(f64, f64)>>| {
        let mut recipe = recipe();
        recipe.data.train = Arc::new(Line);
        recipe.data.val = Some(Arc::new(Line));
        recipe.data.target_scale = scale;
        recipe.data.facts.task = Task::Regression { targets: 1 };
        recipe.io.outputs = 1;
        recipe.loss = Arc::new(Mse {});
        recipe.metrics = ["rmse", "r2"]
            .map(|name| (name.to_owned(), metric(name).unwrap().into()))
            .into();
        recipe.steps_per_epoch = 1;
        recipe.total_steps = 3;
        run(&grouped(recipe, 0.1)).0.metrics
    };
    let (plain, scaled) = (values(None), values(Some(vec![(10.0, 4.0)])));
    assert_eq!(plain["val/loss"], scaled["val/loss"]);
    assert!((plain["val/loss"].sqrt() - plain["val/rmse"]).abs() < 1e-6);
    assert!((scaled["val/rmse"] / plain["val/rmse"] - 4.0).abs() < 1e-5);
    assert!((scaled["val/r2"] - plain["val/r2"]).abs() < 1e-5);
}

#[test]
fn a_sink_that_fails_ends_the_run() {
    struct Full(u32);
    impl Sink for Full {
        fn event(&mut self, _: &Event) -> Result<(), SinkError> {
            self.0 += 1;
            let full = || SinkError(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
            if self.0 > 5 { Err(full()) } else { Ok(()) }
        }
    }
    let mut sink = Full(0);
    let mut session = Session::new(recipe()).unwrap();
    let error = session.run(&mut sink, &StopFlag::new()).unwrap_err();
    assert!(matches!(error, TrainError::Sink(_)));
    assert_eq!(sink.0, 6);
}

#[test]
fn the_ledger_accounts_for_the_whole_run() {
    let begin = std::time::Instant::now();
    let (ending, events) = run(&recipe());
    let wall = begin.elapsed().as_secs_f64();
    let sum = ending.ledger.values().sum::<f64>();
    assert!(sum <= wall && sum > 0.5 * wall, "{sum} of {wall}");
    for activity in ["forward", "backward", "evaluation", "checkpoint"] {
        assert!(ending.ledger[activity] > 0.0, "{activity}");
    }
    assert!(ending.samples_per_s > 0.0);
    let steps = events.iter().filter_map(|event| match event {
        Event::Step(row) => Some(row.step_time_ms),
        _ => None,
    });
    assert!(steps.sum::<f64>() / 1e3 <= sum);
}
