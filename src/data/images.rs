//! Images of bytes in memory, each with a class.

use super::{DataError, Dataset, Values};
use crate::task::Target;

/// Images of one size, a byte a pixel, and their classes.
pub(super) struct Images {
    /// Pixels, row-major, image after image.
    pub pixels: Vec<u8>,
    /// A class for each image.
    pub labels: Vec<u8>,
    /// Pixels of one image.
    pub size: usize,
}

impl Dataset for Images {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        let image = &self.pixels[index * self.size..][..self.size];
        out.pixels()?.extend_from_slice(image);
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        Target::Class(u32::from(self.labels[index]))
    }
}
