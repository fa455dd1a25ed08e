//! Sums and maxima of rows, sixteen numbers side by side, so that none waits for the one before.
//! For loops in [`wide`](super::dispatch()): a closure needs `#[inline(always)]` to be one with them.

/// Numbers side by side.
const LANES: usize = 16;
/// Numbers that are added up in f32.
const BLOCK: usize = 64 * LANES;

/// The largest number; NaN where one is, −∞ where there is none.
#[inline(always)]
pub(crate) fn maximum(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (groups, rest) = row.as_chunks::<LANES>();
    for group in groups {
        for (lane, x) in lanes.iter_mut().zip(group) {
            *lane = larger(*lane, *x);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = larger(*lane, *x);
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] = larger(lanes[i], lanes[i + half]);
        }
    }
    lanes[0]
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// Σ f(i) for i below `len`: a few in f32, the rest of the way in f64.
#[inline(always)]
pub(crate) fn sum(len: usize, f: impl Fn(usize) -> f32) -> f64 {
    let mut total = 0.0;
    for block in (0..len).step_by(BLOCK) {
        let end = len.min(block + BLOCK);
        let whole = end - (end - block) % LANES;
        let mut sums = [0f32; LANES];
        for start in (block..whole).step_by(LANES) {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += f(start + lane);
            }
        }
        for (sum, i) in sums.iter_mut().zip(whole..end) {
            *sum += f(i);
        }
        let mut wide = [0f64; LANES];
        for (wide, sum) in wide.iter_mut().zip(sums) {
            *wide = f64::from(sum);
        }
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                wide[i] += wide[i + half];
            }
        }
        total += wide[0];
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::numbers;

    #[test]
    fn every_number_counts_once_at_every_length() {
        for len in [0, 1, 15, 16, 17, 40, BLOCK - 1, BLOCK, 3 * BLOCK + 21] {
            let row: Vec<f32> = (1..=len).map(|i| (i % 1000) as f32).collect();
            let want: f64 = row.iter().map(|x| f64::from(*x)).sum();
            assert_eq!(sum(len, |i| row[i]), want, "{len}");
            for i in [0, len / 2, len.saturating_sub(1)] {
                if i < len {
                    let mut row = numbers(len, 1);
                    row[i] = 5000.0;
                    assert_eq!(maximum(&row), 5000.0, "{len} at {i}");
                    row[i] = f32::NAN;
                    assert!(maximum(&row).is_nan(), "{len} at {i}");
                }
            }
        }
        assert_eq!(maximum(&[]), f32::NEG_INFINITY);
    }
}
