//! Numbers as a table writes them, and reasons why a value is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The decimal sign of a table's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the key that holds it says what each name means"
)]
pub enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

const DIGITS_ONLY: &str = "write it without separators between the digits";

impl Decimal {
    /// The finite number that a text is, or `None`. Negative zero is zero.
    pub(super) fn number(self, text: &str) -> Option<f64> {
        let parsed = match self {
            Self::Point => text.parse(),
            Self::Comma if text.contains('.') => return None,
            Self::Comma => text.replace(',', ".").parse(),
        };
        parsed.ok().filter(|n: &f64| n.is_finite()).map(|n| n + 0.0)
    }

    /// The key that makes a text a number, where only its decimal sign is another one.
    pub(super) fn other(self, text: &str) -> Option<&'static str> {
        let (other, hint) = match self {
            Self::Point => (Self::Comma, "decimal = \",\""),
            Self::Comma => (Self::Point, "decimal = \".\""),
        };
        other.number(text).map(|_| hint)
    }

    /// A remedy for a text that is no number although it looks like one.
    pub(super) fn remedy(self, text: &str) -> Option<&'static str> {
        let lower = text.to_lowercase();
        if matches!(
            lower.as_str(),
            "n/a"
                | "#n/a"
                | "na"
                | "none"
                | "nil"
                | "-"
                | "--"
                | "."
                | "missing"
                | "unknown"
                | "<na>"
                | "#div/0!"
                | "#value!"
                | "#ref!"
        ) {
            return Some("leave a missing value empty, or write NA or ?");
        }
        if matches!(lower.trim_start_matches(['+', '-']), "inf" | "infinity") {
            return Some("a value must be finite; leave it empty where it is missing");
        }
        if text.parse::<f64>().is_ok_and(f64::is_infinite) {
            return Some("numbers go up to 3.4e38");
        }
        let is_number = |text: &str| self.number(text).is_some();
        if is_number(&text.replace(['−', '–'], "-")) {
            return Some("its minus sign is not `-`");
        }
        if is_number(&text.replace(['_', ' ', '\'', '’', '\u{a0}', '\u{202f}'], "")) {
            return Some(DIGITS_ONLY);
        }
        if let Some(hint) = self.other(text) {
            return Some(hint);
        }
        let sign = match self {
            Self::Point => ',',
            Self::Comma => '.',
        };
        if text.contains(sign) && is_number(&text.replace(sign, "")) {
            return Some(DIGITS_ONLY);
        }
        if lower.starts_with("0x") && i64::from_str_radix(&lower[2..], 16).is_ok() {
            return Some("write it in decimal");
        }
        let bare = text.trim_matches(|c: char| "%$€£¥ ".contains(c));
        (bare != text && is_number(bare)).then_some("write it without its unit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_decimal_sign() {
        let (point, comma) = (Decimal::Point, Decimal::Comma);
        for (text, number) in [
            ("1", 1.0),
            ("-1", -1.0),
            ("+2", 2.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("-0", 0.0),
            ("1.25", 1.25),
        ] {
            assert_eq!(point.number(text), Some(number), "{text}");
            assert_eq!(
                comma.number(&text.replace('.', ",")),
                Some(number),
                "{text}"
            );
        }
        assert_eq!(comma.number("1.5"), None);
        for text in [
            "", "x", "inf", "nan", "1e400", "1_000", "0x10", "−1", "1,5", "1 000", "1.2.3",
        ] {
            assert_eq!(point.number(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_that_is_nearly_a_number_has_a_remedy() {
        for (text, remedy) in [
            (
                "inf",
                "a value must be finite; leave it empty where it is missing",
            ),
            (
                "-Infinity",
                "a value must be finite; leave it empty where it is missing",
            ),
            ("1e400", "numbers go up to 3.4e38"),
            ("−1", "its minus sign is not `-`"),
            ("1_000", "write it without separators between the digits"),
            ("1 000", "write it without separators between the digits"),
            ("1,5", "decimal = \",\""),
            (
                "1,234,567",
                "write it without separators between the digits",
            ),
            ("0x10", "write it in decimal"),
            ("12%", "write it without its unit"),
            ("$3.50", "write it without its unit"),
            ("N/A", "leave a missing value empty, or write NA or ?"),
        ] {
            assert_eq!(Decimal::Point.remedy(text), Some(remedy), "{text}");
        }
        assert_eq!(Decimal::Comma.remedy("1.5"), Some("decimal = \".\""));
        assert_eq!(Decimal::Point.remedy("red"), None);
        assert_eq!(Decimal::Point.remedy("é0x"), None);
    }
}
