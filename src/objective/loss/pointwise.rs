//! Losses that are a sum of one function over all pairs of output and target.

use candle_core::{DType, Device, Result, Tensor, bail};

use crate::kernel::known_gradient;

/// Σ f(z, y) over all elements, as a scalar of `output`'s type, with ∂f/∂z as its gradient.
///
/// `point(z, y)` returns f and ∂f/∂z, element by element, for f64 tensors on the CPU and f32
/// tensors elsewhere. Derivatives are written down instead of left to autograd: Candle's are wrong
/// at kinks (relu′(0) is 1, and |x|′ at 0 too).
pub(super) fn sum(
    output: &Tensor,
    target: &Tensor,
    point: impl Fn(&Tensor, &Tensor) -> Result<(Tensor, Tensor)>,
) -> Result<Tensor> {
    let (value, slope) = values(output, target, point)?;
    known_gradient(output, &value.sum_all()?, &slope)
}

/// Σ f(z, y) and the number of elements of each row, in f64 on the CPU.
pub(super) fn rows(
    output: &Tensor,
    target: &Tensor,
    point: impl Fn(&Tensor, &Tensor) -> Result<(Tensor, Tensor)>,
) -> Result<Vec<(f64, f64)>> {
    let width = output.elem_count() / output.dim(0)?.max(1);
    let (output, target) = (
        output.to_device(&Device::Cpu)?,
        target.to_device(&Device::Cpu)?,
    );
    let (values, _) = values(&output, &target, point)?;
    let values = values.flatten_all()?.to_vec1::<f64>()?;
    let row = |row: &[f64]| (row.iter().sum(), row.len() as f64);
    Ok(values.chunks(width.max(1)).map(row).collect())
}

/// f and ∂f/∂z, element by element.
fn values(
    output: &Tensor,
    target: &Tensor,
    point: impl Fn(&Tensor, &Tensor) -> Result<(Tensor, Tensor)>,
) -> Result<(Tensor, Tensor)> {
    if output.elem_count() != target.elem_count() {
        let (want, have) = (target.shape(), output.shape());
        bail!("outputs of shape {have:?} for targets of shape {want:?}")
    }
    let wide = wide(output);
    let z = output.detach().to_dtype(wide)?;
    let y = target.detach().to_dtype(wide)?.reshape(output.shape())?;
    point(&z, &y)
}

/// The type to compute in: f64 on the CPU, f32 elsewhere (Metal has no f64).
pub(super) fn wide(output: &Tensor) -> DType {
    if output.device().is_cpu() {
        DType::F64
    } else {
        DType::F32
    }
}

/// Returns how many values there are; refuses classes.
pub(super) fn count(name: &str, target: &Tensor) -> Result<f64> {
    if !target.dtype().is_float() {
        bail!("`{name}` needs values as targets, not {:?}", target.dtype())
    }
    Ok(target.elem_count() as f64)
}
