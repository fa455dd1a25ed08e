//! The error of a picture without pixels.

/// A picture that does not become pixels.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// It is no SVG.
    #[error("the picture is not well-formed: {0}")]
    Svg(String),
    /// It is too large, or has no size.
    #[error("a picture of {width} × {height} pixels is too large; hint: --size 720x440")]
    Size {
        /// Pixels of a line.
        width: f32,
        /// Lines.
        height: f32,
    },
    /// It cannot be encoded.
    #[error("the picture cannot be written as PNG: {0}")]
    Png(String),
    /// The program has no code for pixels.
    #[error(
        "this program was built without the feature `png`; hint: write an .svg, or build with `--features png`"
    )]
    NotBuilt,
}
