"""Cell lists: particles sorted by the cell of a grid that they lie in."""

from __future__ import annotations

import numpy as np
from numba import njit

# A grid with many more cells than particles costs memory and saves nothing.
CELLS_PER_PARTICLE = 4


@njit(cache=True)
def build_cells(x, cell):
    """Counting sort of the particles by cell, with cells at least `cell` wide.

    Returns the shape of the grid, each particle's cell (flat index), the particles in the order of their cells,
    and where each cell starts in that order.
    """
    n, dim = x.shape
    shape = np.empty(dim, np.int64)
    low = np.empty(dim)
    extent = np.empty(dim)
    for k in range(dim):
        low[k] = x[:, k].min()
        extent[k] = x[:, k].max() - low[k]
    width = cell
    while True:
        total = 1.0
        for k in range(dim):
            total *= np.floor(extent[k] / width) + 1.0
        if total <= CELLS_PER_PARTICLE * n + 1:
            break
        width *= 1.25
    cells = 1
    for k in range(dim):
        shape[k] = int(extent[k] / width) + 1
        cells *= shape[k]
    home = np.empty(n, np.int64)
    starts = np.zeros(cells + 1, np.int64)
    for i in range(n):
        c = 0
        for k in range(dim):
            c = c * shape[k] + min(int((x[i, k] - low[k]) / width), shape[k] - 1)
        home[i] = c
        starts[c + 1] += 1
    for c in range(cells):
        starts[c + 1] += starts[c]
    fill = starts[:-1].copy()
    order = np.empty(n, np.int64)
    for i in range(n):
        order[fill[home[i]]] = i
        fill[home[i]] += 1
    return shape, order, starts


@njit(cache=True)
def cells_around(c, shape, out):
    """Write the flat indices of the cells that touch cell c, itself included, to `out`; return how many."""
    dim = shape.shape[0]
    coordinate = np.empty(dim, np.int64)
    rest = c
    for k in range(dim - 1, -1, -1):
        coordinate[k] = rest % shape[k]
        rest //= shape[k]
    count = 0
    for code in range(3**dim):
        digits = code
        flat = 0
        inside = True
        for k in range(dim):
            position = coordinate[k] + digits % 3 - 1
            digits //= 3
            if position < 0 or position >= shape[k]:
                inside = False
                break
            flat = flat * shape[k] + position
        if inside:
            out[count] = flat
            count += 1
    return count
