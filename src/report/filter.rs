//! The little language of `--where`: `optimizer.lr > 0.01 and (status = completed or tag = best)`.
//!
//! ```text
//! filter     = all { "or" all }
//! all        = one { "and" one }
//! one        = "not" one | "(" filter ")" | comparison
//! comparison = key ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//! value      = number | word | "quoted" | 'quoted'
//! ```
//!
//! Numbers compare as numbers, whole ones by every digit, and texts by their characters (dates so by time). A key may have
//! several values (tags, arrays): `=` holds if one of them is equal, `!=` if none is. A run without
//! the key fulfils no comparison, not even `!=`.

use std::cmp::Ordering;

use super::Field;

/// A condition on a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Expr);

#[derive(Debug, Clone, PartialEq)]
enum Expr {
    Any(Vec<Expr>),
    All(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        key: String,
        operator: Operator,
        value: Field,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Differs,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Why a text is no filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the filter needs {expected} at column {column}\n  {text}\n  {caret:>column$}; hint: {HINT}",
    caret = "^"
)]
pub struct FilterError {
    text: String,
    /// Counts characters from 1.
    column: usize,
    expected: &'static str,
}

const HINT: &str = "write it like `optimizer.lr > 0.01 and status = completed`; \
    there are and, or, not, ( ), =, !=, <, <=, >, >=, and quotes for values with spaces";

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// Where the text is not one, with the place and what should stand there.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0 };
        let filter = parser.any()?;
        match parser.word() {
            "" => Ok(Self(filter)),
            _ => Err(parser.error("`and`, `or` or the end")),
        }
    }

    /// Whether it holds, given the values of a key (none where there is no such key).
    pub fn holds(&self, values: &impl Fn(&str) -> Vec<Field>) -> bool {
        self.0.holds(values)
    }

    /// The keys that it asks for.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        self.0.collect_keys(&mut keys);
        keys
    }
}

impl Expr {
    fn holds(&self, values: &impl Fn(&str) -> Vec<Field>) -> bool {
        match self {
            Self::Any(terms) => terms.iter().any(|term| term.holds(values)),
            Self::All(terms) => terms.iter().all(|term| term.holds(values)),
            Self::Not(term) => !term.holds(values),
            Self::Compare {
                key,
                operator,
                value,
            } => operator.holds(&values(key), value),
        }
    }

    fn collect_keys<'a>(&'a self, keys: &mut Vec<&'a str>) {
        match self {
            Self::Any(terms) | Self::All(terms) => {
                terms.iter().for_each(|term| term.collect_keys(keys))
            }
            Self::Not(term) => term.collect_keys(keys),
            Self::Compare { key, .. } => keys.push(key),
        }
    }
}

impl Operator {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "=" | "==" => Self::Equal,
            "!=" => Self::Differs,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    fn holds(self, values: &[Field], wanted: &Field) -> bool {
        let any = |test: fn(Ordering) -> bool| {
            values
                .iter()
                .filter_map(|value| order(value, wanted))
                .any(test)
        };
        match self {
            Self::Equal => any(Ordering::is_eq),
            Self::Differs => !values.is_empty() && !any(Ordering::is_eq),
            Self::Less => any(Ordering::is_lt),
            Self::AtMost => any(Ordering::is_le),
            Self::Greater => any(Ordering::is_gt),
            Self::AtLeast => any(Ordering::is_ge),
        }
    }
}

/// Returns the order of two values of the same sort; a text is never less or greater than a number,
/// and NaN equals nothing.
fn order(value: &Field, wanted: &Field) -> Option<Ordering> {
    match (value, wanted) {
        // A name may look like a number: `name = 2024`.
        (Field::Text(text), Field::Integer(_) | Field::Number(_)) => {
            let order = Field::read(text).order(wanted);
            order.filter(|order| order.is_eq())
        }
        _ => value.order(wanted),
    }
}

