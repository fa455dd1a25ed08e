//! Images with zeros around them, [rows, cols, channels], as the convolution's inner loop reads
//! them: no pixel needs to ask whether it lies inside.

/// The extents of a padded image, and where in it the image lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// Rows and columns with the padding.
    pub size: (usize, usize),
    /// Numbers in one pixel.
    pub channels: usize,
    /// Rows above the image and columns left of it.
    pub start: (usize, usize),
    /// Rows and columns of the image.
    pub image: (usize, usize),
}

impl Padding {
    /// Numbers in one row.
    pub fn line(&self) -> usize {
        self.size.1 * self.channels
    }

    /// Numbers in all.
    pub fn len(&self) -> usize {
        self.size.0 * self.line()
    }

    /// Where pixel (y, x) of the padded image begins.
    pub fn at(&self, y: usize, x: usize) -> usize {
        y * self.line() + x * self.channels
    }

    /// Where the image's first row begins, and how long its rows are.
    fn own(&self) -> (usize, usize) {
        let first = self.at(self.start.0, self.start.1);
        (first, self.image.1 * self.channels)
    }

    /// The image's own rows in `padded`, top to bottom.
    pub fn rows<'a>(&self, padded: &'a mut [f32]) -> impl Iterator<Item = &'a mut [f32]> {
        let (first, length) = self.own();
        let lines = padded[first..].chunks_mut(self.line().max(1));
        lines
            .take(self.image.0)
            .map(move |line| &mut line[..length])
    }

    /// The same, to read.
    pub fn lines<'a>(&self, padded: &'a [f32]) -> impl Iterator<Item = &'a [f32]> {
        let (first, length) = self.own();
        let lines = padded[first..].chunks(self.line().max(1));
        lines.take(self.image.0).map(move |line| &line[..length])
    }

    /// Copies `image` into its place.
    pub fn place(&self, image: &[f32], padded: &mut [f32]) {
        let length = self.image.1 * self.channels;
        for (to, from) in self.rows(padded).zip(image.chunks_exact(length.max(1))) {
            to.copy_from_slice(from);
        }
    }
}
