//! The task: what is predicted, and the targets of a sample and of a batch.

use std::borrow::Cow;

/// The task of a model: what it predicts for a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// One of several classes.
    Classification {
        /// Number of classes.
        classes: usize,
        /// Their names by index.
        names: Vec<String>,
    },
    /// Any of several labels, none or all of them too.
    MultiLabel {
        /// The names of the labels by index.
        names: Vec<String>,
    },
    /// Numbers.
    Regression {
        /// How many for each sample.
        targets: usize,
    },
    /// The token that follows, for each place of a sample; a sample is made of tokens itself.
    NextToken {
        /// The different tokens, by their ids.
        vocabulary: Vec<String>,
    },
}

impl Task {
    /// Returns the classification into classes of these names.
    #[must_use]
    pub fn classes(names: Vec<String>) -> Self {
        Self::Classification {
            classes: names.len(),
            names,
        }
    }

    /// Returns how many numbers a model puts out for one sample: a logit a class or label, or a
    /// value a target. For tokens, how many for each place: a logit a token.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classification { classes, .. } => *classes,
            Self::MultiLabel { names } => names.len(),
            Self::Regression { targets } => *targets,
            Self::NextToken { vocabulary } => vocabulary.len(),
        }
    }

    /// Returns the names of what a model puts out, in order: classes, labels, tokens, or the
    /// numbers of the targets.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Classification { names, .. } | Self::MultiLabel { names } => names.clone(),
            Self::Regression { targets } => (0..*targets).map(|i| i.to_string()).collect(),
            Self::NextToken { vocabulary } => vocabulary.clone(),
        }
    }

    /// Returns the field's word for it.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Classification { .. } | Self::NextToken { .. } => "classification",
            Self::MultiLabel { .. } => "multi-label classification",
            Self::Regression { .. } => "regression",
        }
    }

    /// Returns whether each sample, or each place of it, has exactly one class.
    #[must_use]
    pub fn is_classification(&self) -> bool {
        matches!(self, Self::Classification { .. } | Self::NextToken { .. })
    }

    /// Returns whether numbers are predicted.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        matches!(self, Self::Regression { .. })
    }

    /// Returns whether a sample has any number of labels, each predicted for itself.
    #[must_use]
    pub fn is_multi_label(&self) -> bool {
        matches!(self, Self::MultiLabel { .. })
    }

    /// Returns whether each place of a sample has an answer of its own.
    #[must_use]
    pub fn is_of_places(&self) -> bool {
        matches!(self, Self::NextToken { .. })
    }
}

#[cfg(test)]
impl Task {
    /// Returns a classification into so many classes without names.
    pub(crate) fn unnamed(classes: usize) -> Self {
        Self::classes(vec![String::new(); classes])
    }
}

/// The target of one sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Target<'a> {
    /// An index into the class names.
    Class(u32),
    /// A class for each place of the sample.
    Classes(Cow<'a, [u32]>),
    /// The numbers of a regression, in the unit that the model is trained in; or 1 for each label
    /// that the sample has, and 0 for the others.
    Values(Cow<'a, [f32]>),
}

/// The targets of a batch, sample after sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// A class for each sample, or for each place of the samples.
    Classes(Vec<u32>),
    /// The same count of numbers for each sample; 0 or 1 each for labels.
    Values(Vec<f32>),
}

impl Targets {
    /// Returns no targets, of the kind of `first`, with room for `len` targets like it.
    #[must_use]
    pub fn with_room(first: &Target<'_>, len: usize) -> Self {
        match first {
            Target::Class(_) => Self::Classes(Vec::with_capacity(len)),
            Target::Classes(places) => Self::Classes(Vec::with_capacity(len * places.len())),
            Target::Values(values) => Self::Values(Vec::with_capacity(len * values.len())),
        }
    }

    /// Appends the target of the sample behind `done` others; `None` where it is of another kind or
    /// size than theirs.
    pub fn add(&mut self, target: &Target<'_>, done: usize) -> Option<()> {
        match (self, target) {
            (Self::Classes(all), Target::Class(class)) if all.len() == done => all.push(*class),
            (Self::Classes(all), Target::Classes(new)) if all.len() == done * new.len() => {
                all.extend_from_slice(new);
            }
            (Self::Values(all), Target::Values(new)) if all.len() == done * new.len() => {
                all.extend_from_slice(new);
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_another_kind_or_size_are_refused() {
        let values = |values: &'static [f32]| Target::Values(values.into());
        let mut all = Targets::with_room(&values(&[1.0, 2.0]), 3);
        assert_eq!(all.add(&values(&[1.0, 2.0]), 0), Some(()));
        assert_eq!(all.add(&values(&[3.0]), 1), None);
        assert_eq!(all.add(&Target::Class(1), 1), None);
        assert_eq!(all, Targets::Values(vec![1.0, 2.0]));
        let mut classes = Targets::with_room(&Target::Class(1), 2);
        assert_eq!(classes.add(&Target::Class(1), 0), Some(()));
        assert_eq!(classes.add(&Target::Classes(vec![1, 2].into()), 1), None);
    }
}
