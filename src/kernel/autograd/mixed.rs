//! Mixed precision: bf16 and f16 tensors beside parameters in f32 (Micikevicius et al. 2018).
//!
//! As under PyTorch's autocast, an operation follows the type of its input. Products (linear maps
//! and convolutions) round their parameters to it; norms take theirs as they are; every result is
//! rounded to it once, and so is every gradient on its way back, until it arrives at a parameter
//! and is f32 again.
//!
//! On the CPU an operation is the fused f32 kernel between two casts: operands are rounded, sums are
//! in f32, the result is rounded to nearest, ties to even. (Candle's own matrix product takes f16 and
//! widens bf16, its convolution refuses bf16.) Only the narrow tensors are kept for the backward
//! pass, so this saves memory, but no time. On CUDA and Metal, products run natively in the input's
//! type and everything else in f32 between two casts.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor,
    backend::BackendStorage,
};
use half::{bf16, f16};

use super::{hand_over, tape};

/// A type of 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Low {
    /// 8 bits of exponent, as f32, and 7 of mantissa.
    Bf16,
    /// 5 bits of exponent (largest number 65504) and 10 of mantissa.
    F16,
}

impl Low {
    /// The type of a tensor, where it is one of these.
    #[must_use]
    pub fn of(dtype: DType) -> Option<Self> {
        match dtype {
            DType::BF16 => Some(Self::Bf16),
            DType::F16 => Some(Self::F16),
            _ => None,
        }
    }

    /// Rounds each number to this type and back.
    pub fn round(self, values: &mut [f32]) {
        match self {
            Self::Bf16 => values
                .iter_mut()
                .for_each(|x| *x = bf16::from_f32(*x).to_f32()),
            Self::F16 => values
                .iter_mut()
                .for_each(|x| *x = f16::from_f32(*x).to_f32()),
        }
    }

    /// Candle's name.
    fn dtype(self) -> DType {
        match self {
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        }
    }
}

/// What an operation does to its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Params {
    /// Rounds them to its input's type, as a product does.
    Rounded,
    /// Takes them in f32, as a norm does.
    Exact,
}

/// A parameter in the type of `x`; its gradient comes back in its own.
///
/// # Errors
/// Where the device fails.
pub fn like(parameter: &Tensor, x: &Tensor) -> Result<Tensor> {
    parameter.to_dtype(x.dtype())
}

/// `x` in f32 where it is of low precision.
///
/// # Errors
/// Where the device fails.
pub fn widen(x: &Tensor) -> Result<Tensor> {
    match Low::of(x.dtype()) {
        Some(_) => x.to_dtype(DType::F32),
        None => Ok(x.clone()),
    }
}

/// `f` of `x`; where `x` is of low precision, in f32, and rounded.
///
/// # Errors
/// Those of `f`, and where the device fails.
pub fn widened(x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    f(&widen(x)?)?.to_dtype(x.dtype())
}

/// A fused f32 operation on a CPU tensor of any of the three types.
pub(crate) fn apply1(x: &Tensor, op: impl CustomOp1 + Send + Sync + 'static) -> Result<Tensor> {
    let x = x.contiguous()?;
    match Low::of(x.dtype()) {
        None => tape::apply1(&x, op),
        Some(low) => tape::apply1(&x, Mixed::new(op, low, Params::Exact)),
    }
}

/// The same with a parameter.
pub(crate) fn apply2(
    x: &Tensor,
    parameter: &Tensor,
    params: Params,
    op: impl CustomOp2 + Send + Sync + 'static,
) -> Result<Tensor> {
    let (x, parameter) = (x.contiguous()?, parameter.contiguous()?);
    match Low::of(x.dtype()) {
        None => tape::apply2(&x, &parameter, op),
        Some(low) => tape::apply2(&x, &parameter, Mixed::new(op, low, params)),
    }
}

/// The same with two parameters.
pub(crate) fn apply3(
    x: &Tensor,
    [first, second]: [&Tensor; 2],
    params: Params,
    op: impl CustomOp3 + Send + Sync + 'static,
) -> Result<Tensor> {
    let (x, first, second) = (x.contiguous()?, first.contiguous()?, second.contiguous()?);
    match Low::of(x.dtype()) {
        None => tape::apply3([&x, &first, &second], op),
        Some(low) => tape::apply3([&x, &first, &second], Mixed::new(op, low, params)),
    }
}

