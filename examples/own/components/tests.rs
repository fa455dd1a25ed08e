//! The config of this crate trains.

use trainer::prelude::*;

use super::extensions;

#[test]
fn the_config_trains_a_model_that_tells_the_rings_apart() {
    let plan = Plan::parse(include_str!("../../own.toml"), &extensions());
    let mut run = Run::new(&plan.unwrap()).unwrap();
    let ending = run.train(&mut Vec::new(), &StopFlag::new()).unwrap();
    assert!(ending.metrics["val/accuracy"] > 0.9, "{:?}", ending.metrics);
}
