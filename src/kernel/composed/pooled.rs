//! One state of a sequence out of all, of the composed operations.

use candle_core::{Result, Tensor};

use super::attention::by_place;

/// As [`crate::kernel::mean_within`]: x [n, t, d] → [n, d].
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn mean_within(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let (n, t, _) = x.dims3()?;
    let own = by_place(lengths, t, [1.0, 0.0], x)?.reshape((n, t, 1))?;
    let sums = x.broadcast_mul(&own)?.sum(1)?;
    let counts: Vec<f32> = lengths.iter().map(|length| *length as f32).collect();
    let counts = Tensor::from_vec(counts, (n, 1), x.device())?;
    sums.broadcast_div(&counts.to_dtype(x.dtype())?)
}

/// As [`crate::kernel::last_within`]: x [n, t, d] → [n, d].
///
/// # Errors
/// Where the shapes do not fit together, or the device fails.
pub fn last_within(x: &Tensor, lengths: &[u32]) -> Result<Tensor> {
    let (n, t, width) = x.dims3()?;
    let row = |(i, length): (usize, &u32)| (i * t) as u32 + length - 1;
    let rows: Vec<u32> = lengths.iter().enumerate().map(row).collect();
    let rows = Tensor::from_vec(rows, n, x.device())?;
    x.reshape((n * t, width))?.index_select(&rows, 0)
}
