"""Velocity alignment summed over all pairs."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def alignment_force(x, v, w, strength, inverse_radius2, exponent):
    """Sum over j of w_j strength (1 + r^2 / radius^2)^-exponent (v_j - v_i)."""
    n, dim = x.shape
    out = np.empty_like(v)
    for i in prange(n):
        for k in range(dim):
            out[i, k] = 0.0
        for j in range(n):
            r2 = 0.0
            for k in range(dim):
                r2 += (x[i, k] - x[j, k]) ** 2
            rate = w[j] * strength * (1.0 + r2 * inverse_radius2) ** -exponent
            for k in range(dim):
                out[i, k] += rate * (v[j, k] - v[i, k])
    return out
