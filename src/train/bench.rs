//! Timing of updates: the loop of a run without its evaluations, epoch rows and checkpoints.
//!
//! Every update is the session's own. Where the run would be complete, it begins again at its first
//! update with the weights that it has, so that any number of updates can be measured.

use std::sync::Arc;

use super::after_update::stopped;
use super::batch::OnDevice;
use super::error::{TrainError, compute};
use super::ledger::{Activity, Ledger};
use super::meter::Meter;
use super::order::Order;
use super::progress::Progress;
use super::session::Session;
use super::stop::StopFlag;
use super::update::Outcome;
use crate::event::{Event, Sink, SinkError, Status};

/// What to measure, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BenchKeys {
    /// Updates before the clock starts.
    pub warmup: u64,
    /// Updates to measure.
    pub steps: u64,
    /// Seconds after which measuring ends, and before it the warm-up, however few the updates are;
    /// one is always measured.
    pub seconds: f64,
    /// Batches to take into memory first and use in turn, instead of loading as a run does.
    pub batches: Option<usize>,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Bench {
    /// Milliseconds of each update, everything included.
    pub step_ms: Vec<f64>,
    /// Samples of all of them.
    pub samples: u64,
    /// Seconds of all of them by activity. Their sum is that of `step_ms`.
    pub seconds: [f64; Activity::ALL.len()],
    /// Why it ended early, where it diverged or a signal asked it to.
    pub ended: Option<Status>,
}

impl Session {
    /// Applies updates as [`run`](Self::run) does and measures them. The session is of no use for a
    /// run afterwards.
    ///
    /// On a GPU it waits for each update's results, so that its time is that of the work.
    ///
    /// # Errors
    /// Where a computation or the data fail.
    pub fn bench(&mut self, keys: &BenchKeys, stop: &StopFlag) -> Result<Bench, TrainError> {
        let held = self.hold(keys.batches.unwrap_or(0), stop)?;
        self.ledger.restart();
        self.meter = Meter::new(&self.ledger);
        let mut clock = Clock::new(keys, &self.ledger);
        let ended = self.time(&held, &mut clock, stop)?;
        Ok(Bench {
            ended,
            ..clock.bench
        })
    }

    /// The first batches of the run, in the groups that make an update.
    fn hold(&self, batches: usize, stop: &StopFlag) -> Result<Vec<Vec<OnDevice>>, TrainError> {
        let most = self.recipe.grad_accumulation.max(1);
        let all = (0..).flat_map(|epoch| self.loader.epoch(epoch, 0));
        let mut held: Vec<Vec<OnDevice>> = Vec::new();
        for batch in all.take(batches) {
            if stop.raised().is_some() {
                break;
            }
            let batch = OnDevice::new(batch?, &self.recipe)?;
            match held.last_mut() {
                Some(group) if group.len() < most => group.push(batch),
                _ => held.push(vec![batch]),
            }
        }
        Ok(held)
    }

    /// The loop; returns why it ended early, if it did.
    fn time(
        &mut self,
        held: &[Vec<OnDevice>],
        clock: &mut Clock,
        stop: &StopFlag,
    ) -> Result<Option<Status>, TrainError> {
        let loader = Arc::clone(&self.loader);
        let mut turn = held.iter().cycle();
        loop {
            self.begin_epoch(&mut Nobody)?;
            let (epoch, done) = (self.progress.epoch as u32, self.progress.batch as usize);
            let mut rest = held.is_empty().then(|| loader.epoch(epoch, done));
            while !self.epoch_ended() && self.progress.step < self.recipe.total_steps {
                let fetched;
                let batches = match &mut rest {
                    None => turn.next().map_or(&[][..], Vec::as_slice),
                    Some(rest) => match self.fetch(rest, stop)? {
                        Some(batches) => {
                            fetched = batches;
                            fetched.as_slice()
                        }
                        None => break,
                    },
                };
                if let Some(status) = self.timed(batches, clock, stop)? {
                    return Ok(Some(status));
                }
                if clock.is_done() {
                    return Ok(None);
                }
            }
            self.read_unread()?;
            self.again();
        }
    }

    /// One update on the clock; returns how a run would end with it, where it would not go on.
    fn timed(
        &mut self,
        batches: &[OnDevice],
        clock: &mut Clock,
        stop: &StopFlag,
    ) -> Result<Option<Status>, TrainError> {
        let watched = self.watched(batches.len());
        match self.update(batches, watched, stop)? {
            Outcome::Applied(numbers) => {
                if self.deferred {
                    let waited = self.recipe.device.synchronize();
                    waited.map_err(compute("the update"))?;
                    self.ledger.charge(Activity::Optimizer);
                }
                self.applied(batches, numbers, &mut Nobody)?;
                let samples = batches.iter().map(|batch| batch.ids.len() as u64).sum();
                clock.step(samples, &self.ledger);
            }
            Outcome::NotFinite(numbers) => {
                if let Some(status) = self.recover(batches, numbers, &mut Nobody)? {
                    return Ok(Some(status));
                }
            }
            Outcome::Interrupted => {}
        }
        Ok(stopped(stop))
    }

    /// Opens the next epoch, or the first one where the run is complete.
    fn again(&mut self) {
        if self.progress.step < self.recipe.total_steps {
            self.progress.next_epoch();
        } else {
            self.progress = Progress {
                scale: self.progress.scale.clone(),
                ..Progress::new()
            };
        }
        self.order = Order::new();
    }
}

