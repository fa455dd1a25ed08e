//! A backward pass over the fused operations that adds nothing up without need.
//!
//! Candle's own begins each tensor's gradient as zeros and adds to it, two more trips through
//! memory for every map. While a backward pass is awaited ([`record`]), the kernels note what they
//! did; where everything between the loss and the parameters was noted, [`backward`] goes through
//! the same graph in the same order and lets the first gradient of a tensor be the gradient. Where
//! anything else took part, Candle's own backward pass does it all: the graph is always there.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use candle_core::{CustomOp1, CustomOp2, CustomOp3, Result, Tensor, TensorId};

use super::inplace;

type Op1 = Arc<Box<dyn CustomOp1 + Send + Sync>>;
type Op2 = Arc<Box<dyn CustomOp2 + Send + Sync>>;
type Op3 = Arc<Box<dyn CustomOp3 + Send + Sync>>;

/// What made a tensor.
enum Note {
    One(Tensor, Op1),
    Two([Tensor; 2], Op2),
    Three([Tensor; 3], Op3),
    /// The same numbers in another shape.
    Shape(Tensor),
}

thread_local! {
    /// What made the tensors since [`record`], where a backward pass is awaited.
    static NOTES: RefCell<Option<HashMap<TensorId, Note>>> = const { RefCell::new(None) };
}

/// Begins to note what kernels do on this thread, until the next [`backward`] or `record`.
pub(super) fn record() {
    NOTES.set(Some(HashMap::new()));
}

/// Notes what made `result`, where that is awaited and anything learns from it.
fn note(result: Tensor, what: impl FnOnce() -> Note) -> Tensor {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes.as_mut().filter(|_| result.track_op()) {
            notes.insert(result.id(), what());
        }
    });
    result
}

/// `x.apply_op1(op)`, noted.
pub(super) fn apply1(x: &Tensor, op: impl CustomOp1 + Send + Sync + 'static) -> Result<Tensor> {
    let op: Op1 = Arc::new(Box::new(op));
    let result = x.apply_op1_arc(Arc::clone(&op))?;
    Ok(note(result, || Note::One(x.clone(), op)))
}

/// `a.apply_op2(b, op)`, noted.
pub(super) fn apply2(
    a: &Tensor,
    b: &Tensor,
    op: impl CustomOp2 + Send + Sync + 'static,
) -> Result<Tensor> {
    let op: Op2 = Arc::new(Box::new(op));
    let result = a.apply_op2_arc(b, Arc::clone(&op))?;
    Ok(note(result, || Note::Two([a.clone(), b.clone()], op)))
}

/// `a.apply_op3(b, c, op)`, noted.
pub(super) fn apply3(
    [a, b, c]: [&Tensor; 3],
    op: impl CustomOp3 + Send + Sync + 'static,
) -> Result<Tensor> {
    let op: Op3 = Arc::new(Box::new(op));
    let result = a.apply_op3_arc(b, c, Arc::clone(&op))?;
    Ok(note(result, || {
        Note::Three([a, b, c].map(Tensor::clone), op)
    }))
}

/// x in another shape, without a copy where its numbers lie in order.
///
/// # Errors
/// Where the shape has another number of elements.
pub fn reshape(x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if x.dims() == shape {
        return Ok(x.clone());
    }
    Ok(note(x.reshape(shape)?, || Note::Shape(x.clone())))
}

/// A gradient on its way.
struct Pending {
    grad: Tensor,
    /// Whether another tensor's gradient has the same memory, so that it may not change.
    shared: bool,
}

/// The gradients of the variables that `result` depends on, for ∂L/∂(result) = `seed`; `None` where
/// something else than noted operations took part. Ends the recording.
///
/// # Errors
/// Those of the operations.
pub(super) fn backward(result: &Tensor, seed: Tensor) -> Result<Option<HashMap<TensorId, Tensor>>> {
    let Some(notes) = NOTES.take() else {
        return Ok(None);
    };
    let nodes = result.sorted_nodes();
    let noted = |node: &&Tensor| node.is_variable() || notes.contains_key(&node.id());
    if !nodes.iter().all(noted) {
        return Ok(None);
    }
    let mut pending = HashMap::new();
    add(&mut pending, result, seed, false)?;
    for node in nodes {
        let Some(note) = notes.get(&node.id()) else {
            continue;
        };
        let Some(Pending { grad, shared }) = pending.remove(&node.id()) else {
            continue;
        };
        let mut seen = vec![grad.id()];
        let mut give = |to: &Tensor, part: Option<Tensor>| match part {
            Some(part) if to.track_op() => {
                let shared = seen.contains(&part.id());
                seen.push(part.id());
                add(&mut pending, to, part, shared)
            }
            _ => Ok(()),
        };
        match note {
            Note::One(x, op) => give(x, op.bwd(x, node, &grad)?)?,
            Note::Two([a, b], op) => {
                let (first, second) = op.bwd(a, b, node, &grad)?;
                give(a, first)?;
                give(b, second)?;
            }
            Note::Three([a, b, c], op) => {
                let (first, second, third) = op.bwd(a, b, c, node, &grad)?;
                give(a, first)?;
                give(b, second)?;
                give(c, third)?;
            }
            Note::Shape(x) => add(&mut pending, x, grad.reshape(x.shape())?, shared)?,
        }
    }
    let own =
        |(id, p): (TensorId, Pending)| Ok((id, if p.shared { p.grad.copy()? } else { p.grad }));
    pending
        .into_iter()
        .map(own)
        .collect::<Result<_>>()
        .map(Some)
}

/// Adds to a tensor's gradient, in place where nobody else has the memory.
fn add(
    pending: &mut HashMap<TensorId, Pending>,
    to: &Tensor,
    part: Tensor,
    shared: bool,
) -> Result<()> {
    let part = Pending {
        grad: part.contiguous()?.detach(),
        shared,
    };
    let sum = match pending.remove(&to.id()) {
        None => part,
        Some(sum) if sum.grad.dtype() == candle_core::DType::F32 => {
            let (to, from) = match (sum.shared, part.shared) {
                (false, _) => (sum, part),
                (true, false) => (part, sum),
                (true, true) => (
                    Pending {
                        grad: sum.grad.copy()?,
                        shared: false,
                    },
                    part,
                ),
            };
            inplace::update1(&to.grad, &from.grad, |to, from| {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            })?;
            to
        }
        Some(sum) => Pending {
            grad: sum.grad.add(&part.grad)?,
            shared: false,
        },
    };
    pending.insert(to.id(), sum);
    Ok(())
}
