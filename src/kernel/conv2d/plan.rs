//! Extents of one convolution, and of what it needs.

use candle_core::{Result, Shape};

use super::{Conv, Padding, Window, Winograd};

/// Groups that a batch is cut into at most: units of work, and of weight gradients.
pub(crate) const BATCH_CHUNKS: usize = 16;

/// Extents of one application.
pub(crate) struct Plan {
    /// The convolution's window.
    pub window: Window,
    /// Its output height and width, before pooling.
    pub size: (usize, usize),
    /// Output channels.
    pub channels: usize,
    /// The pooling's window, and its output height and width.
    pub pool: Option<(Window, (usize, usize))>,
}

impl Plan {
    pub fn new(conv: &Conv, x: &Shape, weight: &Shape) -> Result<Self> {
        let window = conv.window(x, weight)?;
        let (size, channels) = (window.output()?, weight.dim(0)?);
        let pool = match conv.pool {
            Some(pool) => {
                let (_, window, places) = pool.on(&Shape::from((1, size.0, size.1, channels)))?;
                Some((window, places))
            }
            None => None,
        };
        Ok(Self {
            window,
            size,
            channels,
            pool,
        })
    }

    /// Numbers of one image's map, before pooling.
    pub fn map_len(&self) -> usize {
        self.channels * self.size.0 * self.size.1
    }

    /// Height and width of the result.
    pub fn result(&self) -> (usize, usize) {
        self.pool.as_ref().map_or(self.size, |(_, places)| *places)
    }

    /// Numbers of one image's result.
    pub fn result_len(&self) -> usize {
        self.channels * self.result().0 * self.result().1
    }

    /// The same with fewer products, where its shapes have that form.
    pub fn winograd(&self) -> Option<Winograd> {
        Winograd::of(&self.window, self.size, self.channels)
    }

    /// The images with their padding.
    pub fn padding(&self) -> Padding {
        let w = &self.window;
        Padding {
            size: (w.height + 2 * w.padding, w.width + 2 * w.padding),
            channels: w.channels,
            start: (w.padding, w.padding),
            image: (w.height, w.width),
        }
    }

    /// `image` with its padding: itself where there is none, else a copy in `scratch`.
    pub fn padded<'a>(&self, image: &'a [f32], scratch: &'a mut [f32]) -> &'a [f32] {
        if self.window.padding == 0 {
            return image;
        }
        self.padding().place(image, scratch);
        scratch
    }

    /// Scratch for one padded image, zero all over; none where images are read where they lie.
    pub fn scratch(&self) -> Vec<f32> {
        let pads = self.window.padding > 0;
        vec![0.0; if pads { self.padding().len() } else { 0 }]
    }
}
