//! Outputs beside their targets, row by row.

use super::TargetsRef;

/// Rows of `width` outputs, each with its class; `None` where the batch does not fit together.
pub(super) fn classes<'a>(
    output: &'a [f32],
    width: usize,
    targets: TargetsRef<'a>,
) -> Option<impl Iterator<Item = (&'a [f32], usize)>> {
    let TargetsRef::Classes(classes) = targets else {
        return None;
    };
    if width == 0 || output.len() != classes.len() * width {
        return None;
    }
    Some(
        output
            .chunks_exact(width)
            .zip(classes.iter().map(|c| *c as usize)),
    )
}

/// Pairs of output and target as f64, each with its column; `None` where the batch does not fit
/// together.
pub(super) fn values<'a>(
    output: &'a [f32],
    width: usize,
    targets: TargetsRef<'a>,
) -> Option<impl Iterator<Item = (usize, f64, f64)>> {
    let TargetsRef::Values(values) = targets else {
        return None;
    };
    if width == 0 || output.len() != values.len() || !output.len().is_multiple_of(width) {
        return None;
    }
    let pairs = output.iter().zip(values).enumerate();
    Some(pairs.map(move |(i, (z, y))| (i % width, f64::from(*z), f64::from(*y))))
}

/// The predicted class: the largest output, the first of equals; for a single output, a logit,
/// class 1 where it is above 0. `None` where there is a NaN.
pub(super) fn prediction(row: &[f32]) -> Option<usize> {
    if row.iter().any(|z| z.is_nan()) {
        return None;
    }
    if let [logit] = row {
        return Some(usize::from(*logit > 0.0));
    }
    let mut best = 0;
    for (class, z) in row.iter().enumerate() {
        if *z > row[best] {
            best = class;
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins_and_a_lone_logit_is_cut_at_0() {
        assert_eq!(prediction(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(prediction(&[f32::NEG_INFINITY, f32::INFINITY]), Some(1));
        assert_eq!(prediction(&[1.0, f32::NAN]), None);
        assert_eq!(prediction(&[0.0]), Some(0));
        assert_eq!(prediction(&[0.1]), Some(1));
    }

    #[test]
    fn batches_that_do_not_fit_together_are_refused() {
        let three = [0.0; 3];
        assert!(classes(&three, 2, TargetsRef::Classes(&[0])).is_none());
        assert!(classes(&three, 3, TargetsRef::Values(&three)).is_none());
        assert!(classes(&three, 0, TargetsRef::Classes(&[])).is_none());
        assert!(values(&three, 2, TargetsRef::Values(&three)).is_none());
        assert!(values(&three, 1, TargetsRef::Classes(&[0, 1, 2])).is_none());
    }
}
