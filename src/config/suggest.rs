//! "did you mean": a hint for a name that does not exist.

use crate::error::nearest;

/// The nearest allowed name and all of them.
#[must_use]
pub fn hint<'a>(word: &str, allowed: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all = || allowed.clone().into_iter().collect::<Vec<_>>().join(", ");
    match nearest(word, allowed.clone()) {
        Some(name) => format!("did you mean `{name}`? (allowed: {})", all()),
        None => format!("allowed: {}", all()),
    }
}
