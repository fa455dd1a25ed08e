//! Schedules: what the learning rate (or momentum, weight decay, …) of every parameter group is at
//! every update of a run.
//!
//! `value(t) = clamp(base · Π_tracks f_track(t))`: a pure function of the update index `t`, with no
//! hidden counters, so that a run resumed at `t` uses the very value that the uninterrupted run used.
//!
//! From text to numbers:
//!
//! * an [`Entry`] is one `[[schedule]]` of the config: the [`Keys`] that all types share, and a
//!   [`Curve`], which is one file here per type;
//! * entries with the same target, groups and track are the phases of one chain, in file order;
//!   chains on different tracks multiply;
//! * [`Schedules::resolve`] turns spans into step boundaries and finds every fault on the way;
//! * [`Schedules::value`] is what the training loop, `trainer check` and `trainer schedule` call.
//!
//! A further type is one more file: its keys as a struct, its [`Curve`], its tests; then a `mod`, a
//! `pub use` and a line in the config's registry.
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

mod axis;
mod chain;
mod curve;
mod cycles;
mod entry;
mod expression;
mod grammar;
mod group;
mod inspect;
mod keys;
mod limits;
mod numbers;
mod phase;
mod plan;
mod reaction;
mod slot;
mod target;
mod value;

mod constant;
mod cosine;
mod cosine_restarts;
mod cyclic;
mod exponential;
mod expr;
mod follow;
mod geometric;
mod greedy;
mod inverse_sqrt;
mod inverse_time;
mod linear;
mod multistep;
mod noam;
mod one_cycle;
mod plateau;
mod poly;
mod power;
mod repeat;
mod rex;
mod sqrt_decay;
mod square_decay;
mod step;
mod table;
mod tanh;
mod warmup;

pub use axis::{Every, Include, Past};
pub use curve::{
    Conventions, Curve, Formula, Frame, Point, Repeated, Scale, above_zero, at_least_zero,
    period_fault,
};
pub use entry::{Entry, EntryFault, Factor};
pub use expression::{Expression, ExpressionError};
pub use group::{Group, partition};
pub use keys::{FactorKeys, Keys, Origin};
pub use plan::{PhaseInfo, Schedules};
pub use reaction::{Change, Reaction, Reactions, Rule, ThresholdMode, Watch, Watched};
pub use target::Target;

pub use constant::Constant;
pub use cosine::Cosine;
pub use cosine_restarts::{CosineRestarts, Shrink};
pub use cyclic::{Cyclic, Mode};
pub use exponential::Exponential;
pub use expr::Expr;
pub use follow::Follow;
pub use geometric::Geometric;
pub use greedy::Greedy;
pub use inverse_sqrt::InverseSqrt;
pub use inverse_time::InverseTime;
pub use linear::Linear;
pub use multistep::Multistep;
pub use noam::Noam;
pub use one_cycle::{OneCycle, Shape};
pub use plateau::{Compat, Plateau};
pub use poly::Poly;
pub use power::Power;
pub use repeat::Repeat;
pub use rex::Rex;
pub use sqrt_decay::SqrtDecay;
pub use square_decay::SquareDecay;
pub use step::Step;
pub use table::{Interp, Table};
pub use tanh::Tanh;
pub use warmup::Warmup;

#[cfg(test)]
mod dice;
#[cfg(test)]
mod expression_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod short_tests;
#[cfg(test)]
mod testing;
