//! What a value is held between.

use crate::schedule::{Keys, Scale};

/// Bounds of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    pub floor: f64,
    pub ceil: f64,
}

impl Limits {
    /// No bounds.
    pub const NONE: Self = Self {
        floor: f64::NEG_INFINITY,
        ceil: f64::INFINITY,
    };

    /// The bounds that an entry asks for, in a scale.
    pub fn of(keys: &Keys, scale: Scale) -> Self {
        let either = |value: Option<f64>, factor: Option<f64>| {
            let factor = factor.map(|factor| scale.factor(factor));
            value.map(|value| scale.value(value)).or(factor)
        };
        Self {
            floor: either(keys.floor_value, keys.floor).unwrap_or(Self::NONE.floor),
            ceil: either(keys.ceil_value, keys.ceil).unwrap_or(Self::NONE.ceil),
        }
    }

    /// Both bounds together.
    pub fn meet(self, other: Self) -> Self {
        Self {
            floor: self.floor.max(other.floor),
            ceil: self.ceil.min(other.ceil),
        }
    }

    /// The value within the bounds; NaN stays NaN, so that it is found.
    pub fn hold(self, value: f64) -> f64 {
        if value > self.ceil {
            self.ceil
        } else if value < self.floor {
            self.floor
        } else {
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_values_and_keep_nan() {
        let limits = Limits {
            floor: 0.1,
            ceil: 0.5,
        }
        .meet(Limits {
            floor: 0.2,
            ..Limits::NONE
        });
        assert_eq!(limits.hold(0.0), 0.2);
        assert_eq!(limits.hold(0.3), 0.3);
        assert_eq!(limits.hold(1.0), 0.5);
        assert!(limits.hold(f64::NAN).is_nan());
    }
}
