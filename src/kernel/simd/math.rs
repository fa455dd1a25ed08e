//! Elementary functions on f32, branch-free so that loops over them vectorise, built from
//! additions, multiplications and fused multiply-adds, so that they give the same bits on every
//! platform.

/// eˣ, within 2 units in the last place (1.5·10⁻⁷ relative). Below −87.7 the result is 0, above
/// 88.3, a little before the largest f32, it is infinite.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    let (power, rest) = split_exp(x.clamp(-88.0, 88.8));
    (1.0 + rest) * power
}

/// 2ⁿ and eʳ − 1 with x = n·ln 2 + r and |r| ≤ ln 2 / 2; eʳ by Cephes' polynomial (S. Moshier,
/// `expf.c`). For x between −88 and 88.8, where 2ⁿ becomes 0 and infinite.
#[inline(always)]
fn split_exp(x: f32) -> (f32, f32) {
    // 1.5·2²³: adding it rounds to a whole number, which its lowest bits are then; 127 more is
    // the exponent's bias.
    const ROUND: f32 = 12_582_912.0 + 127.0;
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_1e-4f32.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 0.166_666_65);
    let p = p.mul_add(r, 0.5);
    let power = f32::from_bits(shifted.to_bits() << 23);
    (power, p.mul_add(r * r, r))
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
#[must_use]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// tanh x: m / (m + 2) with m = e^{2|x|} − 1, with the sign of x.
#[inline(always)]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    // From here on it is 1; not `min`, which would hide NaN.
    const END: f32 = 20.0;
    let twice = 2.0 * x.abs();
    let (power, rest) = split_exp(if twice > END { END } else { twice });
    let minus_one = power.mul_add(rest, power - 1.0);
    (minus_one / (minus_one + 2.0)).copysign(x)
}

/// Φ(x) = ½ (1 + erf(x/√2)), the standard normal distribution function, and its density
/// φ(x) = e^{−x²/2} / √(2π).
///
/// Φ(−|x|) = e^{−x²/2}·t·P(t) with t = 1/(1 + A·|x|), which keeps the left tail's relative accuracy;
/// `tests/reference/normal_tail.py` finds A and P.
#[inline(always)]
#[must_use]
pub fn normal(x: f32) -> (f32, f32) {
    const A: f32 = 0.35;
    const P: [f32; 9] = [
        -0.029_115_023,
        0.143_818_45,
        -0.255_391_06,
        0.158_796_64,
        -0.022_843_47,
        0.105_392_165,
        0.119_863_085,
        0.139_857_56,
        0.139_621_66,
    ];
    const SCALE: f32 = 0.398_942_3;
    let bell = exp(-0.5 * x * x);
    let t = 1.0 / x.abs().mul_add(A, 1.0);
    let mut p = P[0];
    for term in &P[1..] {
        p = p.mul_add(t, *term);
    }
    let tail = p * t * bell;
    (if x <= 0.0 { tail } else { 1.0 - tail }, SCALE * bell)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest relative error of `f` against `exact` on a fine grid over [low, high].
    fn worst(low: f64, high: f64, f: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        let at = |i: u32| (low + (high - low) * f64::from(i) / 1e6) as f32;
        let error = |x: f32| {
            let want = exact(f64::from(x));
            ((f64::from(f(x)) - want) / want).abs()
        };
        (1..1_000_000).map(|i| error(at(i))).fold(0.0, f64::max)
    }

    #[test]
    fn relative_errors_stay_near_the_last_place() {
        assert!(worst(-87.3, 88.3, exp, libm::exp) < 1.5e-7);
        assert!(worst(-1.0, 1.0, exp, libm::exp) < 1.5e-7);
        assert!(worst(-80.0, 80.0, sigmoid, |x| 1.0 / (1.0 + libm::exp(-x))) < 3e-7);
        assert!(worst(-12.0, 12.0, tanh, libm::tanh) < 5e-7);
        assert!(worst(-0.24, 0.24, tanh, libm::tanh) < 2e-7);
        let cdf = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        // The argument's own rounding grows with x² in the tail.
        assert!(worst(-3.0, 8.0, |x| normal(x).0, cdf) < 2e-6);
        let pdf = |x: f64| libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
        assert!(worst(-4.0, 4.0, |x| normal(x).1, pdf) < 2e-6);
    }

    #[test]
    fn the_ends_of_the_line_are_those_of_the_functions() {
        assert_eq!(
            (exp(f32::NEG_INFINITY), exp(f32::INFINITY)),
            (0.0, f32::INFINITY)
        );
        assert_eq!(
            (exp(0.0), exp(-100.0), exp(100.0)),
            (1.0, 0.0, f32::INFINITY)
        );
        assert_eq!((tanh(40.0), tanh(-40.0), tanh(0.0)), (1.0, -1.0, 0.0));
        assert_eq!((sigmoid(200.0), sigmoid(-200.0)), (1.0, 0.0));
        for f in [exp, tanh, sigmoid, |x| normal(x).0, |x| normal(x).1] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}