/// An f32 operation between two casts, forward and backward.
struct Mixed<O> {
    op: O,
    low: Low,
    params: Params,
}

impl<O> Mixed<O> {
    fn new(op: O, low: Low, params: Params) -> Self {
        Self { op, low, params }
    }

    /// A parameter as the operation sees it in the forward pass.
    fn param(&self, storage: &CpuStorage, layout: &Layout) -> Result<CpuStorage> {
        if self.params == Params::Exact {
            return storage.to_dtype(layout, DType::F32);
        }
        let low = storage.to_dtype(layout, self.low.dtype())?;
        low.to_dtype(&whole(layout), DType::F32)
    }

    /// The same in the backward pass, where it still says whether a gradient is wanted.
    fn param_tensor(&self, param: &Tensor) -> Result<Tensor> {
        match self.params {
            Params::Exact => Ok(param.clone()),
            Params::Rounded => widen(&param.to_dtype(self.low.dtype())?),
        }
    }

    /// The result, rounded.
    fn output(&self, (values, shape): (CpuStorage, Shape)) -> Result<(CpuStorage, Shape)> {
        let layout = Layout::contiguous(&shape);
        Ok((values.to_dtype(&layout, self.low.dtype())?, shape))
    }

    /// The gradient of a parameter, rounded where the parameter was, and handed over in its type.
    fn param_grad(&self, owner: &Tensor, grad: Option<Tensor>) -> Result<Option<Tensor>> {
        match (grad, self.params) {
            (Some(grad), Params::Rounded) => {
                let grad = grad.to_dtype(self.low.dtype())?;
                hand_over(owner, grad.to_dtype(owner.dtype())?)
            }
            (grad, _) => Ok(grad),
        }
    }

    /// The gradient of the input, rounded.
    fn input_grad(&self, grad: Option<Tensor>) -> Result<Option<Tensor>> {
        grad.map(|grad| grad.to_dtype(self.low.dtype())).transpose()
    }
}

impl<O: CustomOp1> CustomOp1 for Mixed<O> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = x.to_dtype(layout, DType::F32)?;
        self.output(self.op.cpu_fwd(&x, &whole(layout))?)
    }

    fn bwd(&self, x: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = self.op.bwd(&widen(x)?, &widen(result)?, &widen(grad)?)?;
        self.input_grad(grad)
    }
}

impl<O: CustomOp2> CustomOp2 for Mixed<O> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        param: &CpuStorage,
        layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let wide_x = x.to_dtype(x_layout, DType::F32)?;
        let wide_param = self.param(param, layout)?;
        let (x_layout, layout) = (whole(x_layout), whole(layout));
        let result = self.op.cpu_fwd(&wide_x, &x_layout, &wide_param, &layout)?;
        self.output(result)
    }

    fn bwd(
        &self,
        x: &Tensor,
        param: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let wide_param = self.param_tensor(param)?;
        let (result, grad) = (widen(result)?, widen(grad)?);
        let (dx, dp) = self.op.bwd(&widen(x)?, &wide_param, &result, &grad)?;
        Ok((self.input_grad(dx)?, self.param_grad(param, dp)?))
    }
}

impl<O: CustomOp3> CustomOp3 for Mixed<O> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let result = self.op.cpu_fwd(
            &x.to_dtype(x_layout, DType::F32)?,
            &whole(x_layout),
            &self.param(first, first_layout)?,
            &whole(first_layout),
            &self.param(second, second_layout)?,
            &whole(second_layout),
        )?;
        self.output(result)
    }

    fn bwd(
        &self,
        x: &Tensor,
        first: &Tensor,
        second: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (one, two) = (self.param_tensor(first)?, self.param_tensor(second)?);
        let (result, grad) = (widen(result)?, widen(grad)?);
        let (dx, d1, d2) = self.op.bwd(&widen(x)?, &one, &two, &result, &grad)?;
        let (d1, d2) = (self.param_grad(first, d1)?, self.param_grad(second, d2)?);
        Ok((self.input_grad(dx)?, d1, d2))
    }
}

/// The layout of a cast: it gathers the numbers into a block of their own.
fn whole(layout: &Layout) -> Layout {
    Layout::contiguous(layout.shape())
}
