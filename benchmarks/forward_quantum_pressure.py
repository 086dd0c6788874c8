"""Quantum pressure of 10,000 particles in the plane: one force.

    python -m benchmarks.forward_quantum_pressure [--threads 1] [--repeats 5] [--json FILE]

Silverman's bandwidth. Peer: the same sums over all pairs with NumPy, by blocks of rows that stay in the cache.
"""

from __future__ import annotations

import numpy as np

from benchmarks.forward_common import arguments, report, timed

PARTICLES, BLOCK = 10_000, 100


def dense(x: np.ndarray, w: np.ndarray, h: float) -> np.ndarray:
    """Force of `wlmsim.QuantumPressure` with hbar = 1 by dense NumPy, a block of rows at a time."""
    squares = (x**2).sum(1)
    total, mean, square = np.empty(len(x)), np.empty_like(x), np.empty(len(x))

    def kernel(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        r2 = np.maximum(squares[rows, None] + squares - 2 * x[rows] @ x.T, 0)
        return r2, w * np.exp(-0.5 / h**2 * r2)

    blocks = [slice(start, start + BLOCK) for start in range(0, len(x), BLOCK)]
    for rows in blocks:
        r2, k = kernel(rows)
        total[rows] = k.sum(1)
        mean[rows] = (k @ x) / total[rows, None] - x[rows]
        square[rows] = (k * r2).sum(1) / total[rows]
    inverse = 1 / total
    slope, offset = mean * inverse[:, None], ((mean**2).sum(1) - square) * inverse
    # with z = x_i - x_j the pair's share is k ([2 scale ((r2 both + offsets) + (slope_i - slope_j).z) - 2 both] z
    # - slope_i + slope_j), summed over i by matrix products
    along_i = (x * slope).sum(1)
    force = np.empty_like(x)
    for rows in blocks:
        r2, k = kernel(rows)
        both = inverse[rows, None] + inverse
        dots = along_i - x[rows] @ slope.T - slope[rows] @ x.T + along_i[rows, None]
        along = k * ((r2 * both + offset[rows, None] + offset + dots) / h**2 - 2 * both)
        force[rows] = along @ x - along.sum(1)[:, None] * x[rows] - k @ slope + total[rows, None] * slope[rows]
    return force / (4 * h**4)


def main() -> None:
    """Time both sides, check that they agree, print the table and the JSON line."""
    parsed = arguments("forward_quantum_pressure", __doc__)
    import wlmsim as wls

    x = np.random.default_rng(0).standard_normal((PARTICLES, 2))
    w = np.full(PARTICLES, 1 / PARTICLES)
    h = wls.functionals.silverman(x)
    pressure = wls.QuantumPressure(1.0, h)
    forces: dict[str, np.ndarray] = {}

    def ours() -> None:
        forces["wlmsim"] = pressure.force(x, w)

    def peer() -> None:
        forces["dense numpy"] = dense(x, w, h)

    seconds = timed({"wlmsim": ours, "dense numpy": peer}, parsed.repeats)
    scale = np.abs(forces["wlmsim"]).max()
    np.testing.assert_allclose(forces["wlmsim"], forces["dense numpy"], rtol=1e-6, atol=1e-9 * scale)
    rate = PARTICLES**2 / seconds["wlmsim"] / 1e9
    report("forward_quantum_pressure", __doc__, seconds, parsed, bandwidth=h, giga_pairs_a_second=rate)


if __name__ == "__main__":
    main()
