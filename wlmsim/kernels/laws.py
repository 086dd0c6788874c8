"""Loops over particles and pairs of particles for a compiled law."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numba.cpython.unsafe.tuple import tuple_setitem

# `wlmsim.functionals.binding` makes a module of this one for each law, in which its functions are no arguments.


@njit(parallel=True, fastmath=True, error_model="numpy")
def external_energy(x, w, t, p, value):
    """Sum of w_i V(x_i, t)."""
    total = 0.0
    for i in prange(x.shape[0]):
        total += w[i] * value(x[i], t, p)
    return total


@njit(parallel=True, fastmath=True, error_model="numpy")
def external_force(x, t, p, gradient):
    """-grad V(x_i, t)."""
    out = np.empty_like(x)
    for i in prange(x.shape[0]):
        gradient(x[i], t, p, out[i])
        for k in range(x.shape[1]):
            out[i, k] = -out[i, k]
    return out


@njit(error_model="numpy")
def value_and_slope(r, p, value, derivative):
    """W(r) and W'(r)."""
    return value(r, p), derivative(r, p)


@njit(parallel=True, fastmath=True, error_model="numpy")
def pair_energy(x, w, p, value, axes):
    """1/2 sum over i != j of w_i w_j W(|x_i - x_j|); `axes` is a tuple with a zero for each axis."""
    xs = x.T.copy()
    total = 0.0
    for i in prange(len(x)):
        total += w[i] * (_energy(xs, w, p, value, axes, i, 0, i) + _energy(xs, w, p, value, axes, i, i + 1, len(x)))
    return 0.5 * total


@njit(fastmath=True, error_model="numpy")
def _energy(xs, w, p, value, axes, i, first, last):
    """Energy of particle i with some others."""
    energy = 0.0
    for j in range(first, last):
        r2 = 0.0
        for k in range(len(axes)):
            r2 += (xs[k, j] - xs[k, i]) ** 2
        energy += w[j] * value(math.sqrt(r2), p)
    return energy


@njit(parallel=True, fastmath=True, error_model="numpy")
def pair_force(x, w, p, derivative, axes):
    """-sum over j of w_j grad W(|x_i - x_j|); a coincident pair has no direction and exerts no force."""
    xs = x.T.copy()
    out = np.empty_like(x)
    for i in prange(len(x)):
        pull = _pull(xs, w, p, derivative, axes, i)
        for k in range(len(axes)):
            out[i, k] = pull[k]
    return out


@njit(fastmath=True, error_model="numpy")
def _pull(xs, w, p, derivative, axes, i):
    """Force of all particles on particle i."""
    here = total = axes
    for k in range(len(axes)):
        here = tuple_setitem(here, k, xs[k, i])
    for j in range(xs.shape[1]):
        r2 = 0.0
        for k in range(len(axes)):
            r2 += (xs[k, j] - here[k]) ** 2
        # without branches, so that the loop becomes vector instructions
        r = math.sqrt(r2 if r2 > 0.0 else 1.0)
        pull = derivative(r, p) / r
        pull = w[j] * pull if r2 > 0.0 else 0.0
        for k in range(len(axes)):
            total = tuple_setitem(total, k, total[k] + pull * (xs[k, j] - here[k]))
    return total


# --- pieces of a force, as of `wlmsim.kernels.pieces`


@njit(fastmath=True, error_model="numpy")
def add_external(x, t, p, force, gradient):
    """Take grad V(x_i, t) off; p holds the parameters of the law and room for the gradient."""
    parameters, slope = p
    for i in range(x.shape[0]):
        gradient(x[i], t, parameters, slope)
        for k in range(x.shape[1]):
            force[i, k] -= slope[k]


@njit(error_model="numpy")
def add_pairs(x, t, p, force, derivative):
    """Add `pair_force`; p holds the weights, the parameters, room for the coordinates as rows, and `axes`."""
    w, parameters, xs, axes = p
    for i in range(len(x)):
        for k in range(len(axes)):
            xs[k, i] = x[i, k]
    for i in range(len(x)):
        pull = _pull(xs, w, parameters, derivative, axes, i)
        for k in range(len(axes)):
            force[i, k] += pull[k]


@njit(error_model="numpy")
def add_pairs_at(x, t, p, force, derivative):
    """`add_pairs` of a law whose first parameter is the time."""
    w, parameters, xs, axes = p
    add_pairs(x, t, (w, tuple_setitem(parameters, 0, t), xs, axes), force, derivative)
