//! A short way for parameters' gradients: past Candle's gradient store.
//!
//! The store begins each tensor's gradient as zeros and adds to it, two more trips through memory
//! for every weight. While [`Grads::backward`](super::Grads::backward) runs, a kernel's backward
//! pass hands a parameter's gradient over here instead and reports none to Candle. At any other
//! time gradients go to the store as usual.

use std::{cell::RefCell, collections::HashMap};

use candle_core::{Result, Tensor, TensorId};

use crate::kernel::memory::inplace;

thread_local! {
    /// The gradients of the backward pass that runs on this thread, where one collects.
    static COLLECTED: RefCell<Option<Collected>> = const { RefCell::new(None) };
}

/// Gradients by parameter; looked up, never walked through.
type Collected = HashMap<TensorId, Option<Tensor>>;

/// Runs `backward` and returns its result, with the gradients of `params` that were handed over
/// meanwhile, in the order of `params`.
///
/// # Errors
/// Those of `backward`.
pub(crate) fn collecting<R>(
    params: &[&Tensor],
    backward: impl FnOnce() -> Result<R>,
) -> Result<(R, Vec<Option<Tensor>>)> {
    let empty = params.iter().map(|p| (p.id(), None)).collect();
    let outer = COLLECTED.replace(Some(empty));
    let result = backward();
    let mut collected = COLLECTED.replace(outer).unwrap_or_default();
    let grads = params.iter().map(|p| collected.remove(&p.id()).flatten());
    Ok((result?, grads.collect()))
}

/// What a backward pass returns for `owner`: nothing where the gradient is collected, else the
/// gradient. A parameter that is used twice gets the sum.
///
/// # Errors
/// Where the two gradients of a parameter cannot be added.
pub(crate) fn hand_over(owner: &Tensor, grad: Tensor) -> Result<Option<Tensor>> {
    COLLECTED.with_borrow_mut(|collected| {
        let Some(slot) = collected.as_mut().and_then(|c| c.get_mut(&owner.id())) else {
            return Ok(Some(grad));
        };
        match slot {
            Some(sum) => inplace::update1(sum, &grad, |sum, grad| {
                for (sum, grad) in sum.iter_mut().zip(grad) {
                    *sum += grad;
                }
            })?,
            None => *slot = Some(grad),
        }
        Ok(None)
    })
}
