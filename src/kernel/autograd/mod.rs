//! Gradients: parameters, what an operation tells Candle's autograd about itself, and the way back.
//!
//! An operation is applied through [`mixed`], which also runs it on bf16 and f16, and is noted on the
//! tape; a backward pass over the tape adds nothing up without need. Gradients of parameters go past
//! Candle's store into [`Grads`].

mod grad_sink;
mod grads;
mod mixed;
mod param;
pub mod tape;

pub(crate) use grad_sink::{collecting, hand_over};
pub use grads::Grads;
pub(crate) use mixed::{Low, Params, apply1, apply2, apply3, like, widen, widened};
pub use param::{Init, Param};
pub use tape::reshape;
