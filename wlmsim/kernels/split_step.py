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


@njit(error_model="numpy", inline="always")
def _quintic(t, value, slope):
    """Weights of the six nearest coefficients of a quintic B-spline, and their derivatives, at 0 <= t < 1."""
    for side in range(2):
        u = t if side == 0 else 1.0 - t
        sign = -1.0 / 24.0 if side == 0 else 1.0 / 24.0
        a, b, c = 1.0 - u, 2.0 - u, 3.0 - u
        a4, b4, c4 = a**4, b**4, c**4
        first, second, third = (0, 1, 2) if side == 0 else (5, 4, 3)
        value[first] = a4 * a / 120.0
        value[second] = (b4 * b - 6.0 * a4 * a) / 120.0
        value[third] = (c4 * c - 6.0 * b4 * b + 15.0 * a4 * a) / 120.0
        slope[first] = sign * a4
        slope[second] = sign * (b4 - 6.0 * a4)
        slope[third] = sign * (c4 - 6.0 * b4 + 15.0 * a4)


@njit(parallel=True, error_model="numpy", cache=True)
def interpolate(coefficients, low, spacing, positions):
    """A periodic quintic spline and its gradient at the given points.

    `coefficients` have three axes, of which the first 3 - d have length 1. Returns values, shape (n,), and gradients,
    shape (n, d).
    """
    n, dim = positions.shape
    values, gradients = np.empty(n, np.complex128), np.empty((n, dim), np.complex128)
    for p in prange(n):
        weight, slope = np.ones((3, 6)), np.zeros((3, 6))
        first, taps = np.zeros(3, np.int64), np.ones(3, np.int64)
        for k in range(dim):
            s = (positions[p, k] - low[k]) / spacing[k]
            cell = math.floor(s)
            axis = 3 - dim + k
            _quintic(s - cell, weight[axis], slope[axis])
            first[axis], taps[axis] = int(cell) - 2, 6
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
