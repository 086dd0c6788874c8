"""The neighbour rules of boids: over all pairs, which is best for small flocks, and over a cell list."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from wlmsim.kernels.cells import build_cells, cells_around

BLOCK = 64


@njit(parallel=True, error_model="numpy", cache=True)
def boid_rules_direct(x, v, cohesion, separation, alignment, outer_radius, inner_radius):
    """Force of cohesion, separation and alignment on each particle, from all pairs.

    Flocks are chaotic: a rounding error grows to the size of the flock within a hundred steps. So the sums run
    over j in order, without reassociation, and agree to the last bit with a plain loop; the block of receivers is
    what the compiler turns into vector instructions.
    """
    n, dim = x.shape
    outer2, inner2 = outer_radius**2, inner_radius**2
    xs, vs = x.T.copy(), v.T.copy()
    out = np.empty_like(x)
    for block in prange((n + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        size = min(BLOCK, n - first)
        neighbours = np.zeros(size)
        away = np.zeros((dim, size))
        turn = np.zeros((dim, size))
        crowd = np.zeros((dim, size))
        r2 = np.empty(size)
        for j in range(n):
            r2[:] = 0.0
            for k in range(dim):
                for b in range(size):
                    r2[b] += (xs[k, j] - xs[k, first + b]) ** 2
            for b in range(size):
                neighbours[b] += 1.0 if r2[b] < outer2 else 0.0
            for k in range(dim):
                for b in range(size):
                    step = xs[k, j] - xs[k, first + b]
                    away[k, b] += step if r2[b] < outer2 else 0.0
                    crowd[k, b] += step if r2[b] < inner2 else 0.0
                    turn[k, b] += vs[k, j] - vs[k, first + b] if r2[b] < outer2 else 0.0
        for b in range(size):
            for k in range(dim):
                cohere = cohesion * (away[k, b] / neighbours[b])
                align = alignment * (turn[k, b] / neighbours[b])
                out[first + b, k] = cohere - separation * crowd[k, b] + align
    return out


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def boid_rules_cells(x, v, cohesion, separation, alignment, outer_radius, inner_radius):
    """Force of cohesion, separation and alignment on each particle, from neighbouring cells."""
    n, dim = x.shape
    outer2, inner2 = outer_radius**2, inner_radius**2
    shape, order, starts = build_cells(x, outer_radius)
    # structure of arrays in the order of the cells: neighbours lie side by side in memory
    xs = np.empty((dim, n))
    vs = np.empty((dim, n))
    for s in prange(n):
        for k in range(dim):
            xs[k, s] = x[order[s], k]
            vs[k, s] = v[order[s], k]
    out = np.empty_like(x)
    for c in prange(starts.shape[0] - 1):
        if starts[c] == starts[c + 1]:
            continue
        near = np.empty(3**dim, np.int64)
        count = cells_around(c, shape, near)
        sums = np.empty((3, dim))
        for s in range(starts[c], starts[c + 1]):
            neighbours = 0
            sums[:] = 0.0
            for q in range(count):
                for j in range(starts[near[q]], starts[near[q] + 1]):
                    r2 = 0.0
                    for k in range(dim):
                        r2 += (xs[k, j] - xs[k, s]) ** 2
                    if r2 < outer2:
                        neighbours += 1
                        for k in range(dim):
                            away = xs[k, j] - xs[k, s]
                            sums[0, k] += away
                            sums[1, k] += vs[k, j] - vs[k, s]
                            if r2 < inner2:
                                sums[2, k] += away
            i = order[s]
            for k in range(dim):
                cohere, align = cohesion * sums[0, k] / neighbours, alignment * sums[1, k] / neighbours
                out[i, k] = cohere - separation * sums[2, k] + align
    return out
