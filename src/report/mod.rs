//! Runs as text for people and data for machines: tables, terminal curves, filters.
//!
//! Everything here is a function from what was read back ([`RunView`](crate::run::RunView)) to text;
//! nothing prints, and nothing names the training side.

mod absent;
mod chart;
mod classes;
mod confusion;
mod curves;
mod detail;
mod differing;
mod field;
mod filter;
mod fold;
mod ink;
mod ledger;
mod line;
mod list;
mod number;
pub mod plot;
mod record;
#[cfg(test)]
mod sample;
mod series;
mod sort;
mod table;
mod trace;

pub use crate::printable::{sanitize, sanitize_json};
pub use absent::{absent, why_absent};
pub use chart::{Chart, Scale};
pub use classes::{class_counts, split_sizes};
pub use confusion::{ClassScore, class_scores, classes_text, confusion_object};
pub use detail::{object as run_object, text as run_text};
pub use field::Field;
pub use filter::{Filter, FilterError};
pub use fold::{fitted, folded};
pub use ink::{Ink, Palette};
pub use ledger::{percent, shares};
pub use line::{EpochLines, ending_line, step_line, tested_state};
pub use list::{
    UnknownKey, known_key, objects as list_objects, require_key, rows as list_rows,
    text as list_text,
};
pub use number::{bytes, duration, exact, short};
pub use record::{Record, keys_of};
pub use series::{By, Point, Series, SeriesError};
pub use sort::{sort, sort_key};
pub use table::{Align, Cell, Table};
pub use trace::{EpochRange, EpochRangeError, Level, TraceFilter, TraceLine};
