"""Which points keep Winograd's F(4, 3) exact: rms error of sums of products in f32, as a multiple of
that of the same sums made directly, one term after the other.

    python3 tests/reference/winograd_points.py      # needs numpy

src/kernel/conv2d/winograd.rs takes the points with the smallest error of these.
"""

import numpy

PLACES, WINDOW, SPREAD = 4, 3, 6
ROWS, CHANNELS, SAMPLES = 3, 48, 4000


def transforms(points):
    """G, Aᵀ and Bᵀ of a transposed product of polynomials (Toom-Cook), for these points and ∞."""

    def powers(count):
        rows = [[x**j for j in range(count)] for x in points]
        return numpy.array([*rows, [0.0] * (count - 1) + [1.0]])

    return powers(WINDOW), powers(PLACES).T, numpy.linalg.inv(powers(SPREAD)).T


def errors(points, draw):
    f32 = numpy.float32
    spread_weights, gather, spread_pixels = (m.astype(f32) for m in transforms(points))
    terms = ROWS * CHANNELS
    pixels = draw.uniform(-1, 1, (SAMPLES, terms, SPREAD)).astype(f32)
    weights = draw.uniform(-1, 1, (terms, WINDOW)).astype(f32)
    windows = [pixels[:, :, j : j + PLACES] for j in range(WINDOW)]
    exact = sum(w.astype(float) * weights[None, :, j, None] for j, w in enumerate(windows)).sum(1)
    u, v = weights @ spread_weights.T, pixels @ spread_pixels.T
    products, direct = numpy.zeros((SAMPLES, SPREAD), f32), numpy.zeros((SAMPLES, PLACES), f32)
    for term in range(terms):
        products += u[term] * v[:, term]
    for j, window in enumerate(windows):
        for term in range(terms):
            direct += window[:, term] * weights[term, j]

    def rms(found):
        return numpy.sqrt(((found - exact) ** 2).mean())

    return rms(products @ gather.T) / rms(direct)


def main():
    half = 0.5**0.5
    for near, far in ((1, 2), (0.5, 1), (0.5, 2), (half, 1 / half), (2 / 3, 1.5), (0.75, 1.5)):
        ratio = errors([0, near, -near, far, -far], numpy.random.default_rng(0))
        print(f"±{near:.3g}, ±{far:.3g}: {ratio:.2f}")


if __name__ == "__main__":
    main()
