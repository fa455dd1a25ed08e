//! Elementary functions on f32, branch-free so that loops over them vectorise, built from plain
//! additions and multiplications so that they give the same bits on every platform.

/// eˣ, within 2 units in the last place (1.5·10⁻⁷ relative). Below −87.3 the result is 0 instead
/// of a denormal number.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; eʳ by Cephes' polynomial (S. Moshier, `expf.c`).
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5·2²³: adding it rounds to a whole number
    const LOW: f32 = -87.336_54;
    const HIGH: f32 = 88.722_83;
    let clamped = x.clamp(LOW, HIGH);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_65;
    p = p * r + 0.5;
    p = p * r * r + r + 1.0;
    // 2ⁿ in two factors, because n may be 128.
    let whole = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = whole >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    let y = p * power(half) * power(whole.wrapping_sub(half));
    let y = if x < LOW { 0.0 } else { y };
    if x > HIGH { f32::INFINITY } else { y }
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
#[must_use]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// tanh x: 1 − 2 / (e^{2|x|} + 1) with the sign of x, and its series for |x| < ¼.
#[inline(always)]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    let s = x * x;
    let series = 62.0 / 2835.0;
    let series = series * s - 17.0 / 315.0;
    let series = series * s + 2.0 / 15.0;
    let series = series * s - 1.0 / 3.0;
    let near = x + x * s * series;
    let far = (1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.25 { near } else { far }
}

/// Φ(x) = ½ (1 + erf(x/√2)), the standard normal distribution function.
///
/// erfc by Chebyshev's approximation of its logarithm (Press et al. 2007, section 6.2.2), which
/// keeps the left tail's relative accuracy.
#[inline(always)]
#[must_use]
pub fn normal_cdf(x: f32) -> f32 {
    const TERMS: [f32; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_9,
        -1.135_204,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_7,
        -1.265_512_2,
    ];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut p = TERMS[0];
    for term in &TERMS[1..] {
        p = p * t + term;
    }
    // Half of erfc(z).
    let tail = 0.5 * t * exp(p - z * z);
    if x <= 0.0 { tail } else { 1.0 - tail }
}

/// φ(x) = e^{−x²/2} / √(2π), the standard normal density.
#[inline(always)]
#[must_use]
pub fn normal_pdf(x: f32) -> f32 {
    const SCALE: f32 = 0.398_942_3;
    SCALE * exp(-0.5 * x * x)
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
        assert!(worst(-87.3, 88.7, exp, libm::exp) < 1.5e-7);
        assert!(worst(-1.0, 1.0, exp, libm::exp) < 1.5e-7);
        assert!(worst(-80.0, 80.0, sigmoid, |x| 1.0 / (1.0 + libm::exp(-x))) < 3e-7);
        assert!(worst(-12.0, 12.0, tanh, libm::tanh) < 5e-7);
        assert!(worst(-0.24, 0.24, tanh, libm::tanh) < 2e-7);
        let cdf = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        // The argument's own rounding grows with x² in the tail.
        assert!(worst(-3.0, 8.0, normal_cdf, cdf) < 2e-6);
        let pdf = |x: f64| libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
        assert!(worst(-4.0, 4.0, normal_pdf, pdf) < 2e-6);
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
        for f in [exp, tanh, sigmoid, normal_cdf, normal_pdf] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}
