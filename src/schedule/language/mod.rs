//! What a schedule is in a config: entries with keys and a curve, and what these words mean.
//!
//! A [`Curve`] is a pure function from a [`Point`] to a factor; [`Keys`] say where it runs, from which
//! value to which, and on which [`Target`] and [`Group`]s. Nothing here knows of a whole run's
//! schedules: that is for `resolve`.

mod axis;
mod checks;
mod curve;
pub mod cycles;
mod entry;
mod frame;
mod group;
mod keys;
mod limits;
mod point;
pub mod reaction;
mod target;

pub(crate) use axis::{Axis, names_only};
pub use axis::{Every, Include, Past};
pub use checks::{above_zero, at_least_zero, period_fault};
pub(crate) use checks::{finite, span_fault};
pub use curve::{Conventions, Curve, Formula, Repeated};
pub use entry::{Entry, EntryFault, Factor};
pub(crate) use entry::{inside, within};
pub use frame::Frame;
pub(crate) use frame::{steps, whole_periods, without_dust};
pub(crate) use group::Selector;
pub use group::{Group, partition};
pub use keys::{FactorKeys, Keys, Origin};
pub(crate) use limits::Limits;
pub use point::{Point, Scale};
pub use reaction::{Change, Reaction, Reactions, Rule, ThresholdMode, Watch, Watched};
pub use target::Target;
