"""Coefficients of `src/kernel/simd/math.rs` for the tail of the normal distribution, and how far they are off.

Φ(−x) = e^{−x²/2}·t·P(t) with t = 1/(1 + A·x), x ≥ 0: P is the polynomial whose largest relative error over
x ≤ 13.3 is smallest, found by reweighted least squares (Lawson 1961) and rounded to f32. The error of the
rounded polynomial, evaluated in f32 by Horner's rule with fused multiply-adds, is printed with it.

    pip install numpy scipy; python3 tests/reference/normal_tail.py
"""

import numpy as np
from scipy.special import erfcx

DEGREE, END = 8, 13.3


def tail(x):
    """Φ(−x)·e^{x²/2}."""
    return 0.5 * erfcx(x / np.sqrt(2))


def fit(a, count=4000):
    low = 1 / (1 + a * END)
    middle, half = (1 + low) / 2, (1 - low) / 2
    t = middle + half * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    want = tail((1 / t - 1) / a)
    basis = np.polynomial.chebyshev.chebvander((t - middle) / half, DEGREE) * (t / want)[:, None]
    weights = np.ones(count)
    for _ in range(200):
        root = np.sqrt(weights)
        found = np.linalg.lstsq(basis * root[:, None], root, rcond=None)[0]
        off = np.abs(basis @ found - 1)
        weights *= off / off.max() + 1e-9
        weights /= weights.sum()
    chebyshev = np.polynomial.Chebyshev(found, domain=[low, 1])
    return chebyshev.convert(kind=np.polynomial.Polynomial).coef[::-1].astype(np.float32)


def fused(a, b, c):
    """a·b + c of f32 numbers, rounded once; the product of two is exact in f64."""
    return (a.astype(np.float64) * b + c).astype(np.float32)


def error(a, terms):
    x = np.linspace(0, END, 1_000_001).astype(np.float32)
    one = np.float32(1)
    t = (one / fused(x, np.float32(a), one)).astype(np.float32)
    p = np.full_like(x, terms[0])
    for term in terms[1:]:
        p = fused(p, t, term)
    got = (p * t).astype(np.float32).astype(np.float64)
    return np.abs(got / tail(x.astype(np.float64)) - 1).max()


a = min((k / 100 for k in range(15, 50)), key=lambda a: error(a, fit(a)))
terms = fit(a)
print(f"A = {a}")
print("P =", ", ".join(str(term) for term in terms), "(highest power first)")
print(f"largest relative error in f32: {error(a, terms):.1e}")
