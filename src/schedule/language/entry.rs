//! One `[[schedule]]` of a config, read but not yet placed in a run.

use std::sync::Arc;

use crate::{
    error::{KeyFault, Severity},
    schedule::{Curve, FactorKeys, Keys, Target, Watched},
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
    /// The phases of each cycle, where the type repeats some.
    pub body: Vec<Entry>,
    /// The metric that it follows, where its type does; [`Watched::default`] where nobody says.
    pub watched: Option<Watched>,
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
            body: Vec::new(),
            watched: None,
        }
    }

    /// Whether it names anything in the target's own unit.
    pub(crate) fn is_absolute(&self) -> bool {
        self.keys.absolute() || self.curve.is_absolute() || self.body.iter().any(Self::is_absolute)
    }

    /// Faults that show without knowing the length of the run: of the common keys, of the type's
    /// own keys, of its factors, and of the phases of its body.
    #[must_use]
    pub fn check(&self) -> Vec<KeyFault> {
        let factors = self.times.iter().enumerate().flat_map(|(i, factor)| {
            let own = factor.keys.check().into_iter().chain(factor.curve.check());
            let whole = factor.curve.repeats().map(|_| {
                KeyFault::error("type", "a factor cannot have phases of its own")
                    .hint("put it on another `track`")
            });
            let watching = factor.curve.watches().map(|_| {
                KeyFault::error("type", "a factor cannot follow a metric")
                    .hint("put it on another `track`")
            });
            own.chain(whole)
                .chain(watching)
                .map(move |fault| within(i, fault))
        });
        let phases = self.body.iter().enumerate().flat_map(|(i, phase)| {
            let found = phase.misplaced().into_iter().chain(phase.check());
            found.map(move |fault| inside(i, fault))
        });
        let bare = (self.curve.repeats().is_some() && self.body.is_empty()).then(|| {
            KeyFault::error("phase", "there is nothing to repeat")
                .hint("write `[[schedule.phase]]` for each phase of a cycle")
        });
        self.keys
            .check()
            .into_iter()
            .chain(self.curve.check())
            .chain(factors)
            .chain(bare)
            .chain(phases)
            .collect()
    }

    /// The targets whose factors it reads, each with the key that says so.
    pub(crate) fn follows(&self) -> Vec<(String, Target)> {
        let of = |curve: &dyn Curve| curve.follows().map(|target| ("of".to_string(), target));
        let own = of(&*self.curve);
        let factors = self.times.iter().enumerate().filter_map(|(i, factor)| {
            let (key, target) = of(&*factor.curve)?;
            Some((format!("times[{i}].{key}"), target))
        });
        let phases = self.body.iter().enumerate().flat_map(|(i, phase)| {
            let inner = phase.follows().into_iter();
            inner.map(move |(key, target)| (format!("phase[{i}].{key}"), target))
        });
        own.into_iter().chain(factors).chain(phases).collect()
    }

    /// Keys that belong to the entry around it.
    fn misplaced(&self) -> Vec<KeyFault> {
        let plain = Keys::default();
        let keys = [
            ("track", self.keys.track != plain.track),
            ("target", self.keys.target != plain.target),
            ("groups", self.keys.groups != plain.groups),
        ];
        let fault = |key| {
            KeyFault::error(key, format!("a phase of a cycle has no `{key}` of its own"))
                .hint(format!("write `{key}` in the `[[schedule]]` around it"))
        };
        let found = keys.into_iter().filter(|(_, is_there)| *is_there);
        let watching = self.curve.watches().map(|_| {
            KeyFault::error("type", "a phase of a cycle cannot follow a metric")
                .hint("put it on another `track`")
        });
        found.map(|(key, _)| fault(key)).chain(watching).collect()
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
pub(crate) fn within(i: usize, fault: KeyFault) -> KeyFault {
    below("times", i, fault)
}

/// A fault of the `i`-th phase of a body, as a fault of its entry.
pub(crate) fn inside(i: usize, fault: KeyFault) -> KeyFault {
    below("phase", i, fault)
}

fn below(list: &str, i: usize, fault: KeyFault) -> KeyFault {
    let key = match fault.key.as_str() {
        "" => format!("{list}[{i}]"),
        key => format!("{list}[{i}].{key}"),
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
