//! The order of runs by any key.

use std::cmp::Ordering;

use super::{Field, Record};

/// Sorts by a key, smallest first, or with a leading `-` largest first. Numbers come before texts;
/// NaN and runs without the key come last either way; equals keep their order.
pub fn sort(records: &mut [Record], key: &str) {
    let (key, descending) = sort_key(key);
    records.sort_by_cached_key(|record| SortKey {
        value: record.values(key).into_iter().next(),
        descending,
    });
}

/// The key of `--sort` and whether it wants the largest first.
#[must_use]
pub fn sort_key(key: &str) -> (&str, bool) {
    key.strip_prefix('-')
        .map_or((key, false), |key| (key, true))
}

struct SortKey {
    value: Option<Field>,
    descending: bool,
}

impl SortKey {
    fn class(&self) -> u8 {
        match &self.value {
            Some(Field::Number(number)) if number.is_nan() => 2,
            Some(Field::Integer(_) | Field::Number(_)) => 0,
            Some(Field::Text(_)) => 1,
            None => 3,
        }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_value = match (&self.value, &other.value) {
            (Some(a), Some(b)) => a.order(b).unwrap_or(Ordering::Equal),
            _ => Ordering::Equal,
        };
        let by_value = if self.descending {
            by_value.reverse()
        } else {
            by_value
        };
        self.class().cmp(&other.class()).then(by_value)
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SortKey {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn sorting_puts_what_is_missing_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut records = vec![
            sample::running(folder.path(), 3),
            sample::completed(folder.path(), 2),
            sample::completed(folder.path(), 1),
        ];
        let mut order = |key: &str| {
            sort(&mut records, key);
            let lrs: Vec<f64> = records
                .iter()
                .filter_map(|record| record.number("lr"))
                .collect();
            lrs
        };
        assert_eq!(order("optimizer.lr"), [0.01, 0.02, 0.03]);
        // The running one has no best value yet.
        assert_eq!(order("-best"), [0.02, 0.01, 0.03]);
        assert_eq!(order("best"), [0.01, 0.02, 0.03]);
        assert_eq!(order("-status"), [0.03, 0.01, 0.02]);
    }
}
