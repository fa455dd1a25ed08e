//! Fused passes over f32 tensors in CPU memory, in place: one closure sees the same chunk of a
//! parameter, of its optimizer state and of its gradient, so an optimizer step is one trip through
//! memory instead of ten.
//!
//! Chunks have a fixed size ([`CHUNK`]) whatever the number of threads, and no chunk reads
//! another's numbers, so the bits do not depend on the threads. On other devices the callers
//! compose Candle's own operations.

use std::cell::Cell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, bail};
use rayon::prelude::*;

use super::slice;
use crate::kernel::simd::dispatch;

/// Elements of one unit of parallel work: small enough for the first-level cache with three
/// operands, large enough that handing it to a thread costs nothing.
pub const CHUNK: usize = 8192;

/// Runs `pass` over the numbers of one tensor, in chunks.
///
/// # Errors
/// Where the tensor is not f32, contiguous and on the CPU.
pub fn update(param: &Tensor, pass: impl Fn(&mut [f32]) + Sync) -> Result<()> {
    with_mut(param, |p| {
        chunked(p.len(), p.par_chunks_mut(CHUNK), pass);
        Ok(())
    })
}

/// Runs `pass(param, grad)` over matching chunks; the first tensor changes.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let weight = Tensor::new(&[1f32, 2.0], &Device::Cpu)?;
/// let grad = Tensor::new(&[10f32, -10.0], &Device::Cpu)?;
/// trainer::kernel::inplace::update1(&weight, &grad, |w, g| {
///     for (w, g) in w.iter_mut().zip(g) {
///         *w -= 0.1 * g;
///     }
/// })?;
/// assert_eq!(weight.to_vec1::<f32>()?, [0.0, 3.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the tensors are not f32, contiguous, of one length, on the CPU and distinct.
pub fn update1(
    param: &Tensor,
    grad: &Tensor,
    pass: impl Fn(&mut [f32], &[f32]) + Sync,
) -> Result<()> {
    check(&[param, grad])?;
    with_ref(grad, |g| {
        with_mut(param, |p| {
            let chunks = p.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK));
            chunked(g.len(), chunks, |(p, g)| pass(p, g));
            Ok(())
        })
    })
}

/// Runs `pass(param, state, grad)` over matching chunks; parameter and state change.
///
/// # Errors
/// As for [`update1`].
pub fn update2(
    param: &Tensor,
    state: &Tensor,
    grad: &Tensor,
    pass: impl Fn(&mut [f32], &mut [f32], &[f32]) + Sync,
) -> Result<()> {
    check(&[param, state, grad])?;
    with_ref(grad, |g| {
        with_mut(state, |s| {
            with_mut(param, |p| {
                let chunks = p
                    .par_chunks_mut(CHUNK)
                    .zip(s.par_chunks_mut(CHUNK))
                    .zip(g.par_chunks(CHUNK));
                chunked(g.len(), chunks, |((p, s), g)| pass(p, s, g));
                Ok(())
            })
        })
    })
}

/// Runs `pass(param, first, second, grad)` over matching chunks; parameter and both states change.
///
/// # Errors
/// As for [`update1`].
pub fn update3(
    param: &Tensor,
    first: &Tensor,
    second: &Tensor,
    grad: &Tensor,
    pass: impl Fn(&mut [f32], &mut [f32], &mut [f32], &[f32]) + Sync,
) -> Result<()> {
    check(&[param, first, second, grad])?;
    with_ref(grad, |g| {
        with_mut(first, |a| {
            with_mut(second, |b| {
                with_mut(param, |p| {
                    let chunks = p
                        .par_chunks_mut(CHUNK)
                        .zip(a.par_chunks_mut(CHUNK))
                        .zip(b.par_chunks_mut(CHUNK))
                        .zip(g.par_chunks(CHUNK));
                    chunked(g.len(), chunks, |(((p, a), b), g)| pass(p, a, b, g));
                    Ok(())
                })
            })
        })
    })
}

/// Calls `f` with the numbers of a contiguous f32 CPU tensor, writable.
///
/// # Errors
/// Where the tensor is something else, and whatever `f` returns.
pub fn with_mut<R>(tensor: &Tensor, f: impl FnOnce(&mut [f32]) -> Result<R>) -> Result<R> {
    let result = Cell::new(None);
    let pass = Pass {
        f: Cell::new(Some(f)),
        result: &result,
    };
    tensor.inplace_op1(&pass)?;
    match result.take() {
        Some(value) => Ok(value),
        None => bail!("an in-place pass did not run"),
    }
}

