//! Runs that are stopped at their end, and checkpoints that somebody asks for.

use std::sync::Arc;

use super::testing::*;
use super::*;
use crate::config::OnNan;
use crate::direction::Direction;
use crate::event::{Checkpoint, Ending, Event, Reason, Sink, SinkError, Status, TestedState};

/// A recipe with a test split; reading its sample 10 raises the flag.
fn tested(stop: &StopFlag) -> Recipe {
    let mut recipe = recipe();
    recipe.data.test = Some(Arc::new(Clouds {
        trip: Some((stop.clone(), 10)),
        samples: 30,
        seed: 3,
        ..Clouds::default()
    }));
    recipe.checkpoint.best = Some(best(Direction::Min));
    recipe
}

fn best(mode: Direction) -> BestPolicy {
    let metric = "val/loss".into();
    BestPolicy { metric, mode }
}

/// The reasons of the checkpoints, by step.
fn reasons(events: &[Event]) -> Vec<(u64, Reason)> {
    let saved = checkpoints(events).into_iter();
    saved.map(|c| (c.step, c.reason)).collect()
}

/// Goes on from a checkpoint, and with the best one where that is another.
fn resumed(recipe: &Recipe, last: &Checkpoint, all: &[Checkpoint]) -> (Ending, Vec<Event>) {
    let mut session = Session::new(recipe.clone()).unwrap();
    session.restore(last).unwrap();
    let is_best = |c: &&Checkpoint| matches!(c.reason, Reason::Best { .. });
    if let Some(best) = all.iter().rfind(is_best) {
        session.take_best(best);
    }
    interrupted(&mut session, u64::MAX)
}

#[test]
fn a_stop_in_the_test_split_is_made_good() {
    for (early, test, mode) in [
        (false, TestedState::Last, Direction::Min),
        (false, TestedState::Best, Direction::Max),
        (true, TestedState::Last, Direction::Min),
        (true, TestedState::Best, Direction::Max),
    ] {
        let with = |stop: &StopFlag| {
            let mut recipe = tested(stop);
            recipe.test = test;
            recipe.checkpoint.best = Some(best(mode));
            recipe.early_stop = early.then(|| EarlyStop {
                metric: "val/accuracy".into(),
                mode: Direction::Max,
                patience: 1,
                min_delta: 1.0,
            });
            recipe
        };
        let what = format!("early {early}, {test:?}");
        let recipe = with(&StopFlag::new());
        let (end, events) = run(&recipe);
        let stop = StopFlag::new();
        let mut session = Session::new(with(&stop)).unwrap();
        let (first, before) = interrupted_by(&mut session, &stop, u64::MAX);
        let is_stopped = matches!(first.status, Status::Stopped { .. });
        assert!(is_stopped && first.tested.is_none(), "{what}");
        assert_eq!(first.step, end.step, "{what}");

        let saved = checkpoints(&before);
        let (second, after) = resumed(&recipe, saved.last().unwrap(), &saved);
        assert_eq!(second.status, end.status, "{what}");
        assert_eq!(second.metrics, end.metrics, "{what}");
        assert_eq!(second.tested, end.tested, "{what}");
        assert_eq!(second.state_hash, end.state_hash, "{what}");
        let lines = [timeless(&before), timeless(&after)].concat();
        assert_eq!(lines, timeless(&events), "{what}");
    }
}

#[test]
fn a_last_checkpoint_that_is_the_best_is_not_handed_over_again() {
    let recipe = tested(&StopFlag::new());
    let (end, events) = run(&recipe);
    let saved = checkpoints(&events);
    let last = saved.last().unwrap();
    assert!(matches!(last.reason, Reason::Best { .. }) && last.step == 18);
    let (again, after) = resumed(&recipe, last, &saved);
    assert_eq!(reasons(&after), []);
    assert_eq!(again.metrics, end.metrics);
    // One that is the last only is, as the resume took its line out of the log.
    let mut other = recipe;
    other.checkpoint.best = None;
    let (_, events) = run(&other);
    let saved = checkpoints(&events);
    let (_, after) = resumed(&other, saved.last().unwrap(), &saved);
    assert_eq!(reasons(&after), [(18, Reason::Final)]);
}

