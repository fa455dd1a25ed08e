//! Arrays as named bytes: what checkpoints are made of.

use crate::units::counted;

/// A tensor as bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// Its name, unique within its list.
    pub name: String,
    /// Its element type.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, little-endian, row-major.
    pub bytes: Vec<u8>,
}

/// Element types that a checkpoint holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 64-bit integer.
    I64,
}

/// The difference between an array and the one that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Another element type or shape.
    #[error("{}", differing(found, wanted))]
    Layout {
        /// Its own.
        found: (Dtype, Vec<usize>),
        /// Those that it should have.
        wanted: (Dtype, Vec<usize>),
    },
    /// Bytes that are fewer or more than its shape says.
    #[error("has {}, not {wanted}", counted(*.found as u64, "byte"))]
    Length {
        /// Its bytes.
        found: usize,
        /// The bytes it should have.
        wanted: usize,
    },
}

/// The first difference of two element types and shapes.
fn differing(found: &(Dtype, Vec<usize>), wanted: &(Dtype, Vec<usize>)) -> String {
    match found.0 == wanted.0 {
        true => format!("has shape {:?}, not {:?}", found.1, wanted.1),
        false => format!("is {}, not {}", found.0.name(), wanted.0.name()),
    }
}

impl Dtype {
    /// Returns its name in the safetensors format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F64 => "F64",
            Self::U32 => "U32",
            Self::I64 => "I64",
        }
    }

    /// Returns the bytes of one element.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

impl NamedArray {
    /// Returns whether it has this element type and shape, and the bytes for them.
    ///
    /// # Errors
    /// The first difference.
    pub fn fits(&self, dtype: Dtype, shape: &[usize]) -> Result<(), Misfit> {
        if self.dtype != dtype || self.shape != shape {
            return Err(Misfit::Layout {
                found: (self.dtype, self.shape.clone()),
                wanted: (dtype, shape.to_vec()),
            });
        }
        match (self.bytes.len(), bytes_of(shape, dtype.width())) {
            (found, Some(wanted)) if found == wanted => Ok(()),
            (found, wanted) => Err(Misfit::Length {
                found,
                wanted: wanted.unwrap_or(usize::MAX),
            }),
        }
    }

    /// Reads its elements with `read`, such as `f32::from_le_bytes`.
    pub fn elements<const N: usize, T>(&self, read: impl Fn([u8; N]) -> T) -> Vec<T> {
        elements(&self.bytes, read)
    }
}

/// Reads elements of `N` bytes.
pub fn elements<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<N>();
    elements.iter().map(|element| read(*element)).collect()
}

/// Returns the bytes of a shape of elements of `width` bytes; `None` where there are too many to
/// count.
#[must_use]
pub fn bytes_of(shape: &[usize], width: usize) -> Option<usize> {
    let mut sizes = shape.iter();
    sizes.try_fold(width, |n, size| n.checked_mul(*size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_fits_its_type_shape_and_length_alone() {
        let array = NamedArray {
            name: "a".into(),
            dtype: Dtype::F32,
            shape: vec![2],
            bytes: [1.5_f32, -2.0].map(f32::to_le_bytes).concat(),
        };
        assert_eq!(array.elements(f32::from_le_bytes), [1.5, -2.0]);
        let why = |dtype, shape: &[usize]| array.fits(dtype, shape).unwrap_err().to_string();
        assert_eq!(array.fits(Dtype::F32, &[2]), Ok(()));
        assert_eq!(why(Dtype::I64, &[2]), "is F32, not I64");
        assert_eq!(why(Dtype::F32, &[1, 2]), "has shape [2], not [1, 2]");
        let torn = NamedArray {
            bytes: vec![0],
            ..array.clone()
        };
        let why = torn.fits(Dtype::F32, &[2]).unwrap_err().to_string();
        assert_eq!(why, "has 1 byte, not 8");
    }

    #[test]
    fn a_shape_of_too_many_elements_has_no_length() {
        assert_eq!(bytes_of(&[3, 2], 4), Some(24));
        assert_eq!(bytes_of(&[], 8), Some(8));
        assert_eq!(bytes_of(&[usize::MAX, 2], 1), None);
    }
}
