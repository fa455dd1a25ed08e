//! Schedules: what the learning rate (or momentum, weight decay, …) of every parameter group is at
//! every update of a run.
//!
//! `value(t) = clamp(base · Π_tracks f_track(t))`: a pure function of the update index `t`, with no
//! hidden counters, so that a run resumed at `t` uses the very value that the uninterrupted run used.
//!
//! From text to numbers:
//!
//! * an [`Entry`] is one `[[schedule]]` of the config: the [`Keys`] that all types share, and a
//!   [`Curve`], which is one file in `curves` per type;
//! * entries with the same target, groups and track are the phases of one chain, in file order;
//!   chains on different tracks multiply;
//! * [`Schedules::resolve`] turns spans into step boundaries and finds every fault on the way;
//! * [`Schedules::value`] is what the training loop, `trainer check` and `trainer schedule` call.
//!
//! A further type is one more file in `curves`: its keys as a struct, its [`Curve`], its tests; then a
//! `mod`, a `pub use` and a line in the config's registry.
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//! use trainer::{schedule::{Entry, Group, Keys, Poly, Schedules, Target, Warmup}, units::Clock};
//!
//! let warmup = Keys { r#for: Some("5 epochs".parse()?), ..Keys::default() };
//! let entries = [
//!     Entry::new("warmup", warmup, Arc::new(Warmup {})),
//!     Entry::new("poly", Keys::default(), Arc::new(Poly { power: 2.0, k_decay: 1.0 })),
//! ];
//! let group = Group { name: "default".into(), base: BTreeMap::from([(Target::Lr, 0.1)]), ..Group::default() };
//! let clock = Clock { steps_per_epoch: 10, whole: 1000, steps_per_eval: 10 };
//!
//! let (schedules, faults) = Schedules::resolve(&entries, &clock, &[group]);
//! assert!(faults.is_empty());
//! let schedules = schedules.ok_or("faults")?;
//! assert_eq!(schedules.value(Target::Lr, 0, 0), Some(0.002)); // the first of 50 warmup updates
//! assert_eq!(schedules.value(Target::Lr, 0, 50), Some(0.1)); // poly starts where warmup ended
//! assert_eq!(schedules.value(Target::Lr, 0, 1000), Some(0.0)); // and ends at `to`
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod curves;
mod formula;
mod language;
mod resolve;
#[cfg(test)]
mod tests;

pub use curves::*;
pub use formula::{Expression, ExpressionError};
pub use language::{
    Change, Conventions, Curve, Entry, EntryFault, Every, Factor, FactorKeys, Formula, Frame,
    Group, Include, Keys, Origin, Past, Point, Reaction, Reactions, Repeated, Rule, Scale, Target,
    ThresholdMode, Watch, Watched, above_zero, at_least_zero, partition, period_fault,
};
pub use resolve::{PhaseInfo, Schedules};
#[cfg(test)]
use tests::testing;
