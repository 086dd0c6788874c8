"""Velocity alignment summed over all pairs."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numba.cpython.unsafe.tuple import tuple_setitem

from wlmsim.kernels.elementary import power


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def alignment_force(x, v, w, strength, inverse_radius2, exponent, axes):
    """Sum over j of w_j strength (1 + r^2 / radius^2)^-exponent (v_j - v_i); `axes` has a zero for each axis."""
    xs, vs = x.T.copy(), v.T.copy()
    out = np.empty_like(v)
    for i in prange(len(x)):
        here = own = turn = axes
        for k in range(len(axes)):
            here, own = tuple_setitem(here, k, xs[k, i]), tuple_setitem(own, k, vs[k, i])
        for j in range(len(x)):
            r2 = 0.0
            for k in range(len(axes)):
                r2 += (xs[k, j] - here[k]) ** 2
            rate = w[j] * power(1.0 + r2 * inverse_radius2, -exponent)
            for k in range(len(axes)):
                turn = tuple_setitem(turn, k, turn[k] + rate * (vs[k, j] - own[k]))
        for k in range(len(axes)):
            out[i, k] = strength * turn[k]
    return out
