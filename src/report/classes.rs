//! Samples by class, on one line.

use crate::run::{ClassInfo, DataInfo};

/// Up to this number all classes are listed; of more, the smallest and the largest ones.
const LISTED: usize = 12;
/// The number of the smallest and of the largest ones.
const ENDS: usize = 3;

/// The sizes of the splits, such as `40 train, 5 val samples; no test split`.
#[must_use]
pub fn split_sizes(data: &DataInfo) -> String {
    let splits = [("val", data.val), ("test", data.test)];
    let mut there = vec![format!("{} train", data.train)];
    let mut absent = Vec::new();
    for (name, samples) in splits {
        match samples {
            0 => absent.push(name),
            n => there.push(format!("{n} {name}")),
        }
    }
    let without = match absent.is_empty() {
        true => String::new(),
        false => format!("; no {} split", absent.join(" or ")),
    };
    format!("{} samples{without}", there.join(", "))
}

/// Each class with its samples in the splits that there are, such as `cat 40/5/5, dog 38/6/5
/// (train/val/test)`; of many classes the smallest and the largest. Empty where there are none.
#[must_use]
pub fn class_counts(data: &DataInfo) -> String {
    let splits = [
        ("train", data.train),
        ("val", data.val),
        ("test", data.test),
    ];
    let is_there = splits.map(|(_, samples)| samples > 0);
    let one = |class: &ClassInfo| {
        let counts = [class.train, class.val, class.test]
            .into_iter()
            .zip(is_there);
        let counts: Vec<String> = counts
            .filter(|(_, there)| *there)
            .map(|(count, _)| count.to_string())
            .collect();
        format!("`{}` {}", class.name, counts.join("/"))
    };
    let list = |classes: &[&ClassInfo]| {
        classes
            .iter()
            .map(|c| one(c))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut classes: Vec<&ClassInfo> = data.classes.iter().collect();
    let text = match classes.len() {
        0 => return String::new(),
        n if n <= LISTED => list(&classes),
        n => {
            classes.sort_by_key(|class| class.train);
            let (fewest, most) = (&classes[..ENDS], &classes[n - ENDS..]);
            format!("fewest {}; most {}", list(fewest), list(most))
        }
    };
    let named = splits.iter().filter(|(_, samples)| *samples > 0);
    let named: Vec<&str> = named.map(|(name, _)| *name).collect();
    format!("{text} ({})", named.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(counts: &[(&str, [u64; 3])]) -> DataInfo {
        let sum = |at: usize| counts.iter().map(|(_, counts)| counts[at]).sum();
        DataInfo {
            train: sum(0),
            val: sum(1),
            test: sum(2),
            classes: counts
                .iter()
                .map(|(name, [train, val, test])| ClassInfo {
                    name: (*name).into(),
                    train: *train,
                    val: *val,
                    test: *test,
                })
                .collect(),
        }
    }

    #[test]
    fn few_classes_are_listed_and_of_many_the_ends() {
        let two = data(&[("cat", [40, 5, 5]), ("dog", [0, 6, 4])]);
        assert_eq!(split_sizes(&two), "40 train, 11 val, 9 test samples");
        let sizes = |val, test| {
            split_sizes(&DataInfo {
                train: 7,
                val,
                test,
                classes: Vec::new(),
            })
        };
        assert_eq!(sizes(1, 0), "7 train, 1 val samples; no test split");
        assert_eq!(sizes(0, 1), "7 train, 1 test samples; no val split");
        assert_eq!(sizes(0, 0), "7 train samples; no val or test split");
        assert_eq!(
            class_counts(&two),
            "`cat` 40/5/5, `dog` 0/6/4 (train/val/test)"
        );
        let train_only = data(&[("cat", [40, 0, 0]), ("dog", [7, 0, 0])]);
        assert_eq!(class_counts(&train_only), "`cat` 40, `dog` 7 (train)");
        assert_eq!(class_counts(&DataInfo::default()), "");
        let names: Vec<String> = (0..47).map(|i| format!("c{i}")).collect();
        let many: Vec<(&str, [u64; 3])> = (0..)
            .zip(&names)
            .map(|(i, name)| (name.as_str(), [(i * 7) % 47, 1, 0]))
            .collect();
        assert_eq!(
            class_counts(&data(&many)),
            "fewest `c0` 0/1, `c27` 1/1, `c7` 2/1; most `c13` 44/1, `c40` 45/1, `c20` 46/1 (train/val)"
        );
    }
}
