"""Pair forces of short range, through a cell list.

Each pair is evaluated once: the receivers of a row of cells meet what is ahead of them in the order of the grid, and
what they exert there is gathered beside the neighbours' positions before it goes to the particles. Layers of cells are
worked on in parallel, first the even ones, then the odd ones, so that no two write to the same particles.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numba.cpython.unsafe.tuple import tuple_setitem

from wlmsim.kernels.cells import LANES, STRETCH, cell_list, gather, lay_out, rows_around, size_around

# `wlmsim.functionals.binding` makes a module of this one for each law, which is given by its compiled
# value and derivative and the tuple of its parameters; the shift is the tuple of the cutoff, and of W and W' there.


@njit(error_model="numpy", cache=True)
def sorted_cells(x, w, cutoff, box, chunks, axes):
    """Cell list, and positions, weights and numbers of the particles in its order as rows.

    `box` holds the length of each periodic axis, 0 for an open one; `axes` is a tuple with a zero for each axis.
    """
    n, dim = x.shape
    shape, starts, order, far = cell_list(x, cutoff, box, chunks)
    fields = np.empty((dim + 2, n + LANES))
    fields[:, n:] = 0.0
    lay_out(x, order, box, fields[:dim])
    lay_out(w.reshape(-1, 1), order, np.zeros(1), fields[dim : dim + 1])
    fields[dim + 1, :n] = np.arange(n)
    return (shape, starts, far, box, fields), order


@njit(parallel=True, fastmath=True, error_model="numpy")
def pair_sums(cells, value, derivative, p, shift, axes):
    """Energy, virial and forces, in the order of cells, under the law shifted so that W and W' vanish at the cutoff.

    The energy is the sum over pairs of w_i w_j W, the virial that of -w_i w_j r W'.
    """
    shape, box, fields = cells[0], cells[3], cells[4]
    force = np.zeros((len(axes), fields.shape[1]))
    layers = shape[0] if len(axes) > 1 else 1
    # around a periodic axis an odd number leaves one layer that touches the first
    left = layers % 2 if layers > 1 and box[0] > 0.0 else 0
    energy = virial = 0.0
    for phase in range(2 + left):
        first = phase if phase < 2 else layers - 1
        count = (layers - left - phase + 1) // 2 if phase < 2 else 1
        for turn in prange(count):
            e, v = layer_sums(first + 2 * turn, cells, value, derivative, p, shift, axes, force)
            energy += e
            virial += v
    return energy, virial, force


@njit(fastmath=True, error_model="numpy")
def layer_sums(layer, cells, value, derivative, p, shift, axes, force):
    """Add the forces between a layer of cells and what is ahead of each of its rows; return energy and virial."""
    shape, starts, far, box, fields = cells
    dim, others = len(axes), (0.0, 0.0)
    columns = shape[dim - 1]
    rows_a_layer = (len(starts) - 1) // columns // (shape[0] if dim > 1 else 1)
    near, push = np.empty((dim + 2, 1)), np.empty((dim, 1))
    bounds = np.empty(STRETCH + 3, np.int64)
    rows, shifts = np.empty(3 ** (dim - 1) + 1, np.int64), np.empty((3 ** (dim - 1) + 1, dim))
    energy = virial = 0.0
    for row in range(layer * rows_a_layer, (layer + 1) * rows_a_layer):
        count = rows_around(row, shape, box, True, rows, shifts)
        for first in range(0, columns, STRETCH):
            last = min(first + STRETCH, columns)
            size = size_around(starts, columns, rows, count, first, last)
            if size > near.shape[1]:
                near, push = np.empty((dim + 2, 2 * size)), np.empty((dim, 2 * size))
            where = rows, shifts, count, first, last
            gather(fields, starts, columns, where, box[dim - 1], far, near, bounds, axes, axes + others)
            end = bounds[last - first + 2]
            push[:, : end + LANES] = 0.0
            for column in range(first, last):
                cell = row * columns + column
                # ahead of a cell is all but, in its own row, which comes first in each column, what is in the column
                # before, and in the cell itself the particles up to the receiver
                before = cell - 1 if column > 0 else cell + columns - 1
                begin, own = bounds[column - first], bounds[column - first + 1]
                begin += starts[before + 1] - starts[before] if own > begin else 0
                groups = (bounds[column - first + 3] - begin + LANES - 1) // LANES
                here, there = (starts[cell], starts[cell + 1]), (begin, own, groups)
                e, v = cell_sums(here, there, fields, near, value, derivative, p, shift, axes, force, push)
                energy += e
                virial += v
            for j in range(np.uintp(end)):
                s = np.uintp(near[dim + 1, j])
                for k in range(dim):
                    force[k, s] += push[k, j]
    return energy, virial


@njit(fastmath=True, error_model="numpy")
def cell_sums(here, there, fields, near, value, derivative, p, shift, axes, force, push):
    """Add the forces between the particles of a cell and what is ahead of it; return energy and virial."""
    cutoff, edge, slope = shift
    begin, own, groups = np.uintp(there[0]), np.uintp(there[1]), there[2]
    first, last = np.uintp(here[0]), np.uintp(here[1])
    dim = len(axes)
    cutoff2 = cutoff * cutoff
    energy = virial = 0.0
    for s in range(first, last):
        x = axes
        for k in range(dim):
            x = tuple_setitem(x, k, fields[k, s])
        weight, done = fields[dim, s], s - first
        total = axes
        e = v = 0.0
        for place in range(groups * LANES):
            j = begin + np.uintp(place)
            r2 = 0.0
            for k in range(dim):
                r2 += (near[k, j] - x[k]) ** 2
            # of the cell itself, whose particles stand from `own` on, only those after the receiver
            met = (r2 < cutoff2) & (j - own > done)
            r = math.sqrt(r2 if met else cutoff2)
            mass = near[dim, j]
            # two particles in the same place exert no force: there is no direction
            pull = (derivative(r, p) - slope) / r if met & (r2 > 0.0) else 0.0
            e += mass * (value(r, p) - edge - (r - cutoff) * slope) if met else 0.0
            v -= mass * pull * r2
            for k in range(dim):
                step = near[k, j] - x[k]
                total = tuple_setitem(total, k, total[k] + mass * pull * step)
                push[k, j] -= weight * pull * step
        energy += weight * e
        virial += weight * v
        for k in range(dim):
            force[k, s] += total[k]
    return energy, virial


@njit(parallel=True, fastmath=True, error_model="numpy")
def all_pair_sums(x, w, value, derivative, p, shift, box, axes):
    """Energy, virial and forces as of `pair_sums`, of all pairs of the particles x, shape (n, d)."""
    cutoff, edge, slope = shift
    cutoff2 = cutoff * cutoff
    xs = x.T.copy()
    force = np.empty_like(x)
    energy = virial = 0.0
    for i in prange(len(x)):
        here = total = axes
        for k in range(len(axes)):
            here = tuple_setitem(here, k, xs[k, i])
        e = v = 0.0
        for j in range(len(x)):
            r2 = 0.0
            for k in range(len(axes)):
                d = xs[k, j] - here[k]
                d -= box[k] * np.rint(d / box[k]) if box[k] > 0.0 else 0.0
                r2 += d * d
            if r2 >= cutoff2 or j == i:
                continue
            r = math.sqrt(r2)
            pull = w[j] * (derivative(r, p) - slope) / r if r2 > 0.0 else 0.0
            e += w[j] * (value(r, p) - edge - (r - cutoff) * slope)
            v -= pull * r2
            for k in range(len(axes)):
                d = xs[k, j] - here[k]
                d -= box[k] * np.rint(d / box[k]) if box[k] > 0.0 else 0.0
                total = tuple_setitem(total, k, total[k] + pull * d)
        energy += 0.5 * w[i] * e
        virial += 0.5 * w[i] * v
        for k in range(len(axes)):
            force[i, k] = total[k]
    return energy, virial, force


@njit(parallel=True, error_model="numpy", cache=True)
def unsorted(fields, order):
    """Rows of `fields`, in the order of cells, as columns in the order of the particles."""
    out = np.empty((len(order), len(fields)))
    for s in prange(len(order)):
        for k in range(len(fields)):
            out[order[s], k] = fields[k, s]
    return out
