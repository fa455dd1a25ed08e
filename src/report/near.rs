//! "Did you mean": the name that a wrong one was probably meant to be.

/// The candidate most similar to `wanted`, if one is similar enough to be a slip of the finger.
pub fn near<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let last = |name: &'a str| name.rsplit(['.', '/']).next().unwrap_or(name);
    candidates
        .into_iter()
        .map(|candidate| {
            // `accuracy` for `val/accuracy`: the last part alone counts as nearly right.
            let part = 0.95 * strsim::jaro_winkler(wanted, last(candidate));
            (strsim::jaro_winkler(wanted, candidate).max(part), candidate)
        })
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = [
            "lr",
            "train/loss",
            "val/accuracy",
            "val/loss",
            "optimizer.lr",
        ];
        assert_eq!(near("val/acuracy", keys), Some("val/accuracy"));
        assert_eq!(near("accuracy", keys), Some("val/accuracy"));
        assert_eq!(near("acuracy", keys), Some("val/accuracy"));
        assert_eq!(near("optimzer.lr", keys), Some("optimizer.lr"));
        assert_eq!(near("grad_norm", keys), None);
    }
}
