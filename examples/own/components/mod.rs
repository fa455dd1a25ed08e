//! One component of each kind. A config names it by the name that it is registered under; checks,
//! `explain`, runs, resume and reproduction treat it as they treat a built-in one.

mod dataset;
mod loss;
mod metric;
mod model;
mod optimizer;
mod schedule;
#[cfg(test)]
mod tests;

use trainer::prelude::*;

/// The built-in components and these.
pub fn extensions() -> Extensions {
    Extensions::new()
        .dataset::<dataset::Rings>("rings")
        .model::<model::Bumps>("bumps")
        .loss::<loss::Hinge>("hinge")
        .metric("margin", metric::Margin)
        .optimizer::<optimizer::SignSgd>("sign_sgd")
        .schedule::<schedule::Stairs>("stairs")
}
