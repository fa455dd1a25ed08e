//! Where the names of phases stand: each as near to the middle of its span as its neighbours let it.

use super::Phases;

/// The names that have room on a line of `length`, each with its left edge; `place` says where an x
/// is on that line and `width` how much room a text takes, a gap included.
///
/// A name may reach beyond its span where nobody else is; one that would cover another is left out.
pub(super) fn placed(
    row: &Phases,
    length: f64,
    place: impl Fn(f64) -> f64,
    width: impl Fn(&str) -> f64,
) -> Vec<(f64, &str)> {
    let mut names: Vec<(f64, &str)> = Vec::new();
    let mut free = 0.0;
    for (i, (start, end, name)) in row.spans.iter().enumerate() {
        let wide = width(name);
        let (left, right) = (place(*start), place(*end).min(length));
        let middle = (left + right - wide) / 2.0;
        let at = middle.min(length - wide).max(free);
        // Beyond its own span by half of what it needs at most, and never past the next one's middle.
        let next = row.spans.get(i + 1);
        let limit = next.map_or(length, |(a, b, _)| (place(*a) + place(*b)) / 2.0);
        if at + wide <= limit.min(length) + 1e-9 && at <= right && at + wide >= left {
            names.push((at, name));
            free = at + wide;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_their_spans_or_not_at_all() {
        let spans = |ends: &[(f64, f64, &str)]| Phases {
            spans: ends
                .iter()
                .map(|(a, b, n)| (*a, *b, n.to_string()))
                .collect(),
        };
        let width = |text: &str| text.len() as f64 + 2.0;
        let row = spans(&[(0.0, 5.0, "warmup"), (5.0, 100.0, "poly")]);
        assert_eq!(
            placed(&row, 100.0, |x| x, width),
            [(0.0, "warmup"), (49.5, "poly")]
        );
        let crowded: Vec<(f64, f64, &str)> = (0..50)
            .map(|i| (2.0 * f64::from(i), 2.0 * f64::from(i) + 2.0, "cosine"))
            .collect();
        let row = spans(&crowded);
        let some = placed(&row, 100.0, |x| x, width);
        assert!(some.windows(2).all(|w| w[0].0 + 8.0 <= w[1].0), "{some:?}");
        assert!(some.iter().all(|(left, _)| left + 8.0 <= 100.0));
    }
}
