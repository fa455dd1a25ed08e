//! What every custom operation does first and last: slices out of Candle's storage, tensors out of
//! vectors.

use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Tensor, bail};

/// Returns whether an operation on this tensor goes to the fused CPU kernels: f32 in CPU memory, or
/// a type that [`autograd`](crate::kernel::autograd) widens to it. Anything else is made of Candle's own
/// operations.
#[must_use]
pub fn fused(tensor: &Tensor) -> bool {
    let known = matches!(tensor.dtype(), DType::F32 | DType::BF16 | DType::F16);
    tensor.device().is_cpu() && known
}

/// Returns whether a backward pass has to compute this argument's gradient.
#[must_use]
pub fn wanted(tensor: &Tensor) -> bool {
    tensor.track_op()
}

/// Returns the numbers of a contiguous f32 operand.
///
/// # Errors
/// Where the operand is something else.
pub fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("expected an f32 tensor in CPU memory")
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!(
            "expected a contiguous tensor, not strides {:?}",
            layout.stride()
        ),
    }
}

/// Returns numbers and their shape, as a forward pass does.
///
/// # Errors
/// Never; the type is that of its place.
pub fn output(values: Vec<f32>, shape: impl Into<Shape>) -> Result<(Vec<f32>, Shape)> {
    Ok((values, shape.into()))
}

/// Returns a CPU tensor without history.
///
/// # Errors
/// Where the shape has another number of elements.
pub fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(values, shape.into(), &Device::Cpu)
}
