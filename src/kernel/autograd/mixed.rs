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

use candle_core::{DType, Result, Tensor};
use half::{bf16, f16};

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
    pub fn dtype(self) -> DType {
        match self {
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        }
    }
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
