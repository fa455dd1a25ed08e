//! Checks of single keys that many types have.

use crate::{error::KeyFault, units::Span};

/// The fault of a number that must be finite and at least 0, if it has one.
#[must_use]
pub fn at_least_zero(key: &str, number: f64) -> Option<KeyFault> {
    (!(number >= 0.0 && number.is_finite())).then(|| {
        KeyFault::error(
            key,
            format!("`{number}` is not a finite number of at least 0"),
        )
    })
}

/// The fault of a number that must be finite, if it has one.
pub(crate) fn finite(key: &str, number: f64) -> Option<KeyFault> {
    let message = || format!("`{number}` is not a finite number");
    (!number.is_finite()).then(|| KeyFault::error(key, message()))
}

/// The fault of a number that must be finite and above 0, if it has one.
#[must_use]
pub fn above_zero(key: &str, number: f64) -> Option<KeyFault> {
    (!(number > 0.0 && number.is_finite()))
        .then(|| KeyFault::error(key, format!("`{number}` is not a finite number above 0")))
}

/// The fault of a key that must be a stretch of training longer than zero, if it has one.
#[must_use]
pub fn period_fault(key: &str, span: Span) -> Option<KeyFault> {
    if let Span::Seconds(_) | Span::Rest = span {
        return span_fault(key, span);
    }
    span.is_nothing().then(|| {
        KeyFault::error(key, format!("`{span}` is a period of zero steps"))
            .hint("at least \"1 step\"")
    })
}

/// The fault of a key that must be a number of steps, possibly zero, if it has one.
pub(crate) fn span_fault(key: &str, span: Span) -> Option<KeyFault> {
    let what = match span {
        Span::Seconds(_) => "is wall-clock time, which a reproducible schedule cannot follow",
        Span::Rest => "is not a length here",
        _ => return None,
    };
    Some(KeyFault::error(key, format!("`{span}` {what}")).hint("use epochs, steps, % or evals"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_lengths_of_training() {
        let message = |span: Span| period_fault("size", span).map(|fault| fault.to_string());
        assert_eq!(message(Span::Epochs(0.5)), None);
        assert_eq!(
            message(Span::Epochs(0.0)).as_deref(),
            Some("`size`: `0 epochs` is a period of zero steps; hint: at least \"1 step\"")
        );
        assert_eq!(
            message(Span::Rest).as_deref(),
            Some("`size`: `rest` is not a length here; hint: use epochs, steps, % or evals")
        );
        assert_eq!(
            message(Span::Seconds(60.0)).as_deref(),
            Some(
                "`size`: `60 s` is wall-clock time, which a reproducible schedule cannot follow; hint: use epochs, steps, % or evals"
            )
        );
    }
}
