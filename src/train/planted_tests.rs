//! Tests of the tests of resuming: every mistake that a restore can make, made on purpose after one
//! that was right, and the comparison that must find it. A comparison that misses one would miss the
//! same mistake in the program.

use std::sync::Arc;

use candle_core::DType;

use super::order::Order;
use super::precision::Scale;
use super::scheduled_tests::scheduled;
use super::testing::*;
use super::*;
use crate::array::Dtype;
use crate::config::OnNan;
use crate::direction::Direction;
use crate::event::{Checkpoint, Event, Sink, SinkError};
use crate::kernel::Param;
use crate::model::Mlp;
use crate::schedule::{Entry, Keys, Plateau, Reactions, Target, ThresholdMode};
use crate::units::Span;

/// A mistake: its name, and what it does to a session that was restored.
type Mistake = (&'static str, fn(&mut Session));

/// Mistakes, and the recipe that they would hurt.
type Hurt = (fn() -> Recipe, &'static [Mistake]);

const MISTAKES: [Hurt; 6] = [
    (
        rich,
        &[
            ("the step is one too high", |s| s.progress.step += 1),
            ("the step is one too low", |s| s.progress.step -= 1),
            ("the step begins at 0", |s| s.progress.step = 0),
            ("a batch is trained twice", |s| s.progress.batch -= 1),
            ("a batch is left out", |s| s.progress.batch += 1),
            ("the epoch begins again", |s| s.progress.batch = 0),
            ("the epoch is one too high", |s| s.progress.epoch += 1),
            ("the epoch's first step is lost", |s| {
                s.progress.epoch_start = 0
            }),
            ("the loss of the epoch is lost", |s| {
                s.progress.loss_sum = 0.0
            }),
            ("the weight of the loss is lost", |s| {
                s.progress.weight_sum = 0.0
            }),
            ("the order of samples is lost", |s| s.order = Order::new()),
            ("the metrics are lost", |s| s.progress.metrics.clear()),
            ("the last evaluation is lost", |s| s.progress.evaluated = 0),
            ("a parameter is lost", |s| zero(&s.state.params[0])),
            ("the last parameter is lost", |s| {
                zero(s.state.params.last().unwrap())
            }),
            ("running statistics are lost", |s| {
                s.state.buffers.iter().for_each(zero)
            }),
            ("averages begin at the parameters", forget),
            ("averages are lost", |s| s.state.averages = None),
            ("moments are lost", |s| spoil(s, |_| true, |_| 0)),
            ("one moment is lost", |s| spoil(s, |i| i == 0, |_| 0)),
            ("a bit of a moment is lost", |s| {
                spoil(s, |i| i == 1, |b| b ^ 64)
            }),
        ],
    ),
    (
        stopping,
        &[
            ("the best value is lost", |s| s.progress.best = None),
            ("an update is settled twice", |s| s.progress.settled = false),
            ("patience begins again", |s| s.progress.patience.bad = 0),
            ("patience forgets its best", |s| {
                s.progress.patience.best = None
            }),
        ],
    ),
    (
        poisoned,
        &[("skipped updates are forgotten", |s| s.progress.skipped = 0)],
    ),
    (
        rolling,
        &[
            ("rollbacks are forgotten", |s| s.progress.rollbacks = 0),
            ("the state to go back to is lost", |s| s.back = None),
        ],
    ),
    (
        half,
        &[("the loss scale begins again", |s| {
            s.progress.scale = Scale::of(DType::F16)
        })],
    ),
    (
        flat,
        &[("a plateau is forgotten", |s| {
            s.recipe.schedules.restore(&Reactions::new())
        })],
    ),
];

/// A place to go on from, and what was told before it.
struct Point {
    checkpoint: Checkpoint,
    before: Vec<String>,
}

/// The checkpoints of a run, and that of a stop after each update or warning.
fn points(recipe: &Recipe) -> (Vec<Event>, Vec<Point>) {
    let (_, whole) = run(recipe);
    let mut points = Vec::new();
    let mut keep = |events: &[Event]| {
        if let Some(Event::Checkpoint(checkpoint)) = events.last() {
            points.push(Point {
                checkpoint: (**checkpoint).clone(),
                before: timeless(events),
            });
        }
    };
    (1..whole.len() - 2).for_each(|end| keep(&whole[..end]));
    for left in 1..recipe.total_steps {
        let mut sink = Impatient {
            left,
            ..Impatient::default()
        };
        let stop = sink.stop.clone();
        let mut session = Session::new(recipe.clone()).unwrap();
        session.run(&mut sink, &stop).unwrap();
        sink.events.pop();
        keep(&sink.events);
    }
    (whole, points)
}

/// The states of a run's checkpoints after an update, and of its end.
fn states(events: &[Event], after: u64) -> Vec<String> {
    let state = |event: &Event| match event {
        Event::Checkpoint(checkpoint) if checkpoint.step > after => Some(format!(
            "{} {} {:?}",
            checkpoint.step, checkpoint.state_hash, checkpoint.reason
        )),
        Event::End(ending) => Some(format!("{:?} {}", ending.status, ending.state_hash)),
        _ => None,
    };
    events.iter().filter_map(state).collect()
}

/// Returns whether a run that goes on from `point`, after `mistake`, is another than `whole`.
fn differs(recipe: &Recipe, whole: &[Event], point: &Point, mistake: fn(&mut Session)) -> bool {
    let mut session = Session::new(recipe.clone()).unwrap();
    session.restore(&point.checkpoint).unwrap();
    mistake(&mut session);
    let mut events = Vec::new();
    let ended = session.run(&mut events, &StopFlag::new());
    let lines = [point.before.clone(), timeless(&events)].concat();
    let step = point.checkpoint.step;
    ended.is_err() || lines != timeless(whole) || states(&events, step) != states(whole, step)
}

/// Raises its flag after so many updates and warnings.
#[derive(Default)]
struct Impatient {
    left: u64,
    stop: StopFlag,
    events: Vec<Event>,
}

impl Sink for Impatient {
    fn event(&mut self, event: &Event) -> Result<(), SinkError> {
        if matches!(event, Event::Step(_) | Event::Warning { .. }) {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.stop.raise(15);
            }
        }
        self.events.push(event.clone());
        Ok(())
    }
}

#[test]
fn every_mistake_of_a_restore_is_found_and_a_right_one_is_not() {
    for (recipe, mistakes) in MISTAKES {
        let recipe = recipe();
        let (whole, points) = points(&recipe);
        for point in &points {
            let step = point.checkpoint.step;
            assert!(!differs(&recipe, &whole, point, |_| ()), "right, at {step}");
        }
        for (name, mistake) in mistakes {
            let found = |point| differs(&recipe, &whole, point, *mistake);
            assert!(points.iter().any(found), "not found: {name}");
        }
    }
}

/// Dropout, running statistics, averages, accumulation that ends in the middle of an epoch's last
/// update, and a best value.
fn rich() -> Recipe {
    let mut recipe = recipe();
    recipe.model = Arc::new(Net {
        dropout: true,
        norm: true,
        ..Net::default()
    });
    recipe.ema = Some(0.9);
    recipe.grad_accumulation = 4;
    recipe.steps_per_epoch = 2;
    recipe.total_steps = 6;
    often(recipe)
}

/// Evaluations within epochs, early stopping and a best value, both of a metric that gets worse.
fn stopping() -> Recipe {
    let mut recipe = recipe();
    recipe.eval_every = Some(Cadence::Steps(2));
    let metric = || "val/loss".to_owned();
    recipe.early_stop = Some(EarlyStop {
        metric: metric(),
        mode: Direction::Max,
        patience: 3,
        min_delta: 0.0,
    });
    recipe.checkpoint.best = Some(BestPolicy {
        metric: metric(),
        mode: Direction::Max,
    });
    often(recipe)
}

/// No update can be applied; each is left out, until there were too many.
fn poisoned() -> Recipe {
    let mut recipe = recipe();
    recipe.clip_norm = Some(1.0);
    recipe.data.train = Arc::new(Clouds {
        samples: 44,
        poisoned: Some(40),
        ..Clouds::default()
    });
    recipe.loader.batch_size = 44;
    recipe.steps_per_epoch = 1;
    recipe.on_nan = OnNan::Skip;
    often(recipe)
}

/// One sample that is not finite in each epoch, from which the run goes back.
fn rolling() -> Recipe {
    let mut recipe = recipe();
    recipe.data.train = Arc::new(Clouds {
        samples: 44,
        seed: 1,
        poisoned: Some(40),
        ..Clouds::default()
    });
    recipe.on_nan = OnNan::Rollback;
    often(recipe)
}

/// Half precision, with its loss scale.
fn half() -> Recipe {
    let mut recipe = digits(Arc::new(Mlp {
        hidden: vec![4],
        ..Mlp::default()
    }));
    recipe.precision = DType::F16;
    often(recipe)
}

/// A schedule that follows a metric.
fn flat() -> Recipe {
    let plateau = Plateau {
        patience: Span::Evals(1),
        factor: 0.5,
        threshold: 100.0,
        threshold_mode: ThresholdMode::Abs,
        ..serde_json::from_str("{}").unwrap()
    };
    let entry = Entry::new("plateau", Keys::default(), Arc::new(plateau));
    let mut recipe = scheduled(recipe(), &[entry], &[(Target::Lr, 0.05)]);
    recipe.checkpoint.every = Some(Cadence::Steps(1));
    recipe
}

/// A checkpoint after each update.
fn often(mut recipe: Recipe) -> Recipe {
    recipe.checkpoint.every = Some(Cadence::Steps(1));
    grouped(recipe, 0.05)
}

fn zero(param: &Param) {
    param.var().zero_set().unwrap();
}

/// Averages that begin where the parameters are.
fn forget(session: &mut Session) {
    let state = &session.state;
    let averages = state.averages.iter().flat_map(|averages| &averages.params);
    for (average, param) in averages.zip(state.params.iter().chain(&state.buffers)) {
        average.var().set(param.tensor()).unwrap();
    }
}

/// Changes the bytes of those of the optimizer's moments that `which` names.
fn spoil(session: &mut Session, which: fn(usize) -> bool, byte: fn(u8) -> u8) {
    let mut arrays = session.state.optimizer.state().unwrap();
    let moments = arrays.iter_mut().filter(|array| array.dtype == Dtype::F32);
    for (_, moment) in moments.enumerate().filter(|(index, _)| which(*index)) {
        moment.bytes.iter_mut().for_each(|b| *b = byte(*b));
    }
    session.state.optimizer.restore(&arrays).unwrap();
}
