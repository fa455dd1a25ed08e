//! One `[[schedule]]` of a config, read but not yet placed in a run.

use std::sync::Arc;

use crate::{
    error::{KeyFault, Severity},
    schedule::{Curve, FactorKeys, Keys},
};

/// One `[[schedule]]`: a phase of the chain that its target, groups and track name.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The config's `type`.
    pub kind: String,
    /// The keys that all types share.
    pub keys: Keys,
    /// The type with its own keys.
    pub curve: Arc<dyn Curve>,
    /// `keys.times`, read.
    pub times: Vec<Factor>,
}

/// One table of `times`: a curve of factors that multiplies its phase.
#[derive(Debug, Clone)]
pub struct Factor {
    /// The config's `type`.
    pub kind: String,
    /// The keys that all factors share.
    pub keys: FactorKeys,
    /// The type with its own keys.
    pub curve: Arc<dyn Curve>,
}

/// A fault or a warning of one entry.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryFault {
    /// The entry's place in the list.
    pub entry: usize,
    /// Which of its keys, and why.
    pub fault: KeyFault,
}

impl Entry {
    /// An entry without factors.
    pub fn new(kind: impl Into<String>, keys: Keys, curve: Arc<dyn Curve>) -> Self {
        Self {
            kind: kind.into(),
            keys,
            curve,
            times: Vec::new(),
        }
    }

    /// Faults that show without knowing the length of the run: of the common keys, of the type's
    /// own keys, and of its factors.
    #[must_use]
    pub fn check(&self) -> Vec<KeyFault> {
        let factors = self.times.iter().enumerate().flat_map(|(i, factor)| {
            let own = factor.keys.check().into_iter().chain(factor.curve.check());
            own.map(move |fault| within(i, fault))
        });
        self.keys
            .check()
            .into_iter()
            .chain(self.curve.check())
            .chain(factors)
            .collect()
    }
}

impl EntryFault {
    /// Whether the config is refused.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.fault.severity == Severity::Error
    }
}

/// A fault of the `i`-th factor, as a fault of its entry.
pub(super) fn within(i: usize, fault: KeyFault) -> KeyFault {
    let key = if fault.key.is_empty() {
        format!("times[{i}]")
    } else {
        format!("times[{i}].{}", fault.key)
    };
    KeyFault { key, ..fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Poly;

    #[test]
    fn faults_of_all_parts_are_found_at_once() {
        let poly = |power| {
            Arc::new(Poly {
                power,
                k_decay: 1.0,
            })
        };
        let keys = Keys {
            to: Some(-1.0),
            ..Keys::default()
        };
        let mut entry = Entry::new("poly", keys, poly(f64::NAN));
        entry.times.push(Factor {
            kind: "poly".into(),
            keys: FactorKeys {
                from: Some(-2.0),
                ..FactorKeys::default()
            },
            curve: poly(-1.0),
        });
        let messages: Vec<_> = entry.check().iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`to`: `-1` is negative",
                "`power`: `NaN` is not a finite number of at least 0",
                "`times[0].from`: `-2` is negative",
                "`times[0].power`: `-1` is not a finite number of at least 0",
            ]
        );
    }
}
