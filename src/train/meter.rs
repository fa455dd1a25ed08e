//! Speed: how long steps, epochs and the run took. Nothing here is part of the state.

use std::time::Instant;

use super::ledger::Ledger;

/// Counts samples against the ledger's training seconds.
#[derive(Debug)]
pub(super) struct Meter {
    begin: Instant,
    epoch_begin: Instant,
    samples: u64,
    epoch_samples: u64,
    /// Training seconds in the ledger when training, the epoch and the step began.
    at_begin: f64,
    at_epoch: f64,
    at_step: f64,
    data_seconds: f64,
}

/// An epoch's speed.
#[derive(Debug, Clone, Copy)]
pub(super) struct EpochTime {
    /// Training samples a second, evaluations and checkpoints excluded.
    pub samples_per_s: f64,
    /// Seconds, everything included.
    pub wall_s: f64,
    /// Seconds since training began in this process.
    pub elapsed_s: f64,
}

impl Meter {
    /// Begins now.
    pub fn new(ledger: &Ledger) -> Self {
        let (now, training) = (Instant::now(), ledger.training());
        Self {
            begin: now,
            epoch_begin: now,
            samples: 0,
            epoch_samples: 0,
            at_begin: training,
            at_epoch: training,
            at_step: training,
            data_seconds: 0.0,
        }
    }

    /// An epoch begins.
    pub fn begin_epoch(&mut self, ledger: &Ledger) {
        self.epoch_begin = Instant::now();
        self.epoch_samples = 0;
        self.at_epoch = ledger.training();
    }

    /// The step under way waited so many seconds for its batches.
    pub fn waited(&mut self, seconds: f64) {
        self.data_seconds += seconds;
    }

    /// A step is over; returns the milliseconds that it took and those it waited for data.
    pub fn step(&mut self, samples: u64, ledger: &Ledger) -> (f64, f64) {
        let training = ledger.training();
        let took = training - std::mem::replace(&mut self.at_step, training);
        self.samples += samples;
        self.epoch_samples += samples;
        (1e3 * took, 1e3 * std::mem::take(&mut self.data_seconds))
    }

    /// The speed of the epoch so far.
    pub fn epoch(&self, ledger: &Ledger) -> EpochTime {
        EpochTime {
            samples_per_s: rate(self.epoch_samples, ledger.training() - self.at_epoch),
            wall_s: self.epoch_begin.elapsed().as_secs_f64(),
            elapsed_s: self.begin.elapsed().as_secs_f64(),
        }
    }

    /// Training samples a second since the beginning, evaluations and checkpoints excluded.
    pub fn samples_per_s(&self, ledger: &Ledger) -> f64 {
        rate(self.samples, ledger.training() - self.at_begin)
    }
}

/// Samples a second; 0 where there were none.
fn rate(samples: u64, seconds: f64) -> f64 {
    if samples == 0 || seconds <= 0.0 {
        return 0.0;
    }
    samples as f64 / seconds
}
