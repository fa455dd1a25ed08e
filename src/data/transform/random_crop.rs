//! `random_crop`: a window at a random place of the zero-padded image.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Draw, Training, Transform, TransformSpec};
use crate::{data::DataError, error::KeyFault};

/// Takes a window at a random place of an image. First it pads the image with zeros on all sides.
/// Evaluation takes the middle, which is the image itself where `size` is its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Zeros added on each side, in pixels. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65536))]
    pub padding: u32,
    /// Height and width of the window, in pixels. Default: those of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1)), example = [8, 8])]
    pub size: Option<[u32; 2]>,
}

impl TransformSpec for RandomCrop {
    fn check(&self) -> Vec<KeyFault> {
        if self.padding == 0 && self.size.is_none() {
            let fault =
                KeyFault::warning("", "random_crop without `padding` or `size` does nothing");
            return vec![fault.hint("padding = 4")];
        }
        Vec::new()
    }

    fn output(&self, input: &[usize]) -> Result<Vec<usize>, KeyFault> {
        let &[channels, height, width] = input else {
            return Err(not_an_image("random_crop", input));
        };
        let crop = self.fitted([height, width]);
        let room = crop.image.map(|side| side + 2 * crop.padding);
        if crop.window[0] == 0 || crop.window[1] == 0 {
            return Err(KeyFault::error("size", "a window of no pixels"));
        }
        if crop.window[0] > room[0] || crop.window[1] > room[1] {
            let [h, w] = crop.window;
            let message = format!(
                "`[{h}, {w}]` is larger than the padded image of {}×{}",
                room[0], room[1]
            );
            return Err(KeyFault::error("size", message));
        }
        Ok(vec![channels, crop.window[0], crop.window[1]])
    }

    fn fit(&self, training: &Training<'_>) -> Result<Box<dyn Transform>, DataError> {
        let image = [training.shape()[1], training.shape()[2]];
        Ok(Box::new(self.fitted(image)))
    }
}

impl RandomCrop {
    fn fitted(&self, image: [usize; 2]) -> Crop {
        Crop {
            padding: self.padding as usize,
            image,
            window: self
                .size
                .map_or(image, |size| size.map(|side| side as usize)),
        }
    }
}

/// The fault of a transform that needs an image and got something else.
pub(super) fn not_an_image(kind: &str, shape: &[usize]) -> KeyFault {
    let message = format!(
        "{kind} needs images `[channels, height, width]`, got samples of shape `{shape:?}`"
    );
    KeyFault::error("", message)
}

struct Crop {
    padding: usize,
    image: [usize; 2],
    window: [usize; 2],
}

impl Transform for Crop {
    fn apply(&self, from: &[f32], to: &mut [f32], draw: Option<&Draw<'_>>) {
        let [top, left] = [0, 1].map(|side| {
            let places = self.image[side] + 2 * self.padding - self.window[side] + 1;
            match draw {
                Some(draw) => draw.below(places as u32, side as u64) as usize,
                None => (places - 1) / 2,
            }
        });
        self.crop(from, to, top, left);
    }
}

impl Crop {
    /// The window whose corner is at (`top`, `left`) of the padded image.
    fn crop(&self, from: &[f32], to: &mut [f32], top: usize, left: usize) {
        let ([height, width], [rows, columns]) = (self.image, self.window);
        // Columns of the window that show the image, and the image's column at the first of them.
        let first = self.padding.saturating_sub(left).min(columns);
        let start = (left + first).saturating_sub(self.padding).min(width);
        let shown = (columns - first).min(width - start);
        let images = from.chunks_exact(height * width);
        for (image, window) in images.zip(to.chunks_exact_mut(rows * columns)) {
            for (row, to) in window.chunks_exact_mut(columns).enumerate() {
                to.fill(0.0);
                let y = (top + row).wrapping_sub(self.padding);
                if y < height {
                    let from = &image[y * width + start..][..shown];
                    to[first..first + shown].copy_from_slice(from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    fn crop(padding: usize, window: [usize; 2]) -> Crop {
        Crop {
            padding,
            image: [2, 3],
            window,
        }
    }

    #[test]
    fn every_window_of_a_padded_image() {
        let padded = |y: usize, x: usize| -> f32 {
            match (y.checked_sub(2), x.checked_sub(2)) {
                (Some(y), Some(x)) if y < 2 && x < 3 => IMAGE[y * 3 + x],
                _ => 0.0,
            }
        };
        for (rows, columns) in [(2, 3), (1, 1), (6, 7), (3, 2), (5, 1)] {
            let crop = crop(2, [rows, columns]);
            for (top, left) in (0..=6 - rows).flat_map(|t| (0..=7 - columns).map(move |l| (t, l))) {
                let mut to = vec![f32::NAN; rows * columns];
                crop.crop(&IMAGE, &mut to, top, left);
                for (i, &value) in to.iter().enumerate() {
                    assert_eq!(value, padded(top + i / columns, left + i % columns));
                }
            }
        }
    }

    #[test]
    fn evaluation_sees_the_image_itself() {
        let mut to = [f32::NAN; 6];
        crop(4, [2, 3]).apply(&IMAGE, &mut to, None);
        assert_eq!(to, IMAGE);
    }

    #[test]
    fn training_reaches_every_place() {
        let stream = Draw::stream(0, 0, "random_crop");
        let mut seen = std::collections::BTreeSet::new();
        for sample in 0..500 {
            let mut to = [f32::NAN; 6];
            crop(1, [2, 3]).apply(&IMAGE, &mut to, Some(&Draw::new(&stream, 0, sample)));
            seen.insert(to.map(|v| v as i32));
        }
        assert_eq!(seen.len(), 9);
    }

    #[test]
    fn channels_stay_apart() {
        let two = [IMAGE, IMAGE.map(|v| v * 10.0)].concat();
        let mut to = [f32::NAN; 4];
        crop(0, [1, 2]).crop(&two, &mut to, 1, 1);
        assert_eq!(to, [5.0, 6.0, 50.0, 60.0]);
    }

    #[test]
    fn windows_that_do_not_fit_are_faults() {
        let spec = RandomCrop {
            padding: 1,
            size: Some([11, 8]),
        };
        assert_eq!(
            spec.output(&[1, 8, 8]).unwrap_err().to_string(),
            "`size`: `[11, 8]` is larger than the padded image of 10×10"
        );
        assert!(
            RandomCrop {
                padding: 1,
                size: Some([0, 8])
            }
            .output(&[1, 8, 8])
            .is_err()
        );
        assert_eq!(spec.output(&[64]).unwrap_err().key, "");
        assert_eq!(
            RandomCrop {
                padding: 0,
                size: None
            }
            .check()
            .len(),
            1
        );
    }
}
