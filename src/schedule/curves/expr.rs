//! `expr`: a formula of one's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Conventions, Curve, Expression, Formula, Frame, Include};

/// A formula of your own. It gives the factor of the base from `t` (update), `u` (step in the
/// phase), `p` (share of the curve done), `D` (its length), `T` (the horizon), `epoch` (a fraction)
/// and `base`, with cos, sin, exp, ln, sqrt, min, max, floor, abs and pi. `^` and `**` are powers.
/// Formula: `f(u) = base·expr`.
/// Source: PyTorch's `LambdaLR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expr {
    /// The formula. Its value must be finite and at least 0 at every update of the phase.
    #[schemars(example = &"1 / (1 + 0.1 * epoch)")]
    pub expr: Expression,
}

impl Curve for Expr {
    fn formula(&self, _: &Frame) -> Formula {
        let expression = self.expr.clone();
        Formula::new(move |x| x.scale.factor(expression.at(x)))
    }

    fn conventions(&self) -> Conventions {
        Conventions {
            include: Some(Include::Start),
            ..Conventions::ITS_OWN
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::testing::{Run, assert_close, curve_values, messages};

    #[test]
    fn is_a_factor_of_the_base() {
        let run = Run {
            base: 0.1,
            horizon: 20,
            steps_per_epoch: 4,
            ..Run::default()
        };
        let text = "[[schedule]]\ntype = \"constant\"\nfor = \"5 steps\"\n[[schedule]]\ntype = \"expr\"\nexpr = \"(u + t/100 + p + D/1000 + T/1e5 + epoch/1e6) * 0.01\"";
        let schedule = run.many(text);
        for t in 5..20u64 {
            let (u, t_, d) = ((t - 5) as f64, t as f64, 15.0);
            let expected = (u + t_ / 100.0 + u / d + d / 1e3 + 20.0 / 1e5 + t_ / 4.0 / 1e6) * 0.01;
            assert_close(schedule.lr(t), 0.1 * expected, 0.1, "all variables");
        }
        let absolute = run.one("type = \"expr\"\nexpr = \"max(1 - p, 0.02/base)\"");
        assert_close(absolute.lr(19), 0.02, 0.1, "base");
    }

    #[test]
    fn works_as_a_factor_too() {
        let text = "type = \"linear\"\ntimes = [{ type = \"expr\", expr = \"0.5^u\" }]";
        assert_eq!(curve_values(text, 2), [1.0, 0.25, 0.0]);
    }

    #[test]
    fn values_that_are_no_rates_are_found() {
        let text = |expr: &str| format!("[[schedule]]\ntype = \"expr\"\nexpr = \"{expr}\"");
        assert_eq!(
            messages(&text("ln(u - 3)"), 10),
            [
                "schedule[0] `lr` is `NaN` at step `0`, which is not a finite number; hint: a division of 0 by 0, or the root or logarithm of a negative number, has no value"
            ]
        );
        assert_eq!(
            messages(&text("1/(u - 7)^2"), 1000),
            [
                "schedule[0] `lr` is `inf` at step `7`, which is not a finite number; hint: `ceil` or `ceil_value` holds what grows too large"
            ]
        );
        assert_eq!(
            messages(&text("max(sqrt(500.5 - u), 1)"), 1000),
            [
                "schedule[0] `lr` is `NaN` at step `501`, which is not a finite number; hint: a division of 0 by 0, or the root or logarithm of a negative number, has no value"
            ]
        );
        assert_eq!(
            messages(&text("-p"), 10),
            [
                "schedule[0] `lr` is `-0.1` at step `1`, which is negative; hint: `floor` holds what falls below 0"
            ]
        );
    }
}
