//! `table`: points, and something between them.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::KeyFault,
    schedule::{
        Conventions, Curve, Formula, Frame, at_least_zero,
        language::{names_only, span_fault},
    },
    units::Span,
};

/// A table of factors of the base, one for each point in time. Before the first point the first
/// factor holds, after the last point the last one.
/// Formula: `f(u) = factor of the last point at or before u`, or `interp` between it and the next.
/// Source: optax's `piecewise_interpolate_schedule`, with points in any unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The points, in order: `["10 epochs", 0.5]` is the factor 0.5 after 10 epochs of the phase. Factors of at least 0.
    #[schemars(length(min = 1), example = &[("0 epochs", 0.1), ("5 epochs", 1.0), ("20 epochs", 0.01)])]
    pub points: Vec<(Span, f64)>,
    /// Values between two points. Default "hold".
    #[serde(default)]
    pub interp: Interp,
}

/// What lies between two points: `hold` (the earlier one), `linear` (a straight line), `cosine` (half a wave) or `log` (a
/// straight line on a logarithmic scale, between factors above 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = names_only)]
pub enum Interp {
    /// The earlier one holds.
    #[default]
    Hold,
    /// A straight line.
    Linear,
    /// Half a wave.
    Cosine,
    /// A straight line on a logarithmic scale.
    Log,
}

impl Curve for Table {
    fn formula(&self, frame: &Frame) -> Formula {
        let at = |(span, factor): &(Span, f64)| (frame.steps(*span), *factor);
        let points: Vec<(f64, f64)> = self.points.iter().map(at).collect();
        let interp = self.interp;
        Formula::new(move |x| {
            let after = points.partition_point(|(step, _)| *step <= x.u);
            let earlier = points[after.max(1) - 1];
            let factor = match points.get(after) {
                Some(later) if after > 0 => interp.between(earlier, *later, x.u),
                _ => earlier.1,
            };
            x.scale.factor(factor)
        })
    }

    fn check(&self) -> Vec<KeyFault> {
        let point = |(i, (span, factor)): (usize, &(Span, f64))| {
            let zero = (self.interp == Interp::Log && *factor == 0.0).then(|| {
                let message = "`0` has no logarithm, and `interp` is \"log\"";
                KeyFault::error(format!("points[{i}][1]"), message)
            });
            span_fault(&format!("points[{i}][0]"), *span)
                .into_iter()
                .chain(at_least_zero(&format!("points[{i}][1]"), *factor))
                .chain(zero)
                .collect::<Vec<_>>()
        };
        let empty = self.points.is_empty();
        let empty = empty.then(|| KeyFault::error("points", "a table has at least one point"));
        let faults = self.points.iter().enumerate().flat_map(point);
        empty.into_iter().chain(faults).collect()
    }

    fn check_in(&self, frame: &Frame) -> Vec<KeyFault> {
        let steps = |i: usize| frame.steps(self.points[i].0);
        let order = (1..self.points.len())
            .filter(|i| steps(*i) <= steps(i - 1))
            .map(|i| {
                let [earlier, later] = [i - 1, i].map(|i| self.points[i].0);
                let message = format!("`{later}` does not come after `{earlier}`");
                KeyFault::error(format!("points[{i}][0]"), message)
                    .hint("list the points in the order of time, each time once")
            });
        let beyond = |i: &usize| steps(*i) > frame.steps as f64;
        let late = (0..self.points.len()).filter(beyond).map(|i| {
            let message = format!(
                "point `{}` is never reached: the phase runs `{}`",
                self.points[i].0,
                Span::Steps(frame.steps)
            );
            KeyFault::warning(format!("points[{i}][0]"), message)
        });
        order.chain(late).collect()
    }

    fn conventions(&self) -> Conventions {
        Conventions::ITS_OWN
    }
}

impl Interp {
    /// The factor at `u`, between two points around it.
    fn between(self, earlier: (f64, f64), later: (f64, f64), u: f64) -> f64 {
        let done = (u - earlier.0) / (later.0 - earlier.0);
        let mix = |left: f64| earlier.1 * left + later.1 * (1.0 - left);
        match self {
            Self::Hold => earlier.1,
            Self::Linear => mix(1.0 - done),
            Self::Cosine => mix((1.0 + libm::cos(PI * done)) / 2.0),
            Self::Log => earlier.1 * libm::pow(later.1 / earlier.1, done),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, assert_close, curve_values, messages};

    const POINTS: &str =
        "type = \"table\"\npoints = [[\"1 step\", 1.0], [\"3 steps\", 0.25], [\"5 steps\", 0.5]]";

    #[test]
    fn the_last_point_holds() {
        assert_eq!(
            curve_values(POINTS, 6),
            [1.0, 1.0, 1.0, 0.25, 0.25, 0.5, 0.5]
        );
    }

    #[test]
    fn points_are_joined() {
        let joined = |interp| curve_values(&format!("{POINTS}\ninterp = \"{interp}\""), 6);
        let linear = joined("linear");
        assert_eq!(linear, [1.0, 1.0, 0.625, 0.25, 0.375, 0.5, 0.5]);
        for (value, expected) in joined("cosine").iter().zip(&linear) {
            assert_close(*value, *expected, 1.0, "half-way a cosine is a line");
        }
        let log = joined("log");
        assert_eq!([log[1], log[2], log[3]], [1.0, 0.5, 0.25]);
        assert_close(log[4], 0.125f64.sqrt(), 1.0, "log");
        let wide =
            "type = \"table\"\ninterp = \"cosine\"\npoints = [[\"0 steps\", 0.0], [\"100%\", 2.0]]";
        assert_close(curve_values(wide, 3)[1], 0.5, 1.0, "1 − cos(π/3)");
    }

    #[test]
    fn factors_are_those_of_the_base_wherever_the_phase_begins() {
        let run = Run {
            base: 0.1,
            horizon: 8,
            ..Run::default()
        };
        let text = "[[schedule]]\ntype = \"linear\"\nfor = \"4 steps\"\nto = 0.5\n[[schedule]]\ntype = \"table\"\npoints = [[\"0 steps\", 0.5], [\"2 steps\", 0.25]]";
        let schedule = run.many(text);
        assert_eq!([4, 6].map(|t| schedule.lr(t)), [0.05, 0.025]);
    }

    #[test]
    fn faults_say_which_point() {
        let text = |points: &str| format!("[[schedule]]\ntype = \"table\"\npoints = {points}");
        assert_eq!(
            messages(
                &text("[[\"2 steps\", 1], [\"rest\", -1]]\ninterp = \"log\""),
                9
            ),
            [
                "schedule[0] `points[1][0]`: `rest` is not a length here; hint: use epochs, steps, % or evals",
                "schedule[0] `points[1][1]`: `-1` is not a finite number of at least 0",
            ]
        );
        assert_eq!(
            messages(
                &text("[[\"2 steps\", 1], [\"2 epochs\", 0.5], [\"30 steps\", 0]]"),
                9
            ),
            [
                "schedule[0] `points[1][0]`: `2 epochs` does not come after `2 steps`; hint: list the points in the order of time, each time once",
                "schedule[0] `points[2][0]`: point `30 steps` is never reached: the phase runs `9 steps`",
            ]
        );
        assert_eq!(
            messages(&text("[[\"0 steps\", 0]]\ninterp = \"log\""), 9),
            ["schedule[0] `points[0][1]`: `0` has no logarithm, and `interp` is \"log\""]
        );
        assert_eq!(
            messages(&text("[]"), 9),
            ["schedule[0] `points`: a table has at least one point"]
        );
    }
}
