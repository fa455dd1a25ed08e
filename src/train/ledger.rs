//! Where the seconds go: every moment of a run is charged to exactly one activity.

use std::collections::BTreeMap;
use std::time::Instant;

/// A clock that is read once at the end of each activity (about 25 ns), so that the ledger's sum
/// is the wall time. On a GPU an activity waits for results only where it reads them, and is
/// charged there.
#[derive(Debug)]
pub struct Ledger {
    seconds: [f64; Activity::ALL.len()],
    last: Instant,
}

/// What a run spends time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Waiting for batches and moving them to the device.
    Data,
    /// The model's output.
    Forward,
    /// The loss, read back where it is.
    Loss,
    /// Gradients: computing, adding, measuring and clipping them.
    Backward,
    /// The update of the parameters and their averages.
    Optimizer,
    /// Evaluations.
    Evaluation,
    /// Copying, hashing and handing over the state.
    Checkpoint,
    /// Handing over events, and what little else the loop does.
    Logging,
}

impl Activity {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 8] = [
        Self::Data,
        Self::Forward,
        Self::Loss,
        Self::Backward,
        Self::Optimizer,
        Self::Evaluation,
        Self::Checkpoint,
        Self::Logging,
    ];

    /// Its name in summaries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Forward => "forward",
            Self::Loss => "loss",
            Self::Backward => "backward",
            Self::Optimizer => "optimizer",
            Self::Evaluation => "evaluation",
            Self::Checkpoint => "checkpoint",
            Self::Logging => "logging",
        }
    }
}

impl Ledger {
    /// An empty ledger; its clock starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            seconds: [0.0; Activity::ALL.len()],
            last: Instant::now(),
        }
    }

    /// Starts the clock anew, charging the time since the last reading to nothing.
    pub fn restart(&mut self) {
        self.last = Instant::now();
    }

    /// Charges the time since the last reading to `activity` and returns it in seconds.
    pub fn charge(&mut self, activity: Activity) -> f64 {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        self.seconds[activity as usize] += seconds;
        seconds
    }

    /// Seconds charged so far to an activity.
    #[must_use]
    pub fn seconds(&self, activity: Activity) -> f64 {
        self.seconds[activity as usize]
    }

    /// Seconds charged so far to training itself: everything but evaluations and checkpoints.
    #[must_use]
    pub fn training(&self) -> f64 {
        self.seconds.iter().sum::<f64>()
            - self.seconds(Activity::Evaluation)
            - self.seconds(Activity::Checkpoint)
    }

    /// Seconds by activity.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<String, f64> {
        let pairs = Activity::ALL.iter();
        pairs
            .map(|a| (a.name().to_owned(), self.seconds(*a)))
            .collect()
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_is_charged_once() {
        let begin = Instant::now();
        let mut ledger = Ledger::new();
        let mut sum = 0.0;
        for activity in Activity::ALL {
            std::hint::black_box((0..10_000).sum::<u64>());
            sum += ledger.charge(activity);
        }
        let wall = begin.elapsed().as_secs_f64();
        let total = ledger.by_name().values().sum::<f64>();
        assert!((total - sum).abs() < 1e-12 && total <= wall);
        let apart = ledger.seconds(Activity::Evaluation) + ledger.seconds(Activity::Checkpoint);
        assert!((ledger.training() + apart - total).abs() < 1e-12);
        assert_eq!(ledger.by_name().len(), 8);
    }
}