/// Recursive descent over words; `at` is a byte offset.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expr, FilterError> {
        let mut terms = vec![self.all()?];
        while self.takes("or") {
            terms.push(self.all()?);
        }
        Ok(one_or(terms, Expr::Any))
    }

    fn all(&mut self) -> Result<Expr, FilterError> {
        let mut terms = vec![self.one()?];
        while self.takes("and") {
            terms.push(self.one()?);
        }
        Ok(one_or(terms, Expr::All))
    }

    fn one(&mut self) -> Result<Expr, FilterError> {
        if self.takes("not") {
            return Ok(Expr::Not(Box::new(self.one()?)));
        }
        if self.takes("(") {
            let inner = self.any()?;
            return if self.takes(")") {
                Ok(inner)
            } else {
                Err(self.error("`)`"))
            };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, FilterError> {
        let key = self.word();
        if !key.starts_with(|c: char| c.is_alphabetic() || c == '_') || is_reserved(key) {
            return Err(self.error("a key, such as `status` or `optimizer.lr`,"));
        }
        self.at += key.len();
        let symbol = self.word();
        let Some(operator) = Operator::read(symbol) else {
            return Err(self.error("one of =, !=, <, <=, >, >="));
        };
        self.at += symbol.len();
        Ok(Expr::Compare {
            key: key.into(),
            operator,
            value: self.value()?,
        })
    }

    fn value(&mut self) -> Result<Field, FilterError> {
        let word = self.word();
        if let Some(quote @ ('"' | '\'')) = word.chars().next() {
            let inner = &self.text[self.at + 1..];
            let Some(end) = inner.find(quote) else {
                self.at = self.text.len();
                return Err(self.error("a closing quote"));
            };
            self.at += end + 2;
            return Ok(inner[..end].into());
        }
        if !word.starts_with(is_word) || is_reserved(word) {
            return Err(self.error("a value"));
        }
        self.at += word.len();
        Ok(Field::read(word))
    }

    /// Goes over the next word if it is `expected`.
    fn takes(&mut self, expected: &str) -> bool {
        let taken = self.word() == expected;
        if taken {
            self.at += expected.len();
        }
        taken
    }

    /// The next word, operator, bracket or quote, which is not yet gone over; empty at the end.
    fn word(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        let length = match rest.chars().next() {
            None => 0,
            Some(c) if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            Some('=' | '!' | '<' | '>') => rest.find(|c| !"=!<>".contains(c)).unwrap_or(rest.len()),
            Some(c) => c.len_utf8(),
        };
        &rest[..length]
    }

    fn error(&self, expected: &'static str) -> FilterError {
        FilterError {
            text: self.text.into(),
            column: self.text[..self.at].chars().count() + 1,
            expected,
        }
    }
}

fn one_or(mut terms: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match (terms.len(), terms.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            terms.extend(last);
            many(terms)
        }
    }
}

/// Characters of keys, numbers, names and dates.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_./-+:%@".contains(c)
}

fn is_reserved(word: &str) -> bool {
    matches!(word, "and" | "or" | "not")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(key: &str) -> Vec<Field> {
        match key {
            "optimizer.lr" => vec![0.02.into()],
            "status" => vec!["completed".into()],
            "created" => vec!["2026-11-22T09:40:00Z".into()],
            "tag" => vec!["poly".into(), "best".into()],
            "name" => vec!["2024".into()],
            "seed" => vec![Field::Integer(9_007_199_254_740_993)],
            "val/accuracy" => vec![f64::NAN.into()],
            _ => Vec::new(),
        }
    }

    fn holds(text: &str) -> bool {
        Filter::parse(text).unwrap().holds(&values)
    }

    #[test]
    fn conditions_that_hold() {
        for text in [
            "optimizer.lr > 0.01 and status = completed",
            "optimizer.lr=2e-2",
            "optimizer.lr<=0.02 and optimizer.lr >= 0.02",
            "status != failed",
            "created > 2026-11-01 and created < 2026-12-01",
            "tag = best and tag = poly and tag != worst",
            "status = failed or status == 'completed'",
            "status = failed and status = failed or optimizer.lr < 1",
            "not (status = failed or tag = worst)",
            "name = 2024",
            "seed = 9007199254740993 and seed > 9007199254740992 and seed < 9007199254740994",
            "seed != 9007199254740992 and seed > 1e3 and seed < 1e16",
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn conditions_that_do_not_hold() {
        for text in [
            "optimizer.lr > 0.02",
            "status = failed and status = failed or optimizer.lr > 1",
            "tag != best",
            "missing != 1",
            "missing = 1",
            "val/accuracy > 0",
            "optimizer.lr > high",
            "name > 2000",
            "seed = 9007199254740992",
            "seed >= 9007199254740994",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn keys_in_order() {
        let filter = Filter::parse("a.b = 1 or not (c/d < 2 and a.b = 3)").unwrap();
        assert_eq!(filter.keys(), ["a.b", "c/d", "a.b"]);
    }

    fn error(text: &str) -> String {
        Filter::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn errors_point_at_the_place() {
        insta::assert_snapshot!(error("optimizer.lr 0.01"), @"
        the filter needs one of =, !=, <, <=, >, >= at column 14
          optimizer.lr 0.01
                       ^; hint: write it like `optimizer.lr > 0.01 and status = completed`; there are and, or, not, ( ), =, !=, <, <=, >, >=, and quotes for values with spaces
        ");
        let place = |text: &str| {
            error(text)
                .split("; hint")
                .next()
                .unwrap_or_default()
                .to_string()
        };
        assert!(place("").ends_with("at column 1\n  \n  ^"));
        insta::assert_snapshot!(place("status = 'compl"), @"
        the filter needs a closing quote at column 16
          status = 'compl
                         ^
        ");
        insta::assert_snapshot!(place("größe = 1 und status = x"), @"
        the filter needs `and`, `or` or the end at column 11
          größe = 1 und status = x
                    ^
        ");
        insta::assert_snapshot!(place("(a = 1 or b = 2"), @"
        the filter needs `)` at column 16
          (a = 1 or b = 2
                         ^
        ");
        insta::assert_snapshot!(place("a => 1"), @"
        the filter needs one of =, !=, <, <=, >, >= at column 3
          a => 1
            ^
        ");
        insta::assert_snapshot!(place("a = and b = 1"), @"
        the filter needs a value at column 5
          a = and b = 1
              ^
        ");
        insta::assert_snapshot!(place("0.01 < a"), @"
        the filter needs a key, such as `status` or `optimizer.lr`, at column 1
          0.01 < a
          ^
        ");
    }
}
