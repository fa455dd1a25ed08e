//! The place of `raster` in a program without the feature `png`.

use super::RasterError;

/// Refuses to make pixels.
///
/// # Errors
/// Always: the program was built without the feature `png`.
pub fn png(_svg: &str) -> Result<Vec<u8>, RasterError> {
    Err(RasterError::NotBuilt)
}
