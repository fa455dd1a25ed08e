//! Laws that hold for every component, and what concerns several files.

mod contract;
mod fixed_point;
mod foreign;
mod freezing;
mod start;

use super::recipe;
