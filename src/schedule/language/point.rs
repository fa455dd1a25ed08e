//! What a curve knows of the update that it is asked about.

/// Where in a phase a curve is asked for its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Steps since the phase began (`past` already applied).
    pub u: f64,
    /// Share of the curve done, 0–1, by the phase's `include`.
    pub p: f64,
    /// Length of the curve in steps, D.
    pub length: f64,
    /// The update of the run (held at the epoch's first where `every = "epoch"`).
    pub t: f64,
    /// Epochs done at `t`, as a fraction.
    pub epoch: f64,
    /// Updates in the run's horizon, T.
    pub horizon: f64,
    /// Where the curve starts, a.
    pub from: f64,
    /// Where the curve ends, b.
    pub to: f64,
    /// What factors and absolute values are in the scale of `from` and `to`.
    pub scale: Scale,
    /// The factor of the followed target at `t`; 1 where none is followed.
    pub followed: f64,
    /// What the metric has made of it by `t`; 1 where none is watched.
    pub state: f64,
}

impl Point {
    /// `b + (a − b)·weight`, exact at both ends: 1 gives `from`, 0 gives `to`.
    #[must_use]
    pub fn mix(&self, weight: f64) -> f64 {
        self.from * weight + self.to * (1.0 - weight)
    }
}

/// The scale in which one track of one group is computed. The leading track works in the target's
/// own unit, so that `to_value = 1e-6` is met exactly; the others are factors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The group's base.
    pub base: f64,
    /// Whether this track works in the target's unit.
    pub leads: bool,
    /// What the factor 1 is: the base or 1, and less or more of it in the cycles of a `repeat`.
    pub unit: f64,
}

impl Scale {
    /// A scale for plain factors, on which nothing absolute can stand.
    pub const FACTOR: Self = Self {
        base: 1.0,
        leads: false,
        unit: 1.0,
    };

    /// The scale of a whole track over a base.
    pub(crate) fn of_track(base: f64, leads: bool) -> Self {
        let unit = if leads { base } else { 1.0 };
        Self { base, leads, unit }
    }

    /// The scale of the result: the target's own unit.
    #[must_use]
    pub fn leading(self) -> Self {
        let unit = if self.leads {
            self.unit
        } else {
            self.unit * self.base
        };
        Self {
            leads: true,
            unit,
            ..self
        }
    }

    /// A factor of the base.
    #[must_use]
    pub fn factor(&self, factor: f64) -> f64 {
        factor * self.unit
    }

    /// An absolute value in the target's unit.
    #[must_use]
    pub fn value(&self, value: f64) -> f64 {
        if self.leads { value } else { value / self.base }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_is_exact_at_both_ends() {
        let point = Point {
            u: 0.0,
            p: 0.0,
            length: 1.0,
            t: 0.0,
            epoch: 0.0,
            horizon: 1.0,
            from: 0.1,
            to: 1e-4,
            scale: Scale::FACTOR,
            followed: 1.0,
            state: 1.0,
        };
        assert_eq!(point.mix(1.0), 0.1);
        assert_eq!(point.mix(0.0), 1e-4);
    }
}
