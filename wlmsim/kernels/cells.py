"""Cell lists: particles sorted by the cell of a grid, and the neighbourhood of a row of cells laid out in memory.

The cells of the grid are numbered with the last axis fastest; a row is the cells that share all coordinates but the
last. The neighbourhood of a stretch of a row is copied once, column by column, as a structure of arrays. Then the
neighbours of all particles in a cell are one contiguous range, which the compiler turns into vector instructions.
Particles beyond the end of the range are told by their distance like all others, so a loop may run a few places too
far.

Loops over axes unroll where the compiler knows the number of dimensions: it is given as a tuple of as many zeros.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from wlmsim.kernels.lanes import LANES, load, store, zeros

# A grid with many more cells than particles costs memory and saves nothing.
CELLS_PER_PARTICLE = 4
# Length of a stretch, in cells: its neighbourhood stays in the cache.
STRETCH = 32
# Cells are wider than the radius by far more than rounding: no pair within it is more than one cell apart.
SLACK = 1.0 + 1e-9


@njit(error_model="numpy", cache=True)
def fold(coordinate, length):
    """Coordinate within [0, length] of a periodic axis; unchanged on an open one, which has length 0."""
    return coordinate - length * np.floor(coordinate / length) if length > 0.0 else coordinate


@njit(error_model="numpy", cache=True)
def grid(x, radius, box):
    """Origin of the grid, cells per length and their number along each axis, and a coordinate far from all particles.

    Cells are wider than `radius`, and so wide that there are not too many; in a periodic axis they divide its length.
    """
    n, dim = x.shape
    low, extent, per_length = np.zeros(dim), box.copy(), np.empty(dim)
    shape = np.empty(dim, np.int64)
    for k in range(dim):
        if box[k] == 0.0:
            low[k] = x[:, k].min()
            extent[k] = x[:, k].max() - low[k]
    far = 2.0 * (max(abs(low[0]), abs(low[0] + extent[0])) + radius)
    width = radius * SLACK
    cells = np.inf
    while cells > CELLS_PER_PARTICLE * n + 1.0:
        cells = 1.0
        for k in range(dim):
            cells *= np.floor(extent[k] / width) + 1.0
            if box[k] > 0.0:
                shape[k] = max(1, int(extent[k] / width))
                per_length[k] = shape[k] / extent[k]
            else:
                shape[k] = max(1, int(extent[k] / width) + 1)
                per_length[k] = 1.0 / width
        width *= 1.25
    return low, per_length, shape, far


@njit(error_model="numpy", cache=True)
def rows_met(x, radius, box):
    """How many pairs of rows of cells a walk through the cell list meets: a row has 3^(d - 1) around it."""
    dim = x.shape[1]
    shape = grid(x, radius, box)[2]
    met = 0.5
    for k in range(dim - 1):
        met *= 3.0 * shape[k]
    return met


@njit(parallel=True, error_model="numpy", cache=True)
def cell_list(x, radius, box, chunks):
    """Counting sort of the particles by cell.

    `box` holds the length of each periodic axis, 0 for an open one. The sort is stable, so that it does not depend on
    the number of `chunks`, which are worked on in parallel. Returns the shape of the grid, where each cell starts in
    the order of cells, the particles in that order, and a coordinate that is further than `radius` from all of theirs.
    """
    n, dim = x.shape
    low, per_length, shape, far = grid(x, radius, box)
    cells = 1
    for k in range(dim):
        cells *= shape[k]
    home = np.empty(n, np.int32)
    fill = np.zeros((chunks, cells), np.int32)
    for chunk in prange(chunks):
        for i in range(chunk * n // chunks, (chunk + 1) * n // chunks):
            c = 0
            for k in range(dim):
                place = int((fold(x[i, k], box[k]) - low[k]) * per_length[k])
                c = c * shape[k] + min(max(place, 0), shape[k] - 1)
            home[i] = c
            fill[chunk, c] += 1
    starts = np.empty(cells + 1, np.int32)
    total = 0
    for c in range(cells):
        starts[c] = total
        for chunk in range(chunks):
            count = fill[chunk, c]
            fill[chunk, c] = total
            total += count
    starts[cells] = total
    order = np.empty(n, np.int32)
    for chunk in prange(chunks):
        for i in range(chunk * n // chunks, (chunk + 1) * n // chunks):
            order[fill[chunk, home[i]]] = i
            fill[chunk, home[i]] += 1
    return shape, starts, order, far


@njit(parallel=True, error_model="numpy", cache=True)
def lay_out(values, order, box, out):
    """Write the columns of `values`, shape (n, F), to the rows of `out`, in the order of cells, folded into the box."""
    for f in range(values.shape[1]):
        row, length = out[f], box[f]
        for s in prange(len(order)):
            row[s] = fold(values[order[s], f], length)


@njit(error_model="numpy", cache=True)
def rows_around(row, shape, box, ahead, rows, shifts):
    """Write the rows that touch a row and how far their images are shifted; return how many.

    With `ahead` only the row itself, which comes first, and those after it in the order of the grid: of two rows that
    touch one is ahead of the other. The arrays need one place more than there can be rows.
    """
    dim = len(shape)
    codes = 3 ** (dim - 1)
    count = 0
    shifts[:] = 0.0
    for code in range(codes // 2 if ahead else 0, codes):
        digits, rest, stride = code, row, 1
        rows[count] = 0
        inside = True
        for k in range(dim - 2, -1, -1):
            place = rest % shape[k] + digits % 3 - 1
            turn = -1 if place < 0 else 1 if place >= shape[k] else 0
            inside = inside and (turn == 0 or box[k] > 0.0)
            shifts[count, k] = turn * box[k]
            rows[count] += (place - turn * shape[k]) * stride
            rest //= shape[k]
            digits //= 3
            stride *= shape[k]
        count += 1 if inside else 0
    return count


@njit(error_model="numpy", cache=True)
def size_around(starts, columns, rows, count, first, last):
    """Places that `gather` needs at most."""
    size = LANES
    for r in range(count):
        base = rows[r] * columns
        size += starts[base + min(last + 1, columns)] - starts[base + max(first - 1, 0)]
        size += starts[base + 1] - starts[base] + starts[base + columns] - starts[base + columns - 1]
    return size


@njit(fastmath=True, error_model="numpy", cache=True)
def gather(fields, starts, columns, where, length, far, near, bounds, axes, values):
    """Copy the columns first - 1 to last of some rows, one column after the other, from `fields` to `near`.

    The first rows of `fields` are positions, which are copied as the images that the shifts say. Column first - 1 + k
    begins at `bounds[k]`. Beyond the ends of a row lies its other end if the last axis is periodic, of `length` above
    0, and else nothing. `LANES` particles that are `far` away end the list. `values` has a zero for each field.
    """
    dim, total = len(axes), len(values)
    rows, shifts, count, first, last = where
    source, target = fields.reshape(-1), near.reshape(-1)
    length_from, length_to = fields.shape[1], near.shape[1]
    q = 0
    for column in range(first - 1, last + 1):
        bounds[column - first + 1] = q
        turn = -1 if column < 0 else 1 if column >= columns else 0
        if turn != 0 and length == 0.0:
            continue
        for r in range(count):
            cell = np.uintp(rows[r] * columns + column - turn * columns)
            start = starts[cell]
            inside = starts[cell + np.uintp(1)] - start
            # in whole groups: what is copied too much is overwritten by what follows
            for group in range((inside + LANES - 1) // LANES):
                here, there = start + group * LANES, q + group * LANES
                for k in range(dim):
                    shift = shifts[r, k] + (turn * length if k == dim - 1 else 0.0)
                    store(target, k * length_to + there, load(source, k * length_from + here) + shift)
                for f in range(dim, total):
                    store(target, f * length_to + there, load(source, f * length_from + here))
            q += inside
    bounds[last - first + 2] = q
    for f in range(total):
        store(target, f * length_to + q, zeros() + far)
