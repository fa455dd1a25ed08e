//! Categories: which values of a column are the same one, and their order.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{error::shown, number::Decimal};

/// What makes two values one category: their text, or the number that they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the keys that hold it say what each name means"
)]
pub enum CategoriesBy {
    #[default]
    Text,
    Number,
}

/// How the categories of a column become features.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(
    missing_docs,
    reason = "the keys that hold it say what each name means"
)]
pub enum Encoding {
    #[default]
    OneHot,
    Ordinal,
}

/// The categories of a column, sorted.
#[derive(Debug)]
pub(super) struct Categories {
    /// Their names; a category's index is its place here.
    pub names: Vec<String>,
    places: BTreeMap<String, usize>,
    decimal: Decimal,
    /// Whether numbers are compared, not texts.
    numeric: bool,
}

impl Categories {
    /// The different ones of `texts`. Numbers are sorted as numbers, all else by its bytes.
    pub(super) fn of<'a>(
        texts: impl Iterator<Item = &'a str> + Clone,
        by: CategoriesBy,
        decimal: Decimal,
    ) -> Self {
        let numeric =
            by == CategoriesBy::Number && texts.clone().all(|text| decimal.number(text).is_some());
        let mut found = Self {
            names: Vec::new(),
            places: BTreeMap::new(),
            decimal,
            numeric,
        };
        let mut distinct = BTreeSet::new();
        for text in texts {
            if !distinct.contains(text) {
                distinct.insert(found.name(text));
            }
        }
        found.names = sorted(distinct, by, decimal);
        let places = found.names.iter().cloned().enumerate();
        found.places = places.map(|(place, name)| (name, place)).collect();
        found
    }

    /// The index of the category that a value is, where it is one.
    pub(super) fn place(&self, text: &str) -> Option<usize> {
        match self.numeric {
            true => self.places.get(&self.name(text)).copied(),
            false => self.places.get(text).copied(),
        }
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The name of the category that a value is.
    fn name(&self, text: &str) -> String {
        match self.decimal.number(text) {
            Some(number) if self.numeric => number.to_string(),
            _ => text.into(),
        }
    }

    /// Two names that a reader may take for the same, in words.
    pub(super) fn alike(&self) -> Option<String> {
        let mut numbers: BTreeMap<u64, &str> = BTreeMap::new();
        let mut letters: BTreeMap<String, &str> = BTreeMap::new();
        for name in &self.names {
            let number = self.decimal.number(name);
            let pair = match number {
                Some(number) => numbers.insert(number.to_bits(), name),
                None => letters.insert(name.to_lowercase(), name),
            };
            let Some(other) = pair.filter(|other| !are_different_integers(other, name)) else {
                continue;
            };
            let (a, b) = (shown(other), shown(name));
            return Some(match number {
                Some(_) => format!(
                    "`{a}` and `{b}` are two, although they are the same number; hint: categories_by = \"number\" makes them one"
                ),
                None => format!("`{a}` and `{b}` are two: upper and lower case differ"),
            });
        }
        None
    }
}

/// Names in order: numbers as numbers, texts by their bytes, and a number against a text by bytes.
fn sorted(names: BTreeSet<String>, by: CategoriesBy, decimal: Decimal) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut texts = Vec::new();
    for name in names {
        match decimal.number(&name) {
            Some(number) => numbers.push((number, name)),
            None => texts.push(name),
        }
    }
    numbers.sort_by(|(a, a_name), (b, b_name)| {
        let exact = || match by {
            CategoriesBy::Text => integers(a_name, b_name),
            CategoriesBy::Number => Ordering::Equal,
        };
        let order = a.total_cmp(b).then_with(exact);
        order.then_with(|| a_name.cmp(b_name))
    });
    let mut sorted = Vec::with_capacity(numbers.len() + texts.len());
    let mut texts = texts.into_iter().peekable();
    for (_, number) in numbers {
        while let Some(text) = texts.next_if(|text| *text < number) {
            sorted.push(text);
        }
        sorted.push(number);
    }
    sorted.extend(texts);
    sorted
}

/// The order of two texts that are the same 64-bit float: whole numbers by all their digits, before
/// numbers in any other form.
fn integers(a: &str, b: &str) -> Ordering {
    match (digits(a), digits(b)) {
        (Some(x), Some(y)) => {
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if a.starts_with('-') {
                order.reverse()
            } else {
                order
            }
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Returns whether two texts are whole numbers that only a 64-bit float makes equal.
fn are_different_integers(a: &str, b: &str) -> bool {
    matches!((digits(a), digits(b)), (Some(x), Some(y)) if x != y)
}

/// The digits of a whole number without leading zeros.
fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| digits.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str], by: CategoriesBy) -> Vec<String> {
        Categories::of(texts.iter().copied(), by, Decimal::Point).names
    }

    #[test]
    fn a_text_is_a_category_and_numbers_are_in_order() {
        let by_text = |texts: &[&str]| names(texts, CategoriesBy::Text);
        assert_eq!(
            by_text(&["2116", "10001", "02116", "00501", "2116"]),
            ["00501", "02116", "2116", "10001"]
        );
        let large = ["9007199254740995", "9007199254740993", "9007199254740992"];
        assert_eq!(by_text(&large), [large[2], large[1], large[0]]);
        // 16 and 17 digits that are the same float.
        let ties = ["10000000000000000", "9999999999999999"];
        assert_eq!(by_text(&ties), [ties[1], ties[0]]);
        let negative = ["-9007199254740993", "-9007199254740992"];
        assert_eq!(by_text(&negative), negative);
        assert_eq!(
            by_text(&["1e0", "1.0", "1", "01"]),
            ["01", "1", "1.0", "1e0"]
        );
        assert_eq!(by_text(&["b", "10", "9", "a"]), ["9", "10", "a", "b"]);
    }

    #[test]
    fn numbers_that_are_the_same_can_be_one_category() {
        let by_number = |texts: &[&str]| names(texts, CategoriesBy::Number);
        assert_eq!(by_number(&["10", "9.0", "9", "1e1"]), ["9", "10"]);
        assert_eq!(by_number(&["1", "1.0", "x"]), ["1", "1.0", "x"]);
        let all = ["2116", "02116"];
        let categories = Categories::of(all.into_iter(), CategoriesBy::Number, Decimal::Point);
        assert_eq!(categories.place("2116.0"), Some(0));
        assert_eq!(categories.place("5"), None);
    }

    #[test]
    fn any_mixture_has_one_order() {
        // Neither numbers nor bytes alone: 9 < 10, `10` < `1a`, `1a` < `9`.
        let mut texts = vec!["10", "1a", "9", "-", "", "2", "x", "9z", "-3"];
        let first = names(&texts, CategoriesBy::Text);
        texts.reverse();
        assert_eq!(names(&texts, CategoriesBy::Text), first);
        assert_eq!(first.len(), 9);
    }

    #[test]
    fn names_that_look_alike_are_told() {
        let alike = |texts: &[&str]| {
            Categories::of(texts.iter().copied(), CategoriesBy::Text, Decimal::Point).alike()
        };
        assert!(
            alike(&["02116", "2116"])
                .unwrap()
                .starts_with("`02116` and `2116` are two, although")
        );
        assert_eq!(
            alike(&["yes", "Yes", "no"]).unwrap(),
            "`Yes` and `yes` are two: upper and lower case differ"
        );
        assert!(alike(&["1", "1.0"]).is_some());
        assert_eq!(alike(&["9007199254740992", "9007199254740993"]), None);
        assert_eq!(alike(&["1", "2", "x"]), None);
    }
}
