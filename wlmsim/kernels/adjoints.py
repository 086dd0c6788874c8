"""Adjoints of the forces of compiled laws: for a cotangent u, the gradient of sum_i u_i . F_i."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numba.cpython.unsafe.tuple import tuple_setitem

# `wlmsim.functionals.binding` makes a module of this one for each law, in which its functions are no arguments.


@njit(parallel=True, fastmath=True, error_model="numpy")
def external_adjoint(x, t, p, u, adjoint, axes, slopes):
    """Force of an external law, and the gradient with respect to positions (n, d) and parameters, by particle.

    `axes` is a tuple with a zero for each axis, `slopes` one with a zero for each parameter.
    """
    dim = len(axes)
    force, towards_x = np.empty_like(x), np.empty_like(x)
    towards_p = np.empty((len(x), len(slopes)))
    for i in prange(len(x)):
        here = lever = axes
        for k in range(dim):
            here = tuple_setitem(here, k, x[i, k])
            lever = tuple_setitem(lever, k, u[i, k])
        found = adjoint(here, t, p, lever)
        for k in range(dim):
            force[i, k] = found[k]
            towards_x[i, k] = found[dim + k]
        for m in range(len(slopes)):
            towards_p[i, m] = found[2 * dim + m]
    return force, towards_x, towards_p


@njit(parallel=True, fastmath=True, error_model="numpy")
def pair_adjoint(x, w, p, u, adjoint, axes, slopes):
    """Force of a pair law, and the gradient with respect to positions (n, d) and parameters, by particle.

    With d = x_i - x_j, r = |d| and q = w_j u_i - w_i u_j, the pair adds -W'/r q . d to the scalar. `axes` is a tuple
    with a zero for each axis, `slopes` one with a zero for each parameter.
    """
    xs, us = x.T.copy(), u.T.copy()
    force, towards_x = np.empty_like(x), np.empty_like(x)
    towards_p = np.empty((len(x), len(slopes)))
    for i in prange(len(x)):
        here = lever = pull = push = axes
        turn = slopes
        for k in range(len(axes)):
            here = tuple_setitem(here, k, xs[k, i])
            lever = tuple_setitem(lever, k, us[k, i])
        for j in range(len(x)):
            r2 = 0.0
            along = 0.0
            for k in range(len(axes)):
                d = here[k] - xs[k, j]
                r2 += d**2
                along += d * (w[j] * lever[k] - w[i] * us[k, j])
            # without branches, so that the loop becomes vector instructions
            apart = 1.0 if r2 > 0.0 else 0.0
            r2 = r2 if r2 > 0.0 else 1.0
            derivatives = adjoint(math.sqrt(r2), p)
            rate = apart * derivatives[0] / math.sqrt(r2)
            bend = (apart * derivatives[1] - rate) * along / r2
            for k in range(len(axes)):
                d = here[k] - xs[k, j]
                pull = tuple_setitem(pull, k, pull[k] - w[j] * rate * d)
                push = tuple_setitem(push, k, push[k] - bend * d - rate * (w[j] * lever[k] - w[i] * us[k, j]))
            for m in range(len(slopes)):
                # each pair is met twice
                turn = tuple_setitem(turn, m, turn[m] - 0.5 * apart * along * derivatives[m + 2] / math.sqrt(r2))
        for k in range(len(axes)):
            force[i, k] = pull[k]
            towards_x[i, k] = push[k]
        for m in range(len(slopes)):
            towards_p[i, m] = turn[m]
    return force, towards_x, towards_p
