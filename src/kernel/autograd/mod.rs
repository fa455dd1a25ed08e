//! Gradients: parameters, what an operation tells Candle's autograd about itself, and the way back.
//!
//! An operation implements [`Fused`] and is applied by [`apply`], which runs it on bf16 and f16, too,
//! and notes it on the [`Tape`]. A backward pass over the tape adds nothing up without need, and
//! leaves the gradients of parameters in [`Grads`].

mod fused;
mod grads;
mod mixed;
mod param;
mod tape;

pub(crate) use fused::{Fused, Operand, Role, apply};
pub use grads::Grads;
pub(crate) use mixed::{Low, like, widen, widened};
pub use param::{Init, Param};
pub use tape::{Tape, reshape};
