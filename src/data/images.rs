//! Images of bytes in memory, each with a class; numbers are made when a batch asks for them.

use super::{DataError, Dataset, Target};

/// Images of one size, a byte a pixel, and their classes.
pub(super) struct Images {
    /// Pixels, row-major, image after image.
    pub pixels: Vec<u8>,
    /// A class for each image.
    pub labels: Vec<u8>,
    /// Pixels of one image.
    pub size: usize,
    /// The byte that becomes 1.0.
    pub white: f32,
}

impl Dataset for Images {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn get(&self, index: usize, out: &mut [f32]) -> Result<(), DataError> {
        let image = &self.pixels[index * self.size..][..self.size];
        // Compiled for the widest vectors the processor has; the bits are the same with any.
        pulp::Arch::new().dispatch(|| {
            for (value, &byte) in out.iter_mut().zip(image) {
                *value = f32::from(byte) / self.white;
            }
        });
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        Target::Class(u32::from(self.labels[index]))
    }
}
