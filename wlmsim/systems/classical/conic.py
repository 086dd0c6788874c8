"""Motion on conic sections: Kepler's problem solved for ellipses, parabolas and hyperbolas by one formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_STUMPFF = [np.array([(-1) ** k / math.factorial(2 * k + start) for k in range(12)]) for start in (2, 3)]
"""Coefficients of the series of c_2 and c_3."""


def propagate(x: np.ndarray, v: np.ndarray, strength: float, time: Any) -> tuple[np.ndarray, np.ndarray]:
    """Carry particles about a point mass at the origin, x'' = -strength x / |x|^3, exactly.

    Parameters
    ----------
    x, v : ndarray, shape (n, d)
        Positions, none at the origin [length], and velocities [length / time].
    strength : float
        G times the central mass, positive [length^3 / time^2].
    time : float or ndarray, shape (n,)
        How far to carry each particle, of either sign [time].

    Returns
    -------
    (x, v) : tuple of ndarrays
        Positions and velocities then.

    Notes
    -----
    With the universal anomaly s, dt = r ds, all conic sections obey
    t = r0 s c_1 + x0 . v0 s^2 c_2 + strength s^3 c_3, with Stumpff's functions c_k(alpha s^2) and
    alpha = 2 strength / r0 - v0^2 = strength / a. The right-hand side rises with s at the rate r > 0.

    References
    ----------
    J. M. A. Danby, Fundamentals of Celestial Mechanics, section 6.9 (1988).
    """
    r0 = np.sqrt((x**2).sum(-1))
    radial = (x * v).sum(-1)
    alpha = 2 * strength / r0 - (v**2).sum(-1)
    time = np.broadcast_to(np.asarray(time, dtype=np.float64), r0.shape)
    bound = alpha > 0
    # whole turns of an ellipse are nothing
    period = 2 * np.pi * strength / np.where(bound, alpha, 1.0) ** 1.5
    time = np.where(bound, time - period * np.round(time / period), time)

    def elapsed(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Time at the anomaly s, and the distance there."""
        c0, c1, c2, c3 = _stumpff(alpha * s**2)
        t = r0 * s * c1 + radial * s**2 * c2 + strength * s**3 * c3
        return t, r0 * c0 + radial * s * c1 + strength * s**2 * c2

    s = _solve_increasing(elapsed, time, time / r0)
    _, c1, c2, c3 = _stumpff(alpha * s**2)
    _, r = elapsed(s)
    f, g = 1 - strength * s**2 * c2 / r0, time - strength * s**3 * c3
    df, dg = -strength * s * c1 / (r * r0), 1 - strength * s**2 * c2 / r
    return f[:, None] * x + g[:, None] * v, df[:, None] * x + dg[:, None] * v


def _stumpff(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Stumpff's functions c_k(z) = sum over j of (-z)^j / (2 j + k)!, k = 0 to 3."""
    near = np.abs(z) < 1
    root = np.sqrt(np.where(near, 1.0, np.abs(z)))
    circular = z > 0
    with np.errstate(over="ignore", invalid="ignore"):
        half = np.where(circular, np.sin(0.5 * root), np.sinh(0.5 * root))
        sine = np.where(circular, np.sin(root), np.sinh(root))
        c2 = np.where(near, np.polynomial.polynomial.polyval(z * near, _STUMPFF[0]), 2 * (half / root) ** 2)
        c3 = np.where(near, np.polynomial.polynomial.polyval(z * near, _STUMPFF[1]), np.abs(root - sine) / root**3)
        return 1 - z * c2, 1 - z * c3, c2, c3


def _solve_increasing(
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], target: np.ndarray, guess: np.ndarray
) -> np.ndarray:
    """Arguments where an increasing function, which is 0 at 0, takes its targets: Newton between bounds.

    `function` returns values and slopes; `guess` has the sign of the solution.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        far = guess
        while (short := np.abs(function(far)[0]) < np.abs(target)).any():
            far = np.where(short, 2 * far, far)
        low, high = np.minimum(far, 0.0), np.maximum(far, 0.0)
        s, last, found = guess, high - low, np.zeros(guess.shape, dtype=bool)
        for _ in range(100):
            value, slope = function(s)
            low, high = np.where(value < target, s, low), np.where(value > target, s, high)
            newton = (target - value) / slope
            # Newton's step is trusted inside the bounds, as long as it is less than half the one before
            trusted = (s + newton >= low) & (s + newton <= high) & (np.abs(newton) < 0.5 * last)
            step = np.where(trusted, newton, 0.5 * (low + high) - s)
            s, last = np.where(found, s, s + step), np.abs(step)
            # the error after Newton's step is of the order of its square
            found |= last <= np.where(trusted, 1e-12, 2e-16) * np.abs(s)
            if found.all():
                break
    return s
