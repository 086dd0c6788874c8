"""Loops over particles and pairs of particles for a compiled law."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

# Not cached on disk: these loops take the compiled law as an argument, which a new process makes anew.


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


@njit(parallel=True, fastmath=True, error_model="numpy")
def pair_energy(x, w, p, value):
    """1/2 sum over i != j of w_i w_j W(|x_i - x_j|)."""
    n, dim = x.shape
    total = 0.0
    for i in prange(n):
        inner = 0.0
        for j in range(n):
            if j != i:
                r2 = 0.0
                for k in range(dim):
                    r2 += (x[i, k] - x[j, k]) ** 2
                inner += w[j] * value(math.sqrt(r2), p)
        total += w[i] * inner
    return 0.5 * total


@njit(parallel=True, fastmath=True, error_model="numpy")
def pair_force(x, w, p, derivative):
    """-sum over j of w_j grad W(|x_i - x_j|); a coincident pair has no direction and exerts no force."""
    n, dim = x.shape
    out = np.empty_like(x)
    for i in prange(n):
        for k in range(dim):
            out[i, k] = 0.0
        for j in range(n):
            r2 = 0.0
            for k in range(dim):
                r2 += (x[i, k] - x[j, k]) ** 2
            if r2 > 0.0:
                r = math.sqrt(r2)
                strength = w[j] * derivative(r, p) / r
                for k in range(dim):
                    out[i, k] -= strength * (x[i, k] - x[j, k])
    return out
