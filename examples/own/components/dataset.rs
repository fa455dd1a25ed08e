//! A dataset: samples, and what is to be predicted for each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainer::prelude::*;

/// Points near two rings around the origin; the ring is to be told.
//  This comment and those of the keys are what `explain` and the checks tell.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rings {
    /// Number of points. Default 600.
    #[serde(default = "six_hundred")]
    #[schemars(range(min = 10))]
    samples: usize,
    /// Standard deviation of a point's distance from its ring. Default 0.1.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0))]
    noise: f64,
}

fn six_hundred() -> usize {
    600
}

fn tenth() -> f64 {
    0.1
}

impl DatasetSpec for Rings {
    /// A pure function of keys, seed and files, so that a run can be repeated.
    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let (mut angles, mut noise) = (vec![0.0; self.samples], vec![0.0; self.samples]);
        let turn = f64::from(std::f32::consts::TAU);
        Stream::new(seed, Purpose::Sample, "angle").fill_uniform(&mut angles, 0.0, turn);
        Stream::new(seed, Purpose::Sample, "noise").fill_normal(&mut noise, 0.0, self.noise);
        let ring = |i: usize| (i % 2) as u32;
        let points = angles.iter().zip(&noise).enumerate();
        let inputs = points.flat_map(|(i, (angle, noise))| {
            let radius = 1.0 + ring(i) as f32 + noise;
            [radius * angle.cos(), radius * angle.sin()]
        });
        let samples = InMemory {
            fields: vec![(
                Field::numbers("point", &[2]),
                Values::Numbers(inputs.collect()),
            )],
            task: Task::classes(vec!["inner".into(), "outer".into()]),
            targets: Targets::Classes((0..self.samples).map(ring).collect()),
        };
        samples.split(keys, seed)
    }
}
