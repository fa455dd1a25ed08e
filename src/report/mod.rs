//! Runs as text for people and data for machines: tables, terminal curves, filters.
//!
//! Everything here is a function from what was read back ([`RunView`](crate::run::RunView)) to text;
//! nothing prints, and nothing names the training side.

mod chart;
mod ink;
mod number;
mod table;
mod text;

pub use chart::{Chart, Scale};
pub use ink::{Ink, Palette};
pub use number::{bytes, duration, exact, short};
pub use table::{Align, Cell, Table};
pub use text::{sanitize, sanitize_json};
