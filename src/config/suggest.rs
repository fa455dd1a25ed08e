//! "did you mean": the nearest of the allowed names.

/// The allowed name nearest to `word`, where one is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(word: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let (distance, name) = allowed
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .min_by_key(|(distance, _)| *distance)?;
    let near = distance <= 1.max(word.chars().count().max(name.chars().count()) / 3);
    near.then_some(name)
}

/// A hint for an unknown name: the nearest allowed one, else all of them.
#[must_use]
pub fn hint<'a>(word: &str, allowed: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all = || allowed.clone().into_iter().collect::<Vec<_>>().join(", ");
    match nearest(word, allowed.clone()) {
        Some(name) => format!("did you mean `{name}`? (allowed: {})", all()),
        None => format!("allowed: {}", all()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let allowed = ["momentum", "nesterov", "lr"];
        assert_eq!(nearest("momentun", allowed), Some("momentum"));
        assert_eq!(nearest("Momentum", allowed), Some("momentum"));
        assert_eq!(nearest("lrr", allowed), Some("lr"));
        assert_eq!(nearest("colour", allowed), None);
    }
}
