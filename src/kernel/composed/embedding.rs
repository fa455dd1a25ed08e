//! Rows of a table, looked up by Candle's selection.

use candle_core::{Result, Tensor};

/// Returns the rows of `weight` `[v, d]` at `ids` u32 `[..]`, as `[.., d]`.
///
/// # Errors
/// Where an id is not below v, the shapes do not fit, or the device fails.
pub fn embedding(weight: &Tensor, ids: &Tensor) -> Result<Tensor> {
    let (_, width) = weight.dims2()?;
    let shape = [ids.dims(), &[width]].concat();
    let rows = weight.index_select(&ids.flatten_all()?, 0)?;
    rows.reshape(shape)
}