/// Asks for a checkpoint during the updates of a list.
struct Asking {
    events: Vec<Event>,
    stop: StopFlag,
    at: Vec<u64>,
}

impl Sink for Asking {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        if matches!(event, Event::Step(row) if self.at.contains(&row.step)) {
            self.stop.request();
        }
        self.events.push(event.clone());
        Ok(())
    }
}

fn asked(recipe: &Recipe, at: &[u64]) -> (Ending, Vec<Event>) {
    let stop = StopFlag::new();
    let mut sink = Asking {
        events: Vec::new(),
        stop: stop.clone(),
        at: at.into(),
    };
    let mut session = Session::new(recipe.clone()).unwrap();
    let ending = session.run(&mut sink, &stop).unwrap();
    (ending, sink.events)
}

#[test]
fn a_checkpoint_that_is_asked_for_changes_nothing() {
    for on_nan in [OnNan::Stop, OnNan::Rollback] {
        let mut recipe = recipe();
        recipe.on_nan = on_nan;
        recipe.checkpoint.best = Some(best(Direction::Min));
        let (end, events) = run(&recipe);
        let (other, with) = asked(&recipe, &[2, 9]);
        assert_eq!(
            (&other.state_hash, &other.best),
            (&end.state_hash, &end.best)
        );
        assert_eq!(timeless(&with), timeless(&events));
        let mut expected = reasons(&events);
        expected.extend([2, 9].map(|step| (step, Reason::Request)));
        expected.sort_by_key(|(step, _)| *step);
        assert_eq!(reasons(&with), expected);
        // It is a state to go on from as any other.
        let saved = checkpoints(&with);
        let ninth = saved.iter().find(|c| c.step == 9).unwrap();
        let (resumed, _) = resumed(&recipe, ninth, &[]);
        assert_eq!(resumed.state_hash, end.state_hash);
    }
}

#[test]
fn a_request_at_a_step_with_a_checkpoint_says_so() {
    let (_, events) = asked(&recipe(), &[6]);
    assert_eq!(reasons(&events), reasons(&run(&recipe()).1));
    let said = events.iter().find_map(|event| match event {
        Event::Warning { step, message } => Some((*step, message.as_str())),
        _ => None,
    });
    let message = "SIGUSR1 asked for a checkpoint: this step has one already";
    assert_eq!(said, Some((6, message)));
}

/// The run goes back from an update that is not finite; the checkpoint that was asked for on the way
/// is neither where it goes, nor does it stand for one of the same step that comes later.
#[test]
fn a_request_does_not_change_where_a_run_goes_back_to() {
    let mut recipe = recipe();
    recipe.data.train = Arc::new(Clouds {
        samples: 44,
        seed: 1,
        poisoned: Some(40),
        ..Clouds::default()
    });
    recipe.on_nan = OnNan::Rollback;
    recipe.checkpoint.every = Some(Cadence::Steps(3));
    let recipe = grouped(recipe, 0.05);
    let (end, events) = run(&recipe);
    let all: Vec<u64> = (1..=18).collect();
    let (other, with) = asked(&recipe, &all);
    assert_eq!(other.state_hash, end.state_hash);
    assert_eq!(other.step, end.step);
    let due = |events: &[Event]| {
        let mut due = reasons(events);
        due.retain(|(_, reason)| *reason != Reason::Request);
        due
    };
    assert_eq!(due(&with), due(&events));
}

/// The checkpoint that a signal caused in an evaluation does not stand for the one that is due
/// after it.
#[test]
fn a_checkpoint_that_is_due_after_an_interrupted_evaluation_is_made() {
    let recipe = recipe();
    let (_, events) = run(&recipe);
    let (_, before) = run_until(&recipe, None, 6);
    let saved = checkpoints(&before);
    assert_eq!(reasons(&before), [(6, Reason::Signal)]);
    let (_, after) = run_until(&recipe, saved.last(), u64::MAX);
    assert_eq!(reasons(&after), reasons(&events));
}
