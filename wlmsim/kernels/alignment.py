"""Velocity alignment summed over all pairs."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numba.cpython.unsafe.tuple import tuple_setitem

from wlmsim.kernels.elementary import power


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def alignment_force(x, v, w, numbers, axes):
    """Sum over j of w_j strength (1 + r^2 / radius^2)^-exponent (v_j - v_i).

    `numbers` are strength, 1 / radius^2 and exponent; `axes` has a zero for each axis.
    """
    xs, vs = x.T.copy(), v.T.copy()
    out = np.empty_like(v)
    for i in prange(len(x)):
        turn = _turn(xs, vs, w, numbers, axes, i)
        for k in range(len(axes)):
            out[i, k] = turn[k]
    return out


@njit(fastmath=True, error_model="numpy", cache=True)
def _turn(xs, vs, w, numbers, axes, i):
    """Force of all particles on particle i."""
    strength, inverse_radius2, exponent = numbers
    here = own = turn = axes
    for k in range(len(axes)):
        here, own = tuple_setitem(here, k, xs[k, i]), tuple_setitem(own, k, vs[k, i])
    for j in range(xs.shape[1]):
        r2 = 0.0
        for k in range(len(axes)):
            r2 += (xs[k, j] - here[k]) ** 2
        rate = strength * w[j] * power(1.0 + r2 * inverse_radius2, -exponent)
        for k in range(len(axes)):
            turn = tuple_setitem(turn, k, turn[k] + rate * (vs[k, j] - own[k]))
    return turn


@njit(error_model="numpy", cache=True)
def add_alignment(x, v, p, force):
    """Add `alignment_force`, as a piece of a force; p holds w, numbers, room for x and v as rows, and axes."""
    w, numbers, xs, vs, axes = p
    for i in range(len(x)):
        for k in range(len(axes)):
            xs[k, i], vs[k, i] = x[i, k], v[i, k]
    for i in range(len(x)):
        turn = _turn(xs, vs, w, numbers, axes, i)
        for k in range(len(axes)):
            force[i, k] += turn[k]
