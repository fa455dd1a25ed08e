//! Tensors as bytes.

use candle_core::{DType, Result, Tensor};

use super::with_ref;

/// The elements of a float tensor as f32, little-endian, row-major.
///
/// # Errors
/// Where the device fails.
pub fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let encode = |values: &[f32]| {
        let mut bytes = vec![0; 4 * values.len()];
        for (slot, value) in bytes.chunks_exact_mut(4).zip(values) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    };
    if tensor.device().is_cpu() && tensor.dtype() == DType::F32 && tensor.is_contiguous() {
        return with_ref(tensor, |values| Ok(encode(values)));
    }
    let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    Ok(encode(&values))
}
