"""The neighbour rules of boids: over all pairs, which is best for small flocks, and over a cell list."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numba.cpython.unsafe.tuple import tuple_setitem

from wlmsim.kernels.cells import LANES, STRETCH, cell_list, gather, lay_out, rows_around, size_around
from wlmsim.kernels.lanes import load, total, where_below, zeros, zeros_for

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
def boid_rules_cells(x, v, cohesion, separation, alignment, outer_radius, inner_radius, box, chunks, axes):
    """Force of cohesion, separation and alignment on each particle, from neighbouring cells.

    `box` holds the length of each periodic axis, 0 for an open one; `axes` is a tuple with a zero for each axis.
    """
    n, dim = len(x), len(axes)
    shape, starts, order, far = cell_list(x, outer_radius, box, chunks)
    fields = np.empty((2 * dim, n + LANES))
    fields[:, n:] = 0.0
    lay_out(x, order, box, fields[:dim])
    lay_out(v, order, np.zeros(dim), fields[dim:])
    columns = shape[dim - 1]
    stretches = (columns + STRETCH - 1) // STRETCH
    blocks = (len(starts) - 1) // columns * stretches
    tasks = min(blocks, 16 * chunks)
    out = np.empty_like(x)
    for task in prange(tasks):
        near, bounds = np.empty((2 * dim, 1)), np.empty(STRETCH + 3, np.int64)
        rows, shifts = np.empty(3 ** (dim - 1) + 1, np.int64), np.empty((3 ** (dim - 1) + 1, dim))
        for block in range(task, blocks, tasks):
            row, first = block // stretches, block % stretches * STRETCH
            last = min(first + STRETCH, columns)
            count = rows_around(row, shape, box, False, rows, shifts)
            size = size_around(starts, columns, rows, count, first, last)
            if size > near.shape[1]:
                near = np.empty((2 * dim, 2 * size))
            where = rows, shifts, count, first, last
            gather(fields, starts, columns, where, box[dim - 1], far, near, bounds, axes, axes + axes)
            cells = starts[row * columns + first : row * columns + last + 1]
            rules = cohesion, separation, alignment, outer_radius**2, inner_radius**2
            steer(fields, cells, order, near, bounds, rules, out, axes)
    return out


@njit(error_model="numpy", cache=True)
def steer(fields, starts, order, near, bounds, rules, out, axes):
    """Write the force on the particles of a stretch of cells, given what is near."""
    dim, stride, near = len(axes), near.shape[1], near.reshape(-1)
    cohesion, separation, alignment, outer2, inner2 = rules
    for cell in range(len(starts) - 1):
        begin, groups = bounds[cell], (bounds[cell + 3] - bounds[cell] + LANES - 1) // LANES
        for s in range(np.uintp(starts[cell]), np.uintp(starts[cell + 1])):
            here = axes
            for k in range(dim):
                here = tuple_setitem(here, k, fields[k, s])
            neighbours = zeros()
            away = crowd = turn = zeros_for(axes)
            for group in range(groups):
                place = begin + group * LANES
                r2 = zeros()
                for k in range(dim):
                    step = load(near, k * stride + place) - here[k]
                    r2 += step * step
                neighbours += where_below(outer2, r2, 1.0)
                for k in range(dim):
                    step, heading = load(near, k * stride + place) - here[k], load(near, (dim + k) * stride + place)
                    away = tuple_setitem(away, k, away[k] + where_below(outer2, r2, step))
                    crowd = tuple_setitem(crowd, k, crowd[k] + where_below(inner2, r2, step))
                    turn = tuple_setitem(turn, k, turn[k] + where_below(outer2, r2, heading))
            share = 1.0 / total(neighbours)
            for k in range(dim):
                cohere = cohesion * share * total(away[k])
                align = alignment * (share * total(turn[k]) - fields[dim + k, s])
                out[order[s], k] = cohere - separation * total(crowd[k]) + align
