//! Where the time went, in words: `data 1.2%, forward 31%, …`.

use std::collections::BTreeMap;

use super::duration;

/// The activities in the order of a step, then what is beside it.
const ORDER: [&str; 8] = [
    "data",
    "forward",
    "loss",
    "backward",
    "optimizer",
    "evaluation",
    "checkpoint",
    "logging",
];

/// Every activity of a ledger (seconds by name) with its share of the whole, or with its time where
/// the whole is less than a second and a share says little; empty where nothing took any time.
#[must_use]
pub fn shares(ledger: &BTreeMap<String, f64>) -> String {
    let total: f64 = ledger.values().sum();
    if total.is_nan() || total <= 0.0 {
        return String::new();
    }
    let known = ORDER.iter().filter_map(|name| ledger.get_key_value(*name));
    let others = ledger
        .iter()
        .filter(|(name, _)| !ORDER.contains(&name.as_str()));
    let parts: Vec<String> = known
        .chain(others)
        .map(|(name, seconds)| match total < 1.0 {
            true => format!("{name} {}", duration(*seconds)),
            false => format!("{name} {}", percent(seconds / total)),
        })
        .collect();
    parts.join(", ")
}

/// A share of one as a percentage: whole from 10 on, one digit after the point below.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        p if p >= 9.95 => format!("{p:.0}%"),
        p if p >= 0.05 => format!("{p:.1}%"),
        p if p > 0.0 => "<0.1%".into(),
        _ => "0%".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(parts: &[(&str, f64)]) -> BTreeMap<String, f64> {
        let pairs = parts.iter().map(|(name, s)| ((*name).to_owned(), *s));
        pairs.collect()
    }

    #[test]
    fn activities_stand_in_the_order_of_a_step() {
        let all = ORDER.map(|name| (name, 1.0));
        let told = shares(&ledger(&all));
        let names: Vec<&str> = told.split(", ").map(|p| &p[..p.len() - 4]).collect();
        assert_eq!(names, ORDER);
        assert!(told.starts_with("data 12%, "), "{told}");
        let other = shares(&ledger(&[("logging", 3.0), ("a new one", 1.0)]));
        assert_eq!(other, "logging 75%, a new one 25%");
    }

    #[test]
    fn small_shares_are_told_from_none() {
        let found = [0.5, 0.099_6, 0.0123, 0.0001, 0.0].map(percent);
        assert_eq!(found, ["50%", "10%", "1.2%", "<0.1%", "0%"]);
        assert_eq!(shares(&ledger(&[])), "");
        let short = ledger(&[("forward", 0.017), ("checkpoint", 0.083)]);
        assert_eq!(shares(&short), "forward 17ms, checkpoint 83ms");
        assert_eq!(shares(&ledger(&[("data", 0.0)])), "");
    }
}
