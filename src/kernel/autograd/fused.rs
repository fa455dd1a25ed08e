//! Fused operations, and the one adaptor through which Candle and the tape meet them.
//!
//! An operation knows f32 slices and nothing else. The adaptor takes numbers out of Candle's storage
//! and puts results back, runs bf16 and f16 between two casts (see [`mixed`](super::mixed)), notes
//! the operation on the tape, and hands parameters' gradients over.

use std::{array, borrow::Cow, sync::Arc};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor,
    backend::BackendStorage, bail,
};

use super::{
    mixed::{Low, widen},
    tape::{self, Backward},
};
use crate::kernel::memory::slice;

/// One operand of a forward pass: its numbers, row-major, and its shape.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub values: &'a [f32],
    pub shape: &'a Shape,
}

/// A fused operation on `N` tensors in f32 in CPU memory, 1 to 3.
pub(crate) trait Fused<const N: usize>: Send + Sync + 'static {
    /// Its name in Candle's messages.
    fn name(&self) -> &'static str;

    /// Returns the result's numbers and shape.
    fn forward(&self, operands: [Operand; N]) -> Result<(Vec<f32>, Shape)>;

    /// Returns the operands' gradients for `grad`, the gradient of `result`, which is contiguous.
    /// Where nobody wants a gradient there need be none.
    fn backward(
        &self,
        operands: [&Tensor; N],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; N]>;
}

/// The role of an operand in an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The input, whose type is that of the result.
    Input,
    /// A parameter that is rounded to the input's type, as products do.
    Rounded,
    /// A parameter that is taken in f32, as norms do.
    Exact,
}

/// Applies a fused operation to CPU tensors; the first one's type is that of the result.
///
/// # Errors
/// Those of the operation.
pub(crate) fn apply<const N: usize>(
    operands: [(&Tensor, Role); N],
    op: impl Fused<N>,
) -> Result<Tensor> {
    let tensors = operands.iter().map(|(tensor, _)| tensor.contiguous());
    let tensors = tensors.collect::<Result<Vec<_>>>()?;
    let roles = operands.map(|(_, role)| role);
    let low = Low::of(operands[0].0.dtype());
    let op: Arc<dyn Operation> = Arc::new(Adaptor { op, roles, low });
    let shared = Shared(Arc::clone(&op));
    let result = match &tensors[..] {
        [a] => a.apply_op1(shared)?,
        [a, b] => a.apply_op2(b, shared)?,
        [a, b, c] => a.apply_op3(b, c, shared)?,
        _ => bail!("`{}` has more than three operands", op.name()),
    };
    Ok(tape::note(result, tensors, || Arc::new(Shared(op))))
}

/// A fused operation with what it needs to know of its operands.
struct Adaptor<F, const N: usize> {
    op: F,
    roles: [Role; N],
    /// The type of the input, where it is not f32.
    low: Option<Low>,
}

/// An operation on any number of operands.
trait Operation: Send + Sync {
    fn name(&self) -> &'static str;

    fn forward(&self, operands: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)>;

    fn backward(
        &self,
        operands: &[&Tensor],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<Vec<Option<Tensor>>>;
}

impl<F: Fused<N>, const N: usize> Operation for Adaptor<F, N> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn forward(&self, operands: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        let values = operands.iter().zip(self.roles);
        let values = values.map(|((storage, layout), role)| role.values(self.low, storage, layout));
        let values = values.collect::<Result<Vec<_>>>()?;
        let (out, shape) = self.op.forward(array::from_fn(|i| Operand {
            values: &values[i],
            shape: operands[i].1.shape(),
        }))?;
        let out = CpuStorage::F32(out);
        match self.low {
            None => Ok((out, shape)),
            Some(low) => {
                let rounded = out.to_dtype(&Layout::contiguous(&shape), low.dtype())?;
                Ok((rounded, shape))
            }
        }
    }

    fn backward(
        &self,
        operands: &[&Tensor],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<Vec<Option<Tensor>>> {
        let seen = operands.iter().zip(self.roles);
        let seen = seen.map(|(operand, role)| role.seen(self.low, operand));
        let seen = seen.collect::<Result<Vec<_>>>()?;
        let (result, grad) = (widen(result)?, widen(grad)?.contiguous()?);
        let grads = self
            .op
            .backward(array::from_fn(|i| &seen[i]), &result, &grad)?;
        let parts = grads.into_iter().zip(self.roles).zip(operands);
        parts
            .map(|((grad, role), owner)| match grad {
                Some(grad) => role.gradient(self.low, owner, grad),
                None => Ok(None),
            })
            .collect()
    }
}

impl Role {
    /// Returns the numbers of an operand as the forward pass sees them.
    fn values<'a>(
        self,
        low: Option<Low>,
        storage: &'a CpuStorage,
        layout: &Layout,
    ) -> Result<Cow<'a, [f32]>> {
        let wide = match low {
            None => return Ok(Cow::Borrowed(slice(storage, layout)?)),
            Some(low) if self == Self::Rounded => {
                let rounded = storage.to_dtype(layout, low.dtype())?;
                rounded.to_dtype(&Layout::contiguous(layout.shape()), DType::F32)?
            }
            Some(_) => storage.to_dtype(layout, DType::F32)?,
        };
        match wide {
            CpuStorage::F32(values) => Ok(Cow::Owned(values)),
            _ => bail!("expected an f32 tensor in CPU memory"),
        }
    }

    /// Returns the operand as the backward pass sees it; it still says whether its gradient is
    /// wanted.
    fn seen(self, low: Option<Low>, operand: &Tensor) -> Result<Tensor> {
        match (self, low) {
            (Self::Rounded, Some(low)) => widen(&operand.to_dtype(low.dtype())?),
            (Self::Exact, _) => Ok(operand.clone()),
            _ => widen(operand),
        }
    }

    /// Returns the gradient of an operand, rounded where the operand was; none where it was handed
    /// over.
    fn gradient(self, low: Option<Low>, owner: &Tensor, grad: Tensor) -> Result<Option<Tensor>> {
        let grad = match low {
            Some(low) if self != Self::Exact => grad.to_dtype(low.dtype())?,
            _ => grad,
        };
        match self {
            Self::Input => Ok(Some(grad)),
            _ => tape::hand_over(owner, grad.to_dtype(owner.dtype())?),
        }
    }
}

/// An operation that Candle's graph and the tape share.
struct Shared(Arc<dyn Operation>);

impl Backward for Shared {
    fn backward(
        &self,
        operands: &[Tensor],
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<Vec<Option<Tensor>>> {
        let operands: Vec<&Tensor> = operands.iter().collect();
        self.0.backward(&operands, result, grad)
    }
}

impl CustomOp1 for Shared {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, a: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.forward(&[(a, layout)])
    }

    fn bwd(&self, a: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut grads = self.0.backward(&[a], result, grad)?.into_iter();
        Ok(grads.next().flatten())
    }
}

impl CustomOp2 for Shared {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0.forward(&[(a, a_layout), (b, b_layout)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut grads = self.0.backward(&[a, b], result, grad)?.into_iter();
        let mut next = || grads.next().flatten();
        Ok((next(), next()))
    }
}

impl CustomOp3 for Shared {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
        c: &CpuStorage,
        c_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0
            .forward(&[(a, a_layout), (b, b_layout), (c, c_layout)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut grads = self.0.backward(&[a, b, c], result, grad)?.into_iter();
        let mut next = || grads.next().flatten();
        Ok((next(), next(), next()))
    }
}
