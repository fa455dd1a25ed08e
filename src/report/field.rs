//! A value of a run at a key, as `--where`, `--require`, `--sort` and `--columns` see it.

use std::{cmp::Ordering, fmt};

use serde::{Serialize, Serializer};

use super::exact;

/// One value.
#[derive(Debug, Clone)]
pub enum Field {
    /// A whole number, such as a seed or a step, with all of its digits.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
}

impl Field {
    /// Reads a word: a whole number, a number or a text.
    #[must_use]
    pub fn read(word: &str) -> Self {
        let integer = word.parse().map(Self::Integer);
        integer
            .or_else(|_| word.parse().map(Self::Number))
            .unwrap_or_else(|_| Self::Text(word.into()))
    }

    /// Returns a count, such as that of steps.
    #[must_use]
    pub fn count(count: u64) -> Self {
        i64::try_from(count).map_or(Self::Number(count as f64), Self::Integer)
    }

    /// Returns the order of two numbers or two texts; none for a number and a text, and for NaN.
    #[must_use]
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Integer(a), Self::Number(b)) => mixed(*a, *b),
            (Self::Number(a), Self::Integer(b)) => mixed(*b, *a).map(Ordering::reverse),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Text(_), _) | (_, Self::Text(_)) => None,
        }
    }
}

/// Returns the exact order of a whole number and any other: not every whole number is an `f64`.
fn mixed(integer: i64, number: f64) -> Option<Ordering> {
    /// 2^63, which is above every `i64`.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() {
        return None;
    }
    if !(-END..END).contains(&number) {
        return 0.0.partial_cmp(&number);
    }
    let whole = integer.cmp(&(number as i64));
    Some(whole.then(0.0.partial_cmp(&number.fract())?))
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Some(Ordering::Equal)
    }
}

impl From<f64> for Field {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// All digits of a number; a text without quotes.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Number(number) => f.write_str(&exact(*number)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A whole number is written without `.0`, as a plan has it, and one that is not finite as a text.
impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(integer) => serializer.serialize_i64(*integer),
            Self::Number(n) if n.fract() == 0.0 && n.abs() < 1e15 => {
                serializer.serialize_i64(*n as i64)
            }
            Self::Number(n) if n.is_finite() => serializer.serialize_f64(*n),
            Self::Number(n) => serializer.serialize_str(&exact(*n)),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_what_they_are() {
        let big = Field::Integer(9_007_199_254_740_993);
        assert_eq!(Field::read("9007199254740993"), big);
        assert_ne!(Field::read("9007199254740992"), big);
        assert_eq!(Field::read("-3"), Field::Integer(-3));
        assert_eq!(Field::read("1e3"), Field::Number(1000.0));
        assert_eq!(
            Field::read("9223372036854775808"),
            Field::Number(2f64.powi(63))
        );
        assert_eq!(Field::read("v1"), Field::from("v1"));
    }

    #[test]
    fn whole_numbers_compare_by_every_digit() {
        // Each is above the one before it.
        let rising = [
            Field::Number(f64::NEG_INFINITY),
            Field::Integer(i64::MIN),
            Field::Integer(-2),
            Field::Number(-1.5),
            Field::Integer(-1),
            Field::Number(-0.5),
            Field::Integer(0),
            Field::Number(0.5),
            Field::Integer(9_007_199_254_740_991),
            Field::Number(9_007_199_254_740_992.0),
            Field::Integer(9_007_199_254_740_993),
            Field::Integer(i64::MAX),
            Field::Number(2f64.powi(63)),
            Field::Number(f64::INFINITY),
        ];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(a.order(b), Some(i.cmp(&j)), "{a:?} {b:?}");
            }
            assert_eq!(a.order(&Field::Number(f64::NAN)), None, "{a:?}");
            assert_eq!(Field::from("1").order(a), None, "{a:?}");
        }
        assert_eq!(Field::Integer(3), Field::Number(3.0));
        assert_eq!(Field::Integer(i64::MIN), Field::Number(-2f64.powi(63)));
        assert_eq!(Field::Integer(0), Field::Number(-0.0));
    }

    #[test]
    fn numbers_are_written_with_every_digit() {
        let json = |field: Field| serde_json::to_string(&field).unwrap();
        assert_eq!(json(Field::Integer(i64::MAX)), "9223372036854775807");
        assert_eq!(json(Field::Number(3.0)), "3");
        assert_eq!(json(Field::Number(0.1)), "0.1");
        assert_eq!(json(Field::Number(f64::NAN)), "\"NaN\"");
        assert_eq!(Field::Integer(i64::MIN).to_string(), "-9223372036854775808");
    }
}
