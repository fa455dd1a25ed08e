//! Promises of training, tried on small models and data.

mod candle;
mod ending;
mod evaluate;
mod planted;
mod precision;
mod precision_reference;
mod recovery;
mod resume;
mod scheduled;
mod stopping;
pub(super) mod testing;
mod token;
mod update;

use super::*;
