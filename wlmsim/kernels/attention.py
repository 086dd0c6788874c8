"""Averages over a weighted cloud by the exponentials of scores, and their first two derivatives, in single precision.

As many rows (queries) as a register holds stand side by side and meet all columns (keys). What a pair counts is an
entry of a tile, an array of the columns times these rows, which stays in the processor's cache: products of matrices
with few features are three quarters of the work, and here as fast as those of large matrices. Arrays hold a matrix for
each head; rows and columns are padded to multiples of sixteen and features to the width of a register, with zeros.
`wlmsim.learn.networks.density_attention` says what is computed.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numba.cpython.unsafe.tuple import tuple_setitem

from wlmsim.kernels.elementary import exp2
from wlmsim.kernels.lanes import LANES_OF_SINGLES as LANES
from wlmsim.kernels.lanes import larger, load, product, store, zeros_for

TILE = (np.float32(0),) * 8
"""A zero for each output that is computed at the same time."""
CHUNKS = 4
"""Parts of the rows of each head; a thread works on every `step`-th of all from `part` on."""


@njit(error_model="numpy", cache=True)
def lift(rows, first, out):
    """Set as many rows side by side as there are lanes."""
    for lane in range(LANES):
        for k in range(rows.shape[1]):
            out[k * LANES + lane] = rows[first + lane, k]


@njit(error_model="numpy", cache=True)
def lay(side_by_side, first, rows):
    """Lay them down again."""
    for lane in range(LANES):
        for k in range(rows.shape[1]):
            rows[first + lane, k] = side_by_side[k * LANES + lane]


@njit(error_model="numpy", cache=True)
def add_transposed(tile, rows, first, out):
    """Add to each column's features the sum over the rows of its entry in the tile times the row's features."""
    width = rows.shape[1]
    features, sums_of = rows.reshape(-1), out.reshape(-1)
    for k in range(0, width, LANES):
        for column in range(0, len(out), len(TILE)):
            sums = zeros_for(TILE)
            for j in range(len(TILE)):
                sums = tuple_setitem(sums, j, load(sums_of, (column + j) * width + k))
            for lane in range(LANES):
                row = load(features, (first + lane) * width + k)
                for j in range(len(TILE)):
                    sums = tuple_setitem(sums, j, sums[j] + tile[(column + j) * LANES + lane] * row)
            for j in range(len(TILE)):
                store(sums_of, (column + j) * width + k, sums[j])


@njit(error_model="numpy", cache=True)
def scores(rows, first, columns, side_by_side, out):
    """Products of rows side by side with all columns, whose features are the first axis."""
    lift(rows, first, side_by_side)
    product(TILE, LANES, columns, len(columns), side_by_side, out)


@njit(fastmath={"contract", "nsz"}, error_model="numpy", cache=True)
def power_of_two(tile):
    """2 to the power of each entry."""
    # one loop over all, which the compiler turns into vector instructions
    for k in range(np.uintp(len(tile))):
        tile[k] = exp2(tile[k])


@njit(error_model="numpy", cache=True)
def multiply(tile, other):
    """Entry by entry."""
    for k in range(0, len(tile), LANES):
        store(tile, k, load(tile, k) * load(other, k))


@njit(error_model="numpy", cache=True)
def add(out, other, count):
    """Add `count` rows of as many numbers as there are lanes."""
    for k in range(0, count * LANES, LANES):
        store(out, k, load(out, k) + load(other, k))


@njit(error_model="numpy", cache=True)
def take_mean(tile, share):
    """Take the sum over each row, times the share, from every entry."""
    (total,) = zeros_for(TILE[:1])
    for k in range(0, len(tile), LANES):
        total += load(tile, k)
    for k in range(0, len(tile), LANES):
        store(tile, k, load(tile, k) - load(share, k) * total)


@njit(nogil=True, error_model="numpy", cache=True)
def average(queries, keys, values, averages, level, part, step):
    """Averages of the values, and the level of each row: log2 of the sum of 2 to the power of its scores."""
    heads, n, width = queries.shape
    columns, features = values.shape[1:]
    for own in range(part, heads * CHUNKS, step):
        h, chunk = own // CHUNKS, own % CHUNKS
        share, total = np.empty(columns * LANES, np.float32), np.empty(2 * LANES, np.float32)
        side_by_side = np.empty(max(width, features) * LANES, np.float32)
        for block in range(chunk * (n // LANES) // CHUNKS, (chunk + 1) * (n // LANES) // CHUNKS):
            first = block * LANES
            scores(queries[h], first, keys[h], side_by_side, share)
            top = load(share, 0)
            for k in range(LANES, len(share), LANES):
                top = larger(load(share, k), top)
            for k in range(0, len(share), LANES):
                store(share, k, load(share, k) - top)
            power_of_two(share)
            (sums,) = zeros_for(TILE[:1])
            for k in range(0, len(share), LANES):
                sums += load(share, k)
            store(total, 0, sums)
            store(total, LANES, top)
            product(TILE, LANES, values[h], columns, share, side_by_side)
            for lane in range(LANES):
                level[h, first + lane, 0] = total[LANES + lane] + np.log2(total[lane])
                for k in range(features):
                    averages[h, first + lane, k] = side_by_side[k * LANES + lane] / total[lane]


@njit(nogil=True, error_model="numpy", cache=True)
def gradient(queries, keys, towards, values, q, k, g, to_q, to_k, to_v, part, step):
    """Gradient of the sum of g . average by q, k and v.

    Products of `queries` and `keys` are the logarithms of shares, those of `towards` and `values` how shares matter.
    """
    heads, n, width = q.shape
    columns, features = k.shape[1], g.shape[2]
    for own in range(part, heads * CHUNKS, step):
        h, chunk = own // CHUNKS, own % CHUNKS
        share, matter = np.empty(columns * LANES, np.float32), np.empty(columns * LANES, np.float32)
        side_by_side = np.empty((max(width, features) + 2) * LANES, np.float32)
        for block in range(chunk * (n // LANES) // CHUNKS, (chunk + 1) * (n // LANES) // CHUNKS):
            first = block * LANES
            scores(queries[h], first, keys[h], side_by_side, share)
            power_of_two(share)
            scores(towards[h], first, values[h], side_by_side, matter)
            multiply(matter, share)
            product(TILE, LANES, k[h], columns, matter, side_by_side)
            lay(side_by_side, first, to_q[h])
            add_transposed(matter, q[h], first, to_k[own])
            add_transposed(share, g[h], first, to_v[own])


@njit(nogil=True, error_model="numpy", cache=True)
def second_gradient(
    queries,
    keys,
    towards,
    values,
    turn,
    along,
    cotangents,
    changes,
    q,
    k,
    v,
    g,
    a,
    b,
    c,
    to_q,
    to_k,
    to_v,
    to_g,
    part,
    step,
):
    """Gradient by q, k, v and g of the sum of g . average', the change of the averages along (a, b, c).

    Products of `turn` and `along` are how scores change, those of `cotangents` and `changes` g . c; else as `gradient`.
    """
    heads, n, width = q.shape
    columns, features = k.shape[1], g.shape[2]
    for own in range(part, heads * CHUNKS, step):
        h, chunk = own // CHUNKS, own % CHUNKS
        share, matter = np.empty(columns * LANES, np.float32), np.empty(columns * LANES, np.float32)
        change, bend = np.empty(columns * LANES, np.float32), np.empty(columns * LANES, np.float32)
        side_by_side = np.empty((2 * max(width, features) + 2) * LANES, np.float32)
        more = np.empty(max(width, features) * LANES, np.float32)
        for block in range(chunk * (n // LANES) // CHUNKS, (chunk + 1) * (n // LANES) // CHUNKS):
            first = block * LANES
            scores(queries[h], first, keys[h], side_by_side, share)
            power_of_two(share)
            scores(towards[h], first, values[h], side_by_side, matter)
            scores(turn[h], first, along[h], side_by_side, change)
            multiply(change, share)
            take_mean(change, share)
            scores(cotangents[h], first, changes[h], side_by_side, bend)
            # P (A T' + C), less its mean, as in the formulas of `density_attention`
            for entry in range(0, len(share), LANES):
                bent = load(bend, entry) * load(share, entry) + load(matter, entry) * load(change, entry)
                store(bend, entry, bent)
            take_mean(bend, share)
            multiply(matter, share)
            product(TILE, LANES, v[h], columns, change, side_by_side)
            product(TILE, LANES, c[h], columns, share, more)
            add(side_by_side, more, features)
            lay(side_by_side, first, to_g[h])
            product(TILE, LANES, b[h], columns, matter, side_by_side)
            product(TILE, LANES, k[h], columns, bend, more)
            add(side_by_side, more, width)
            lay(side_by_side, first, to_q[h])
            add_transposed(change, g[h], first, to_v[own])
            add_transposed(bend, q[h], first, to_k[own])
            add_transposed(matter, a[h], first, to_k[own])
