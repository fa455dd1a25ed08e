//! Outputs beside their targets, row by row.

use crate::task::Targets;

/// Rows of `width` outputs, each with its class; `None` where the batch does not fit together.
pub(super) fn classes<'a>(
    output: &'a [f32],
    width: usize,
    targets: &'a Targets,
) -> Option<impl Iterator<Item = (&'a [f32], usize)>> {
    let Targets::Classes(classes) = targets else {
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
    targets: &'a Targets,
) -> Option<impl Iterator<Item = (usize, f64, f64)>> {
    let Targets::Values(values) = targets else {
        return None;
    };
    if width == 0 || output.len() != values.len() || !output.len().is_multiple_of(width) {
        return None;
    }
    let pairs = output.iter().zip(values).enumerate();
    Some(pairs.map(move |(i, (z, y))| (i % width, f64::from(*z), f64::from(*y))))
}

/// For each row of labels, what is predicted (a probability above 0.5) and what is asked (1), label
/// by label; `None` where there is a NaN or a target that is neither 0 nor 1. `None` for all where the
/// batch does not fit together.
pub(super) fn labels<'a>(
    output: &'a [f32],
    width: usize,
    targets: &'a Targets,
) -> Option<impl Iterator<Item = Option<Vec<(bool, bool)>>>> {
    let Targets::Values(values) = targets else {
        return None;
    };
    if width == 0 || output.len() != values.len() || !output.len().is_multiple_of(width) {
        return None;
    }
    let pair = |(p, y): (&f32, &f32)| {
        let known = !p.is_nan() && (*y == 0.0 || *y == 1.0);
        known.then_some((*p > 0.5, *y == 1.0))
    };
    let rows = output.chunks_exact(width).zip(values.chunks_exact(width));
    Some(rows.map(move |(p, y)| p.iter().zip(y).map(pair).collect()))
}

/// The probability of each class by the softmax, in f64; a single output is the logit of the second
/// of two classes.
pub(super) fn probabilities(row: &[f32], out: &mut Vec<f64>) {
    out.clear();
    if let [_] = row {
        out.push(0.0);
    }
    out.extend(row.iter().map(|z| f64::from(*z)));
    let top = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for z in out.iter_mut() {
        *z = libm::exp(*z - top);
    }
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= sum);
}

/// The predicted class: the largest output, the first of equals; for a single output, a logit,
/// class 1 where it is above 0. `None` where there is a NaN.
#[must_use]
pub fn prediction(row: &[f32]) -> Option<usize> {
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
    fn probabilities_are_the_softmax() {
        let mut p = Vec::new();
        probabilities(&[1000.0, 1000.0], &mut p);
        assert_eq!(p, [0.5, 0.5]);
        let (mut alone, z) = (Vec::new(), 1.5f32);
        probabilities(&[z], &mut alone);
        probabilities(&[0.0, z], &mut p);
        assert_eq!(alone, p);
        assert!((p[1] - 1.0 / (1.0 + (-1.5f64).exp())).abs() < 1e-15);
        probabilities(&[f32::NAN, 0.0], &mut p);
        assert!(p[0].is_nan());
    }

    #[test]
    fn labels_are_0_or_1() {
        let rows = |output: &'static [f32], targets: &'static [f32]| -> Vec<_> {
            let targets = Targets::Values(targets.to_vec());
            let rows = labels(output, 2, &targets);
            rows.into_iter().flatten().collect()
        };
        assert_eq!(
            rows(&[0.5, 0.6, f32::NAN, 0.0], &[1.0, 0.0, 1.0, 1.0]),
            [Some(vec![(false, true), (true, false)]), None]
        );
        assert_eq!(rows(&[0.5, 0.6], &[0.25, 0.0]), [None]);
        assert!(rows(&[0.5, 0.6], &[1.0]).is_empty());
    }

    #[test]
    fn batches_that_do_not_fit_together_are_refused() {
        let three = [0.0; 3];
        assert!(classes(&three, 2, &Targets::Classes(vec![0])).is_none());
        assert!(classes(&three, 3, &Targets::Values(three.to_vec())).is_none());
        assert!(classes(&three, 0, &Targets::Classes(vec![])).is_none());
        assert!(values(&three, 2, &Targets::Values(three.to_vec())).is_none());
        assert!(values(&three, 1, &Targets::Classes(vec![0, 1, 2])).is_none());
    }
}
