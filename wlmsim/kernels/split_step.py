"""Waves on a grid: phases of a split step, and the velocity field by spline interpolation.

The phases run on one thread: they cost a tenth of the Fourier transforms between them, whose own threads would
wait for those of another pool.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange


@njit(fastmath=True, error_model="numpy", cache=True)
def multiply(wave, factor):
    """wave *= factor, both of shape (n,)."""
    for i in range(wave.size):
        wave[i] *= factor[i]


@njit(fastmath=True, error_model="numpy", cache=True)
def multiply_axes(wave, a, b, c):
    """wave[i, j, k] *= a[i] b[j] c[k]."""
    for i in range(wave.shape[0]):
        for j in range(wave.shape[1]):
            row, factor = wave[i, j], a[i] * b[j]
            for k in range(row.size):
                row[k] *= factor * c[k]


TAPS = 8
"""Coefficients that a septic spline takes along each axis."""


@njit(error_model="numpy", inline="always")
def _septic(t, value, slope):
    """Weights of the eight nearest coefficients of a B-spline of degree 7, and their derivatives, at 0 <= t < 1."""
    for side in range(2):  # the left half, then the right one as its mirror image
        u = t if side == 0 else 1.0 - t
        a, b, c, d = 1.0 - u, 2.0 - u, 3.0 - u, 4.0 - u
        a6, b6, c6, d6 = a**6, b**6, c**6, d**6
        sign = -1.0 / 720.0 if side == 0 else 1.0 / 720.0
        k, step = (0, 1) if side == 0 else (7, -1)
        value[k] = a6 * a / 5040.0
        value[k + step] = (b6 * b - 8.0 * a6 * a) / 5040.0
        value[k + 2 * step] = (c6 * c - 8.0 * b6 * b + 28.0 * a6 * a) / 5040.0
        value[k + 3 * step] = (d6 * d - 8.0 * c6 * c + 28.0 * b6 * b - 56.0 * a6 * a) / 5040.0
        slope[k] = sign * a6
        slope[k + step] = sign * (b6 - 8.0 * a6)
        slope[k + 2 * step] = sign * (c6 - 8.0 * b6 + 28.0 * a6)
        slope[k + 3 * step] = sign * (d6 - 8.0 * c6 + 28.0 * b6 - 56.0 * a6)


@njit(parallel=True, error_model="numpy", cache=True)
def interpolate(coefficients, low, spacing, positions):
    """A periodic spline of degree 7 and its gradient at the given points.

    `coefficients` have three axes, of which the first 3 - d have length 1. Returns values, shape (n,), and gradients,
    shape (n, d).
    """
    n, dim = positions.shape
    values, gradients = np.empty(n, np.complex128), np.empty((n, dim), np.complex128)
    for p in prange(n):
        weight, slope = np.ones((3, TAPS)), np.zeros((3, TAPS))
        first, taps = np.zeros(3, np.int64), np.ones(3, np.int64)
        for k in range(dim):
            s = (positions[p, k] - low[k]) / spacing[k]
            cell = math.floor(s)
            axis = 3 - dim + k
            _septic(s - cell, weight[axis], slope[axis])
            first[axis], taps[axis] = int(cell) - 3, TAPS
        value, g0, g1, g2 = 0j, 0j, 0j, 0j
        for a in range(taps[0]):
            i = (first[0] + a) % coefficients.shape[0]
            for b in range(taps[1]):
                row = coefficients[i, (first[1] + b) % coefficients.shape[1]]
                along, across = 0j, 0j
                for c in range(taps[2]):
                    coefficient = row[(first[2] + c) % row.size]
                    along += weight[2, c] * coefficient
                    across += slope[2, c] * coefficient
                value += weight[0, a] * weight[1, b] * along
                g0 += slope[0, a] * weight[1, b] * along
                g1 += weight[0, a] * slope[1, b] * along
                g2 += weight[0, a] * weight[1, b] * across
        values[p] = value
        gradient = (g0, g1, g2)
        for k in range(dim):
            gradients[p, k] = gradient[3 - dim + k] / spacing[k]
    return values, gradients
