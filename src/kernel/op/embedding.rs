//! Embedding: a row of a table for each token. Backward: each row of the table gets the sum of the
//! gradients of the places that show it.

use candle_core::{DType, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::kernel::{
    autograd::{Fused, Operand, Role, apply},
    composed,
    memory::{fused, output, tensor, uninit, with_ref},
};

/// The rows of `weight` `[v, d]` at `ids` u32 `[..]`, as `[.., d]` in the weight's type.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let weight = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let ids = Tensor::new(&[[1u32, 0], [1, 1]], &Device::Cpu)?;
/// let rows = trainer::kernel::embedding(&weight, &ids)?;
/// assert_eq!(rows.dims(), [2, 2, 2]);
/// assert_eq!(rows.flatten_all()?.to_vec1::<f32>()?, [3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where an id is not below v, the ids are not u32, the table has not two dimensions, or the device
/// fails.
pub fn embedding(weight: &Tensor, ids: &Tensor) -> Result<Tensor> {
    if ids.dtype() != DType::U32 {
        bail!("ids of tokens are u32, not {:?}", ids.dtype())
    }
    if !fused(weight) || weight.dtype() != DType::F32 {
        return composed::embedding(weight, ids);
    }
    let (rows, _) = weight.dims2()?;
    let lookup = Lookup {
        shape: ids.dims().to_vec(),
        ids: ids.flatten_all()?.to_vec1()?,
    };
    if let Some(id) = lookup.ids.iter().find(|id| **id as usize >= rows) {
        bail!("token {id} is not one of {rows}")
    }
    apply([(weight, Role::Exact)], lookup)
}

struct Lookup {
    /// Ids below the number of rows, and their shape.
    ids: Vec<u32>,
    shape: Vec<usize>,
}

impl Fused<1> for Lookup {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn forward(&self, [weight]: [Operand; 1]) -> Result<(Vec<f32>, Shape)> {
        let (weight, width) = (weight.values, weight.shape.dims()[1]);
        let mut out = uninit(self.ids.len() * width);
        for (row, id) in out.chunks_exact_mut(width.max(1)).zip(&self.ids) {
            row.copy_from_slice(&weight[*id as usize * width..][..width]);
        }
        output(out, [&self.shape[..], &[width]].concat())
    }

    fn backward(
        &self,
        [weight]: [&Tensor; 1],
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 1]> {
        let (rows, width) = weight.dims2()?;
        // Each row adds up its own places, in their order.
        let mut places = vec![Vec::new(); rows];
        for (place, id) in self.ids.iter().enumerate() {
            places[*id as usize].push(place);
        }
        let mut out = vec![0.0; rows * width];
        with_ref(grad, |grad| {
            let rows = out.par_chunks_mut(width.max(1)).zip(&places);
            rows.for_each(|(row, places)| {
                for place in places {
                    for (sum, g) in row.iter_mut().zip(&grad[place * width..][..width]) {
                        *sum += g;
                    }
                }
            });
            Ok(())
        })?;
        Ok([Some(tensor(out, weight.shape())?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::{everything, gradients, threads, var};
    use candle_core::Device;

    fn ids(shape: &[usize], below: u32) -> Tensor {
        let count = shape.iter().product::<usize>() as u32;
        let ids: Vec<u32> = (0..count).map(|i| i * 7 % below).collect();
        Tensor::from_vec(ids, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (ids, rows) in [(ids(&[2, 5], 4), 6), (ids(&[3], 1), 1)] {
            gradients(
                "embedding",
                &[var(&[rows, 3], 1)],
                &|w| embedding(&w[0], &ids),
                &|w| composed::embedding(&w[0], &ids),
            );
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let ids = ids(&[7, 300], 50);
        threads(|| everything(&[var(&[60, 33], 1)], &|w| embedding(&w[0], &ids)));
    }

    #[test]
    fn ids_that_have_no_row_or_are_no_ids_are_refused() {
        let weight = var(&[4, 3], 1);
        let five = Tensor::new(&[0u32, 5], &Device::Cpu).unwrap();
        assert!(embedding(&weight, &five).is_err());
        let message = embedding(&weight, &var(&[2], 2)).unwrap_err().to_string();
        assert!(
            message.contains("ids of tokens are u32, not F32"),
            "{message}"
        );
    }
}