/// Takes the time of updates out of the ledger.
struct Clock {
    keys: BenchKeys,
    bench: Bench,
    /// The ledger when the last update ended.
    last: [f64; Activity::ALL.len()],
    /// Updates of the warm-up, and their seconds.
    warm: (u64, f64),
}

impl Clock {
    fn new(keys: &BenchKeys, ledger: &Ledger) -> Self {
        let bench = Bench {
            step_ms: Vec::new(),
            samples: 0,
            seconds: Default::default(),
            ended: None,
        };
        Self {
            keys: *keys,
            bench,
            last: Activity::ALL.map(|activity| ledger.seconds(activity)),
            warm: (0, 0.0),
        }
    }

    /// An update of so many samples ended.
    fn step(&mut self, samples: u64, ledger: &Ledger) {
        let now = Activity::ALL.map(|activity| ledger.seconds(activity));
        let before = std::mem::replace(&mut self.last, now);
        let took = now.iter().sum::<f64>() - before.iter().sum::<f64>();
        let (steps, seconds) = self.warm;
        if steps < self.keys.warmup && seconds < self.keys.seconds {
            self.warm = (steps + 1, seconds + took);
            return;
        }
        self.bench.step_ms.push(1e3 * took);
        self.bench.samples += samples;
        for (i, seconds) in self.bench.seconds.iter_mut().enumerate() {
            *seconds += now[i] - before[i];
        }
    }

    fn is_done(&self) -> bool {
        let steps = self.bench.step_ms.len() as u64;
        let spent = self.bench.seconds.iter().sum::<f64>();
        steps >= self.keys.steps.max(1) || (steps > 0 && spent >= self.keys.seconds)
    }
}

/// Hears nothing: what is measured is kept elsewhere.
struct Nobody;

impl Sink for Nobody {
    fn event(&mut self, _event: &Event) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Clouds, recipe};
    use super::*;

    const KEYS: BenchKeys = BenchKeys {
        warmup: 3,
        steps: 20,
        seconds: 1e9,
        batches: None,
    };

    fn bench(session: &mut Session, keys: &BenchKeys) -> Bench {
        session.bench(keys, &StopFlag::new()).unwrap()
    }

    #[test]
    fn as_many_updates_as_were_asked_for_even_beyond_the_run() {
        let mut recipe = recipe();
        recipe.total_steps = 7;
        let mut session = Session::new(recipe).unwrap();
        let found = bench(&mut session, &KEYS);
        assert_eq!((found.step_ms.len(), found.ended), (20, None));
        // 23 updates are three runs of 7 and two of a fourth.
        assert_eq!(session.step(), 2);
    }

    #[test]
    fn the_parts_are_the_whole() {
        let mut session = Session::new(recipe()).unwrap();
        let found = bench(&mut session, &KEYS);
        let sum = found.seconds.iter().sum::<f64>();
        assert!((1e3 * sum - found.step_ms.iter().sum::<f64>()).abs() < 1e-6);
        let of = |activity: Activity| found.seconds[activity as usize];
        assert!(of(Activity::Forward) > 0.0 && of(Activity::Backward) > 0.0);
        assert_eq!(of(Activity::Evaluation) + of(Activity::Checkpoint), 0.0);
    }

    #[test]
    fn its_updates_are_those_of_a_run() {
        let mut recipe = recipe();
        recipe.total_steps = 11;
        let [mut measured, mut ran] = [0, 1].map(|_| Session::new(recipe.clone()).unwrap());
        let keys = BenchKeys { steps: 8, ..KEYS };
        bench(&mut measured, &keys);
        ran.run(&mut Nobody, &StopFlag::new()).unwrap();
        assert_eq!((measured.step(), ran.step()), (11, 11));
        let arrays = |session: &mut Session| session.snapshot().unwrap().model;
        assert_eq!(arrays(&mut measured), arrays(&mut ran));
    }

    #[test]
    fn held_batches_take_turns_and_need_no_waiting() {
        let mut recipe = recipe();
        (recipe.grad_accumulation, recipe.steps_per_epoch) = (2, 3);
        let session = Session::new(recipe.clone()).unwrap();
        let held = session.hold(5, &StopFlag::new()).unwrap();
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        let mut session = Session::new(recipe).unwrap();
        let keys = BenchKeys {
            batches: Some(5),
            ..KEYS
        };
        let found = bench(&mut session, &keys);
        assert_eq!(found.seconds[Activity::Data as usize], 0.0);
        assert_eq!(found.step_ms.len(), 20);
    }

    #[test]
    fn the_clock_ends_it_but_one_update_is_always_measured() {
        let mut session = Session::new(recipe()).unwrap();
        let keys = BenchKeys {
            seconds: 0.0,
            ..KEYS
        };
        assert_eq!(bench(&mut session, &keys).step_ms.len(), 1);
        assert_eq!(session.step(), 1);
    }

    #[test]
    fn a_signal_ends_it() {
        let stop = StopFlag::new();
        stop.raise(2);
        let mut session = Session::new(recipe()).unwrap();
        let found = session.bench(&KEYS, &stop).unwrap();
        let signal = Some(2);
        assert!(matches!(found.ended, Some(Status::Stopped { signal: s, .. }) if s == signal));
        assert!(found.step_ms.is_empty());
    }

    #[test]
    fn so_does_a_loss_that_is_not_finite() {
        let mut recipe = recipe();
        recipe.data.train = Arc::new(Clouds {
            samples: 44,
            poisoned: Some(40),
            ..Clouds::default()
        });
        let mut session = Session::new(recipe).unwrap();
        let found = bench(&mut session, &KEYS);
        assert!(matches!(found.ended, Some(Status::Diverged { .. })));
    }
}
