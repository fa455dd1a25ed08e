//! Windows that slide over images: the arithmetic shared by convolutions and pooling.

use candle_core::{Result, Shape, bail};

use crate::units::counted;

/// The way of a window over one image [height, width, channels].
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

    /// Numbers in one image.
    #[must_use]
    pub fn image(&self) -> usize {
        self.channels * self.height * self.width
    }
}

/// The way of a convolution's window, and the operation after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    /// Pixels from one place to the next; at least 1.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// True where ReLU follows.
    pub relu: bool,
    /// Max pooling that follows.
    pub pool: Option<Pool>,
}

impl Conv {
    /// Returns the window of `weight` on images `x`.
    ///
    /// # Errors
    /// Where the shapes do not fit together.
    pub(crate) fn window(&self, x: &Shape, weight: &Shape) -> Result<Window> {
        let (_, height, width, channels) = x.dims4()?;
        let (_, inputs, rows, cols) = weight.dims4()?;
        if inputs != channels {
            bail!(
                "a convolution of {} got images of {channels}",
                counted(inputs as u64, "channel")
            )
        }
        let (stride, padding) = (self.stride, self.padding);
        Ok(Window {
            channels,
            height,
            width,
            rows,
            cols,
            stride,
            padding,
        })
    }
}

/// A pooling window: `kernel` × `kernel` pixels every `stride` pixels, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Extent of the window, 1 to 256 pixels.
    pub kernel: usize,
    /// Pixels from one window to the next, at least 1.
    pub stride: usize,
}

impl Pool {
    /// Returns the window on images of this size.
    pub(crate) fn window(self, channels: usize, height: usize, width: usize) -> Window {
        Window {
            channels,
            height,
            width,
            rows: self.kernel,
            cols: self.kernel,
            stride: self.stride,
            padding: 0,
        }
    }

    /// Returns the window on a batch [n, h, w, c].
    ///
    /// # Errors
    /// Where the tensor is no batch of images, or the window does not fit.
    pub(crate) fn on(self, shape: &Shape) -> Result<(usize, Window, (usize, usize))> {
        let (n, height, width, channels) = shape.dims4()?;
        if !(1..=256).contains(&self.kernel) {
            bail!(
                "a pooling window of {} pixels; it must have 1 to 256",
                self.kernel
            )
        }
        let window = self.window(channels, height, width);
        Ok((n, window, window.output()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_takes_the_places_where_it_fits() {
        assert_eq!(places(28, 3, 1, 0), Some(26));
        assert_eq!(places(28, 3, 2, 1), Some(14));
        assert_eq!(places(1, 3, 1, 1), Some(1));
        assert_eq!(places(2, 3, 1, 0), None);
        assert_eq!(places(5, 3, 0, 0), None);
    }
}
