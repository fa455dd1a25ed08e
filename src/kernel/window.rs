//! Windows that slide over images: the arithmetic shared by convolutions and pooling, and the
//! matrix of patches (im2col) with its adjoint.

use std::ops::Range;

use candle_core::{Result, bail};

/// How a window slides over one image [channels, height, width].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Channels of the image.
    pub channels: usize,
    /// Rows of the image.
    pub height: usize,
    /// Columns of the image.
    pub width: usize,
    /// Rows of the window.
    pub rows: usize,
    /// Columns of the window.
    pub cols: usize,
    /// Pixels from one place to the next, in both directions.
    pub stride: usize,
    /// Zeros around the image, on all four sides.
    pub padding: usize,
}

/// Places a window of `kernel` pixels takes along `extent` pixels; `None` where it does not fit.
#[must_use]
pub fn places(extent: usize, kernel: usize, stride: usize, padding: usize) -> Option<usize> {
    let free = (extent + 2 * padding).checked_sub(kernel)?;
    Some(free.checked_div(stride)? + 1)
}

impl Window {
    /// Output height and width.
    ///
    /// # Errors
    /// Where the window is larger than the padded image, or the stride is 0.
    pub fn output(&self) -> Result<(usize, usize)> {
        let along = |extent, kernel| places(extent, kernel, self.stride, self.padding);
        match (along(self.height, self.rows), along(self.width, self.cols)) {
            (Some(height), Some(width)) => Ok((height, width)),
            _ => bail!(
                "a {}×{} window with stride {} and padding {} does not fit on {}×{} pixels",
                self.rows,
                self.cols,
                self.stride,
                self.padding,
                self.height,
                self.width
            ),
        }
    }

    /// Numbers in one patch.
    #[must_use]
    pub fn patch(&self) -> usize {
        self.channels * self.rows * self.cols
    }

    /// Numbers in one image.
    #[must_use]
    pub fn image(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether each patch is one pixel, so that the image is its own matrix of patches.
    #[must_use]
    pub fn is_pointwise(&self) -> bool {
        (self.rows, self.cols, self.stride, self.padding) == (1, 1, 1, 0)
    }

    /// Writes the patches of the output rows `lines` as columns: [patch, lines·width].
    pub fn gather(&self, image: &[f32], lines: Range<usize>, width: usize, patches: &mut [f32]) {
        self.visit(lines, width, |line, source| match source {
            None => patches[line].fill(0.0),
            Some((from, inside)) => {
                let line = &mut patches[line];
                line[..inside.start].fill(0.0);
                line[inside.end..].fill(0.0);
                let to = &mut line[inside];
                if self.stride == 1 {
                    to.copy_from_slice(&image[from..from + to.len()]);
                } else {
                    for (to, from) in to.iter_mut().zip(image[from..].iter().step_by(self.stride)) {
                        *to = *from;
                    }
                }
            }
        });
    }

    /// Adds the patches of the output rows `lines` back to the pixels they came from.
    pub fn scatter(&self, patches: &[f32], lines: Range<usize>, width: usize, image: &mut [f32]) {
        self.visit(lines, width, |line, source| {
            let Some((to, inside)) = source else { return };
            let from = &patches[line][inside];
            if self.stride == 1 {
                for (to, from) in image[to..to + from.len()].iter_mut().zip(from) {
                    *to += from;
                }
            } else {
                for (to, from) in image[to..].iter_mut().step_by(self.stride).zip(from) {
                    *to += from;
                }
            }
        });
    }

    /// Calls `f` for each (patch element, output row) with the range of the patches' matrix it
    /// fills, and where it lies on the image: the first pixel and the range of the line inside.
    fn visit(
        &self,
        lines: Range<usize>,
        width: usize,
        mut f: impl FnMut(Range<usize>, Option<(usize, Range<usize>)>),
    ) {
        let mut at = 0;
        for channel in 0..self.channels {
            for row in 0..self.rows {
                for col in 0..self.cols {
                    let inside = self.inside(col, width);
                    for line in lines.clone() {
                        let range = at..at + width;
                        at += width;
                        let y = (line * self.stride + row).checked_sub(self.padding);
                        let y = y.filter(|y| *y < self.height && !inside.is_empty());
                        let source = y.map(|y| {
                            let x = inside.start * self.stride + col - self.padding;
                            ((channel * self.height + y) * self.width + x, inside.clone())
                        });
                        f(range, source);
                    }
                }
            }
        }
    }

    /// The places along a row at which column `col` of the window lies inside the image.
    fn inside(&self, col: usize, width: usize) -> Range<usize> {
        let start = self.padding.saturating_sub(col).div_ceil(self.stride);
        let end = (self.width + self.padding).saturating_sub(col);
        let end = end.div_ceil(self.stride).min(width);
        start.min(end)..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::numbers;

    fn windows() -> Vec<Window> {
        let mut all = Vec::new();
        for (height, width) in [(5, 4), (1, 7), (6, 6)] {
            for (rows, cols) in [(1, 1), (3, 3), (2, 3)] {
                for (stride, padding) in [(1, 0), (1, 1), (2, 1), (3, 2), (2, 0)] {
                    let channels = 2;
                    let w = Window {
                        channels,
                        height,
                        width,
                        rows,
                        cols,
                        stride,
                        padding,
                    };
                    all.extend(w.output().is_ok().then_some(w));
                }
            }
        }
        assert!(all.len() > 20);
        all
    }

    #[test]
    fn patches_hold_the_pixels_under_the_window() {
        for w in windows() {
            let image = numbers(w.image(), 1);
            let (height, width) = w.output().unwrap();
            let mut patches = vec![f32::NAN; w.patch() * height * width];
            w.gather(&image, 0..height, width, &mut patches);
            for (i, got) in patches.iter().enumerate() {
                let (element, place) = (i / (height * width), i % (height * width));
                let (channel, row, col) = (
                    element / (w.rows * w.cols),
                    element / w.cols % w.rows,
                    element % w.cols,
                );
                let pixel = |place: usize, k: usize, extent: usize| {
                    (place * w.stride + k)
                        .checked_sub(w.padding)
                        .filter(|p| *p < extent)
                };
                let y = pixel(place / width, row, w.height);
                let x = pixel(place % width, col, w.width);
                let want = match (y, x) {
                    (Some(y), Some(x)) => image[(channel * w.height + y) * w.width + x],
                    _ => 0.0,
                };
                assert_eq!(*got, want, "{w:?} {i}");
            }
        }
    }

    /// ⟨gather(a), b⟩ = ⟨a, scatter(b)⟩, which with the test above pins scatter down.
    #[test]
    fn scatter_is_the_adjoint_of_gather() {
        for w in windows() {
            let (height, width) = w.output().unwrap();
            let a = numbers(w.image(), 1);
            let b = numbers(w.patch() * height * width, 2);
            let (mut patches, mut image) = (vec![0.0; b.len()], vec![0.0; a.len()]);
            w.gather(&a, 0..height, width, &mut patches);
            w.scatter(&b, 0..height, width, &mut image);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            assert!((dot(&patches, &b) - dot(&a, &image)).abs() < 1e-4, "{w:?}");
        }
    }
}
