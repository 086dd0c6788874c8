"""The velocities and the energy of point vortices, summed over all pairs."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

TINY = 1e-150
"""Least squared distance: it keeps a vortex from moving itself, and a product of two of them is a number still."""


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def vortex_velocity(x, circulations, core2):
    """Sum over j of Gamma_j / (2 pi) J (x_i - x_j) / (r^2 + core^2), J the quarter turn anticlockwise.

    Two receivers at a time, so that 1 / a and 1 / b share the division 1 / (a b).
    """
    n = x.shape[0]
    px, py, strength = np.empty(n), np.empty(n), np.empty(n)
    for j in range(n):
        px[j], py[j], strength[j] = x[j, 0], x[j, 1], circulations[j] / (2.0 * math.pi)
    floor = max(core2, TINY)
    out = np.empty((n, 2))
    for pair in prange((n + 1) // 2):
        a, b = 2 * pair, min(2 * pair + 1, n - 1)
        xa, ya, xb, yb = px[a], py[a], px[b], py[b]
        ua = va = ub = vb = 0.0
        for j in range(n):
            dxa, dya, dxb, dyb = xa - px[j], ya - py[j], xb - px[j], yb - py[j]
            ra = dxa * dxa + dya * dya + floor
            rb = dxb * dxb + dyb * dyb + floor
            both = strength[j] / (ra * rb)
            ua -= both * rb * dya
            va += both * rb * dxa
            ub -= both * ra * dyb
            vb += both * ra * dxb
        out[a, 0], out[a, 1] = ua, va
        out[b, 0], out[b, 1] = ub, vb
    return out


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def vortex_energy(x, circulations, core2):
    """-1 / (4 pi) times the sum over pairs of Gamma_i Gamma_j log(r^2 + core^2)."""
    n = x.shape[0]
    total = 0.0
    for i in prange(n):
        inner = 0.0
        for j in range(i):  # without a condition, of which Numba makes no loop on Python 3.13
            dx, dy = x[i, 0] - x[j, 0], x[i, 1] - x[j, 1]
            inner += circulations[j] * math.log(dx * dx + dy * dy + core2)
        total += circulations[i] * inner
    return -total / (4.0 * math.pi)
