//! Tensors as named bytes and back: little-endian, row-major, in order of their names.

use candle_core::{Result, Tensor};

use super::error::RestoreError;
use crate::array::{Dtype, NamedArray};
use crate::kernel::{Param, bytes};

/// Copies a parameter's numbers out of the device, under a name of the caller's.
pub(super) fn copy(name: String, param: &Param) -> Result<NamedArray> {
    Ok(NamedArray {
        name,
        dtype: Dtype::F32,
        shape: param.shape().to_vec(),
        bytes: bytes(param.tensor())?,
    })
}

/// Puts an array's numbers into a parameter that [`matched`] paired it with.
pub(super) fn put(array: &NamedArray, param: &Param) -> Result<()> {
    let values = array.elements(f32::from_le_bytes);
    let var = param.var();
    var.set(&Tensor::from_vec(values, param.shape(), var.device())?)
}

/// Pairs arrays with parameters: each must find its partner, of its shape, and none may be left.
///
/// `wanted` are the parameters under the names they have in a checkpoint.
pub(super) fn matched<'a>(
    arrays: &'a [NamedArray],
    wanted: &'a [(String, Param)],
) -> std::result::Result<Vec<(&'a NamedArray, &'a Param)>, RestoreError> {
    let names = |found: &mut dyn Iterator<Item = &'a String>| {
        found.map(|name| format!("`{name}`")).collect::<Vec<_>>()
    };
    let missing = names(
        &mut wanted
            .iter()
            .map(|(name, _)| name)
            .filter(|name| arrays.iter().all(|array| array.name != **name)),
    );
    let unknown = names(
        &mut arrays
            .iter()
            .map(|array| &array.name)
            .filter(|name| wanted.iter().all(|(wanted, _)| wanted != *name)),
    );
    if !missing.is_empty() || !unknown.is_empty() || arrays.len() != wanted.len() {
        return Err(RestoreError::Names { missing, unknown });
    }
    let mut pairs = Vec::with_capacity(wanted.len());
    for (name, param) in wanted {
        let Some(array) = arrays.iter().find(|array| array.name == *name) else {
            continue;
        };
        let fits = array.fits(Dtype::F32, param.shape());
        fits.map_err(|why| RestoreError::Misfit {
            name: name.clone(),
            why,
        })?;
        pairs.push((array, param));
    }
    Ok(pairs)
}
