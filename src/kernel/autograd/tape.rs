//! A backward pass over the fused operations that adds nothing up without need.
//!
//! Candle's own begins each tensor's gradient as zeros and adds to it, two more trips through
//! memory for every map. While a backward pass is awaited ([`record`]), the kernels note what they
//! did; where everything between the loss and the parameters was noted, [`backward`] goes through
//! the same graph in the same order and lets the first gradient of a tensor be the gradient. Where
//! anything else took part, Candle's own backward pass does it all: the graph is always there.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use candle_core::{CustomOp1, CustomOp2, CustomOp3, Result, Tensor, TensorId};

use crate::kernel::memory::inplace;

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
pub(crate) fn record() {
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
pub(crate) fn apply1(x: &Tensor, op: impl CustomOp1 + Send + Sync + 'static) -> Result<Tensor> {
    let op: Op1 = Arc::new(Box::new(op));
    let result = x.apply_op1_arc(Arc::clone(&op))?;
    Ok(note(result, || Note::One(x.clone(), op)))
}

/// `a.apply_op2(b, op)`, noted.
pub(crate) fn apply2(
    a: &Tensor,
    b: &Tensor,
    op: impl CustomOp2 + Send + Sync + 'static,
) -> Result<Tensor> {
    let op: Op2 = Arc::new(Box::new(op));
    let result = a.apply_op2_arc(b, Arc::clone(&op))?;
    Ok(note(result, || Note::Two([a.clone(), b.clone()], op)))
}

/// `a.apply_op3(b, c, op)`, noted.
pub(crate) fn apply3(
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
pub(crate) fn backward(result: &Tensor, seed: Tensor) -> Result<Option<HashMap<TensorId, Tensor>>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        Activation, Grads, Init, Param, activate, add_relu, known_gradient, linear,
        op::add as plus,
        probe::{close, flat, taped, var},
    };
    use candle_core::{DType, Var};

    /// Σ x²/2, whose gradient is x.
    fn half_squares(x: &Tensor) -> Result<Tensor> {
        let wide = x.detach().to_dtype(DType::F64)?;
        known_gradient(x, &(wide.sqr()?.sum_all()? * 0.5)?, &wide)
    }

    fn tanh(x: &Tensor) -> Result<Tensor> {
        activate(x, Activation::Tanh)
    }

    fn gelu(x: &Tensor) -> Result<Tensor> {
        activate(x, Activation::Gelu)
    }

    #[track_caller]
    fn takes(inputs: &[&Tensor], f: &dyn Fn() -> Result<Tensor>) {
        assert!(taped("graph", inputs, f), "it was left to Candle");
    }

    #[test]
    fn the_gradients_of_a_tensor_used_twice_add_up() {
        let x = var(&[3, 4], 1);
        takes(&[&x], &|| {
            let once = tanh(&x)?;
            half_squares(&plus(&once, &gelu(&once)?)?)
        });
        takes(&[&x], &|| half_squares(&plus(&tanh(&x)?, &gelu(&x)?)?));
    }

    #[test]
    fn a_gradient_takes_on_the_shape_before_a_change() {
        let (x, w) = (var(&[3, 4], 1), var(&[5, 6], 2));
        takes(&[&x, &w], &|| {
            let flat = reshape(&tanh(&x)?, &[2, 6])?;
            half_squares(&linear(&flat, &w, None, false)?)
        });
        // Used in both shapes, and changed at the very start and end.
        takes(&[&x], &|| {
            let (long, square) = (reshape(&x, &[12])?, tanh(&x)?);
            let sum = plus(&gelu(&long)?, &reshape(&square, &[12])?)?;
            half_squares(&plus(&reshape(&sum, &[3, 4])?, &square)?)
        });
        takes(&[&x], &|| reshape(&half_squares(&x)?, &[1]));
    }

    /// Both terms of a sum get the same tensor as their gradient; each gets more from elsewhere.
    #[test]
    fn a_gradient_shared_by_two_is_not_changed_by_one() {
        let (x, y) = (var(&[3, 4], 1), var(&[3, 4], 2));
        takes(&[&x, &y], &|| {
            let (a, b) = (tanh(&x)?, gelu(&y)?);
            let (one, two) = (plus(&a, &b)?, plus(&b, &a)?);
            half_squares(&plus(&plus(&one, &gelu(&a)?)?, &add_relu(&two, &b)?)?)
        });
        takes(&[&x], &|| half_squares(&plus(&x, &x)?));
        takes(&[&x, &y], &|| {
            let sum = plus(&plus(&x, &y)?, &x)?;
            half_squares(&plus(&reshape(&sum, &[12])?, &reshape(&y, &[12])?)?)
        });
    }

    /// What arrives at variables is changed in place later: clipped, and added to.
    #[test]
    fn no_two_variables_get_the_same_memory() {
        let (x, y) = (var(&[3, 4], 1), var(&[3, 4], 2));
        record();
        let loss = half_squares(&plus(&x, &y).unwrap()).unwrap();
        let grads = backward(&loss, loss.ones_like().unwrap()).unwrap().unwrap();
        let (dx, dy) = (&grads[&x.id()], &grads[&y.id()]);
        let before = flat(dy);
        assert_eq!(flat(dx), before);
        inplace::update(dx, |values| values.fill(0.0)).unwrap();
        assert_eq!(flat(dy), before);
    }

    #[test]
    fn a_variable_at_two_places_gets_one_gradient() {
        let (x, w, b) = (var(&[3, 4], 1), var(&[4, 4], 2), var(&[4], 3));
        takes(&[&x, &w, &b], &|| {
            let once = linear(&x, &w, Some(&b), true)?;
            half_squares(&linear(&once, &w, Some(&b), false)?)
        });
    }

    #[test]
    fn a_constant_gets_no_gradient() {
        let (x, w) = (var(&[3, 4], 1).as_detached_tensor(), var(&[4, 4], 2));
        takes(&[&w], &|| {
            half_squares(&plus(&x, &linear(&x, &w, None, true)?)?)
        });
        record();
        let loss = half_squares(&linear(&x, &w, None, true).unwrap()).unwrap();
        let grads = backward(&loss, loss.ones_like().unwrap()).unwrap().unwrap();
        assert_eq!(grads.keys().collect::<Vec<_>>(), [&w.id()]);
    }

    #[test]
    fn narrow_gradients_add_up_too() {
        let x = var(&[3, 4], 1).to_dtype(DType::BF16).unwrap();
        let x = Var::from_tensor(&x).unwrap();
        takes(&[&x], &|| {
            let once = tanh(&x)?;
            half_squares(&linear(&once, &once, None, false)?)
        });
    }

    #[test]
    fn anything_foreign_is_left_to_candle() {
        let x = var(&[3, 4], 1);
        let foreign = |x: &Tensor| half_squares(&(tanh(x)? * 2.0)?);
        assert!(!taped("foreign", &[], &|| foreign(&x)));
        assert!(!taped("not noted", &[], &|| half_squares(&x)? * 2.0));
        let copied = |x: &Tensor| half_squares(&x.t()?.contiguous()?);
        assert!(!taped("copied", &[], &|| copied(&x)));

        // With the same gradients as ever: tanh(x)·4·tanh′(x).
        let param = Param::new("x".into(), vec![3, 4], Init::Uniform(1.0), true);
        param.fill(1, x.device()).unwrap();
        let params = [param];
        let mut grads = Grads::new(&params).unwrap();
        Grads::begin();
        let loss = foreign(params[0].tensor()).unwrap();
        grads.backward(&loss, 0.5, &params).unwrap();
        let bent = flat(params[0].tensor()).into_iter().map(f64::tanh);
        let want: Vec<f64> = bent.map(|t| 0.5 * 4.0 * t * (1.0 - t * t)).collect();
        close("gradient", &flat(grads.get(0)), &want, 1e-6);
    }

    #[test]
    fn what_was_not_recorded_is_left_to_candle() {
        let x = var(&[3, 4], 1);
        let loss = half_squares(&x).unwrap();
        let seed = || loss.ones_like().unwrap();
        NOTES.take();
        assert!(backward(&loss, seed()).unwrap().is_none());
        // A recording that began too late, and one that has ended.
        record();
        assert!(backward(&loss, seed()).unwrap().is_none());
        record();
        let loss = half_squares(&x).unwrap();
        assert!(backward(&loss, seed()).unwrap().is_some());
        assert!(backward(&loss, seed()).unwrap().is_none());
    }
}
