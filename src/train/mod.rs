//! Training: a [`Recipe`] becomes a [`Session`], and [`Session::run`] is the loop.
//!
//! A session emits [`Event`](crate::event::Event)s and knows neither files nor terminals. For each
//! epoch and each update it fetches the batches, computes loss and gradients, clips, steps by the
//! schedules' values at t = updates done, and then does what is due: an evaluation, the epoch's
//! row, a checkpoint, the end.
//!
//! What holds here:
//!
//! * A run that was stopped anywhere and resumed goes through the same bits as one that was not:
//!   [`Session::checkpoint`] copies everything that the next update depends on, and nothing about
//!   time.
//! * One step is one *applied* update. An update that is left out because it was not finite moves
//!   neither `step` nor the schedules; the data go on.
//! * Several batches accumulated make one update, with the gradient of the mean over all their
//!   samples: as one big batch would.
//! * What is kept (parameters, gradients, optimizer state, averages) is f32 whatever the precision
//!   that layers compute in. An f16 run's loss scale is part of the state.
//! * Loops over parameters follow their sorted names; sums are in f64 and in a fixed order.

mod after_update;
mod array;
mod averages;
mod batch;
mod bench;
mod check;
mod checkpoint;
mod error;
mod evaluate;
mod ledger;
mod meter;
mod order;
mod precision;
mod predict;
mod progress;
mod prove;
mod recipe;
mod recover;
mod request;
mod rows;
mod session;
mod snapshot;
mod state;
mod stop;
mod update;

pub use bench::{Bench, BenchKeys};
pub use error::{RestoreError, TrainError};
pub use evaluate::{MOST_CLASSES, Measured, Split};
pub use ledger::{Activity, Ledger};
pub use prove::Probed;
pub use recipe::{BestPolicy, Cadence, Changed, CheckpointPolicy, EarlyStop, Recipe};
pub use session::Session;
pub use stop::{Orderly, StopFlag};

#[cfg(test)]
mod candle_tests;
#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod evaluate_tests;
#[cfg(test)]
mod planted_tests;
#[cfg(test)]
mod precision_reference;
#[cfg(test)]
mod precision_tests;
#[cfg(test)]
mod recovery_tests;
#[cfg(test)]
mod resume_tests;
#[cfg(test)]
mod scheduled_tests;
#[cfg(test)]
mod stopping_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod token_tests;
#[cfg(test)]
mod update_tests;
