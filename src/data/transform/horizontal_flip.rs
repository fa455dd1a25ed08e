//! `horizontal_flip`: mirrors an image left to right, now and then.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Draw, Training, Transform, TransformSpec, random_crop::not_an_image};
use crate::{data::DataError, error::KeyFault};

/// Mirrors an image left to right at random, in training only. `p` is the probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HorizontalFlip {
    /// Probability of it. Default 0.5. Between 0 and 1.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
}

fn half() -> f64 {
    0.5
}

impl TransformSpec for HorizontalFlip {
    fn output(&self, input: &[usize]) -> Result<Vec<usize>, KeyFault> {
        match input {
            [_, _, _] => Ok(input.to_vec()),
            _ => Err(not_an_image("horizontal_flip", input)),
        }
    }

    fn fit(&self, training: &Training<'_>) -> Result<Box<dyn Transform>, DataError> {
        let width = training.shape()[2];
        Ok(Box::new(Flip { p: self.p, width }))
    }
}

struct Flip {
    p: f64,
    width: usize,
}

impl Transform for Flip {
    fn apply(&self, from: &[f32], to: &mut [f32], draw: Option<&Draw<'_>>) {
        to.copy_from_slice(from);
        if draw.is_some_and(|draw| f64::from(draw.uniform(0)) < self.p) {
            to.chunks_exact_mut(self.width).for_each(<[f32]>::reverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_rows_as_often_as_it_should_and_never_in_evaluation() {
        let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let stream = Draw::stream(0, 1, "horizontal_flip");
        let flipped = |p, sample: Option<u32>| {
            let mut to = [f32::NAN; 6];
            let draw = sample.map(|sample| Draw::new(&stream, 0, sample));
            Flip { p, width: 3 }.apply(&image, &mut to, draw.as_ref());
            match to {
                [3.0, 2.0, 1.0, 6.0, 5.0, 4.0] => true,
                _ => {
                    assert_eq!(to, image);
                    false
                }
            }
        };
        let share = (0..2000).filter(|&s| flipped(0.3, Some(s))).count() as f64 / 2000.0;
        assert!((share - 0.3).abs() < 0.04, "{share}");
        assert!((0..100).all(|s| flipped(1.0, Some(s)) && !flipped(0.0, Some(s))));
        assert!(!flipped(1.0, None));
    }

    #[test]
    fn tables_have_no_left_and_right() {
        assert!(HorizontalFlip { p: 0.5 }.output(&[13]).is_err());
    }
}