/// Calls `f` with the numbers of a contiguous f32 CPU tensor.
///
/// # Errors
/// Where the tensor is something else, and whatever `f` returns.
pub fn with_ref<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(slice(storage, layout)?),
        _ => bail!("expected an f32 tensor in CPU memory"),
    }
}

/// An in-place operation that runs a closure once.
struct Pass<'a, F, R> {
    f: Cell<Option<F>>,
    result: &'a Cell<Option<R>>,
}

impl<R, F: FnOnce(&mut [f32]) -> Result<R>> InplaceOp1 for Pass<'_, F, R> {
    fn name(&self) -> &'static str {
        "inplace"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(values) = storage else {
            bail!("expected an f32 tensor in CPU memory")
        };
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!(
                "expected a contiguous tensor, not strides {:?}",
                layout.stride()
            )
        };
        if let Some(f) = self.f.take() {
            self.result.set(Some(f(&mut values[start..end])?));
        }
        Ok(())
    }
}

/// Refuses operands of different lengths, and the same memory twice (which would wait for itself).
fn check(tensors: &[&Tensor]) -> Result<()> {
    let mut seen: Vec<*const f32> = Vec::with_capacity(tensors.len());
    let count = tensors[0].elem_count();
    for tensor in tensors {
        if tensor.elem_count() != count {
            let other = tensor.shape();
            bail!(
                "shapes differ in a fused pass: {:?} and {other:?}",
                tensors[0].shape()
            )
        }
        let (storage, _) = tensor.storage_and_layout();
        let Storage::Cpu(CpuStorage::F32(values)) = &*storage else {
            bail!("expected an f32 tensor in CPU memory")
        };
        if count > 0 && seen.contains(&values.as_ptr()) {
            bail!("a fused pass got the same memory twice")
        }
        seen.push(values.as_ptr());
    }
    Ok(())
}

/// Runs the chunks in parallel, or here where there is only one.
fn chunked<I>(len: usize, chunks: I, run: impl Fn(I::Item) + Sync)
where
    I: IndexedParallelIterator,
{
    let chunks = if len <= CHUNK {
        chunks.with_min_len(usize::MAX)
    } else {
        chunks.with_min_len(1)
    };
    chunks.for_each(|chunk| {
        dispatch(
            #[inline(always)]
            || run(chunk),
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn tensor(n: usize, scale: f32) -> Tensor {
        let values = (0..n).map(|i| scale * i as f32).collect::<Vec<_>>();
        Tensor::from_vec(values, n, &Device::Cpu).unwrap()
    }

    #[test]
    fn every_element_is_visited_once_with_its_partners() {
        for n in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7] {
            let (p, a, b, g) = (
                tensor(n, 1.0),
                tensor(n, 2.0),
                tensor(n, 3.0),
                tensor(n, 4.0),
            );
            update3(&p, &a, &b, &g, |p, a, b, g| {
                for i in 0..p.len() {
                    (p[i], a[i], b[i]) = (p[i] + a[i] + b[i] + g[i], a[i] + g[i], b[i] - g[i]);
                }
            })
            .unwrap();
            for (got, scale) in [(p, 10.0), (a, 6.0), (b, -1.0)] {
                let want = tensor(n, scale).to_vec1::<f32>().unwrap();
                assert_eq!(got.to_vec1::<f32>().unwrap(), want);
            }
        }
    }

    #[test]
    fn a_view_changes_only_what_it_covers() {
        let whole = tensor(10, 1.0);
        let view = whole.narrow(0, 3, 4).unwrap();
        update(&view, |p| p.fill(0.0)).unwrap();
        let want = [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 7.0, 8.0, 9.0];
        assert_eq!(whole.to_vec1::<f32>().unwrap(), want);
    }

    #[test]
    fn misuse_is_an_error_and_not_a_deadlock() {
        let a = tensor(4, 1.0);
        let message = |r: Result<()>| r.unwrap_err().to_string();
        assert!(message(update1(&a, &a, |_, _| ())).contains("same memory twice"));
        assert!(message(update1(&a, &tensor(5, 1.0), |_, _| ())).contains("shapes differ"));
        let square = tensor(4, 1.0).reshape((2, 2)).unwrap();
        let transposed = square.t().unwrap();
        assert!(message(update1(&transposed, &a, |_, _| ())).contains("contiguous"));
        let ints = Tensor::new(&[1u32, 2, 3, 4], &Device::Cpu).unwrap();
        assert!(message(update1(&a, &ints, |_, _| ())).contains("f32"));
    }
}
