//! Why a model cannot be built.

use crate::error::KeyFault;

/// A model that does not fit together, or a device that failed.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Shapes that do not fit; the key is the one of the model's table that is to blame.
    #[error(transparent)]
    Shape(KeyFault),
    /// Candle or the device.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl LayerError {
    /// A misfit that no key is blamed for yet.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::Shape(KeyFault::error("", message))
    }

    /// The same error, blaming `key` where nothing is blamed yet.
    #[must_use]
    pub fn at(self, key: impl Into<String>) -> Self {
        match self {
            Self::Shape(fault) if fault.key.is_empty() => Self::Shape(KeyFault {
                key: key.into(),
                ..fault
            }),
            other => other,
        }
    }

    /// The same error with a remedy.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Shape(fault) => Self::Shape(fault.hint(hint)),
            other => other,
        }
    }
}

/// The three extents of images [channels, height, width], or why they are none.
pub(super) fn images(layer: &str, input: &[usize]) -> Result<[usize; 3], LayerError> {
    match *input {
        [channels, height, width] if input.iter().all(|d| *d > 0) => Ok([channels, height, width]),
        _ => Err(LayerError::shape(format!(
            "`{layer}` takes images [channels, height, width], but gets samples of shape {input:?}"
        ))),
    }
}
