//! Few points that draw like very many.
//!
//! [`sample`] cuts the updates of a run into columns and keeps of each the first, the least, the
//! greatest and the last value (M4, Jugel et al. 2014): drawn with a line no thinner than a column,
//! they give the very picture that all values give. [`simplified`] then leaves out the points that lie
//! on the line between others (Douglas & Peucker 1973).

use rayon::prelude::*;

/// Values looked at for one curve at most. Beyond, a column's values are taken at equal distances.
const BUDGET: u64 = 1 << 24;

/// The (update, value) points of `value` over the updates 0..`total`, as few as draw like all of them
/// in `columns` columns; the updates on both sides of each of `edges` are always among them.
pub fn sample(
    total: u64,
    columns: u64,
    edges: &[u64],
    value: impl Fn(u64) -> f64 + Sync,
) -> Vec<(u64, f64)> {
    let columns = columns.clamp(1, total.max(1));
    let column = |i: u64| (u128::from(total) * u128::from(i) / u128::from(columns)) as u64;
    let mut cuts: Vec<u64> = (0..=columns).map(column).collect();
    cuts.extend(edges.iter().filter(|edge| **edge < total));
    cuts.sort_unstable();
    cuts.dedup();
    let stride_at = BUDGET / cuts.len() as u64;
    let of_column = |ends: &[u64]| extremes(ends[0], ends[1], stride_at, &value);
    cuts.par_windows(2).flat_map_iter(of_column).collect()
}

/// The first, least, greatest and last of `start..end`, in order and each once.
fn extremes(start: u64, end: u64, most: u64, value: impl Fn(u64) -> f64) -> Vec<(u64, f64)> {
    let stride = (end - start).div_ceil(most.max(1)).max(1);
    let at = |t: u64| (t, value(t));
    let (first, last) = (at(start), at(end - 1));
    let (mut low, mut high) = (first, first);
    let mut t = start;
    while t < end {
        let point = at(t);
        if point.1 < low.1 {
            low = point;
        }
        if point.1 > high.1 {
            high = point;
        }
        t += stride;
    }
    let mut points = vec![first, low, high, last];
    points.sort_by_key(|(t, _)| *t);
    points.dedup_by_key(|(t, _)| *t);
    points
}

/// The points without those that lie within `tolerance` of the line that the rest make.
pub(super) fn simplified(points: &[(f64, f64)], tolerance: f64) -> Vec<(f64, f64)> {
    let mut keep = vec![false; points.len()];
    let (Some(first), Some(last)) = (keep.first_mut(), points.len().checked_sub(1)) else {
        return Vec::new();
    };
    *first = true;
    keep[last] = true;
    let mut open = vec![(0, last)];
    while let Some((a, b)) = open.pop() {
        let farthest = (a + 1..b)
            .map(|i| (i, distance(points[i], points[a], points[b])))
            .max_by(|x, y| x.1.total_cmp(&y.1));
        if let Some((i, far)) = farthest
            && far > tolerance
        {
            keep[i] = true;
            open.extend([(a, i), (i, b)]);
        }
    }
    let kept = points.iter().zip(keep).filter(|(_, keep)| *keep);
    kept.map(|(point, _)| *point).collect()
}

/// How far a point is from the line between two others.
fn distance((x, y): (f64, f64), (ax, ay): (f64, f64), (bx, by): (f64, f64)) -> f64 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx.hypot(dy);
    if length == 0.0 {
        return (x - ax).hypot(y - ay);
    }
    ((x - ax) * dy - (y - ay) * dx).abs() / length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_updates_are_all_there() {
        let points = sample(5, 100, &[2], |t| t as f64);
        assert_eq!(points, [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]);
        assert_eq!(sample(0, 100, &[], |_| 1.0), []);
    }

    #[test]
    fn extremes_and_both_sides_of_an_edge_are_never_lost() {
        // One update in the midst of a million stands out, and one before an edge.
        let value = |t: u64| match t {
            654_321 => 9.0,
            499_999 => 0.5,
            _ => 1.0,
        };
        let points = sample(1_000_000, 100, &[500_000], value);
        assert!(points.len() <= 4 * 101);
        for (t, y) in [
            (0, 1.0),
            (499_999, 0.5),
            (500_000, 1.0),
            (654_321, 9.0),
            (999_999, 1.0),
        ] {
            assert!(points.contains(&(t, y)), "{t}");
        }
        assert!(points.is_sorted_by_key(|(t, _)| *t));
    }

    #[test]
    fn a_run_of_any_length_takes_bounded_work() {
        let asked = std::sync::atomic::AtomicU64::new(0);
        let points = sample(1 << 48, 1000, &[12_345], |t| {
            asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            t as f64
        });
        assert!(asked.into_inner() < 2 * BUDGET);
        assert!(points.contains(&(12_344, 12_344.0)) && points.contains(&(12_345, 12_345.0)));
        assert_eq!(points.last().map(|p| p.0), Some((1 << 48) - 1));
    }

    #[test]
    fn what_lies_on_a_line_is_left_out() {
        let line: Vec<(f64, f64)> = (0..1000)
            .map(|i| (f64::from(i), 2.0 * f64::from(i)))
            .collect();
        assert_eq!(simplified(&line, 0.01), [line[0], line[999]]);
        let arc: Vec<(f64, f64)> = (0..=1000)
            .map(|i| f64::from(i) / 1000.0)
            .map(|x| (600.0 * x, 300.0 * (1.0 - x).sqrt()))
            .collect();
        let few = simplified(&arc, 0.1);
        assert!(few.len() < 60, "{}", few.len());
        for point in &arc {
            let near = few.windows(2).map(|w| distance(*point, w[0], w[1]));
            assert!(near.fold(f64::INFINITY, f64::min) <= 0.1, "{point:?}");
        }
        assert_eq!(simplified(&[], 1.0), []);
        assert_eq!(simplified(&[(1.0, 1.0)], 1.0), [(1.0, 1.0)]);
    }
}
