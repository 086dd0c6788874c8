"""Softened gravity summed over all pairs."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from wlmsim.kernels.lanes import LANES, inverse_cube, load, store, total, zeros

TILE = 128
"""Particles a tile, a multiple of LANES: the seven numbers of each stay in the first-level cache."""

BLOCK = 7 * LANES
"""Vectors x, y, z, w of as many particles as there are lanes, and x, y, z of the pull on them, one after the other.

So that a loop over a tile has one pointer: seven of them and the constants are more than a processor has registers.
"""


@njit(parallel=True, error_model="numpy", cache=True)
def gravity_force(x, w, softening2, threads):
    """Sum over j of w_j (x_j - x_i) / (r^2 + softening^2)^(3/2), in up to three dimensions.

    Each pair is evaluated once and pulls on both its particles; tiles of particles are dealt to the threads, each
    of which sums by itself.
    """
    source = padded(x, w)
    partial = np.empty((threads, 3, source.shape[1]))
    for thread in prange(threads):
        _share(source, softening2, thread, threads, partial[thread])
    out = np.empty_like(x)
    for i in prange(x.shape[0]):
        for k in range(x.shape[1]):
            out[i, k] = 0.0
            for thread in range(threads):
                out[i, k] += partial[thread, k, i]
    return out


@njit(error_model="numpy", cache=True)
def padded(x, w):
    """Rows x, y, z, w; particles without weight, beside the first one, fill the last vector."""
    n, dim = x.shape
    source = np.zeros((4, (n + LANES - 1) // LANES * LANES))
    for i in range(source.shape[1]):
        for k in range(dim):
            source[k, i] = x[i, k] if i < n else x[0, k]
        source[3, i] = w[i] if i < n else 0.0
    return source


@njit(error_model="numpy", cache=True)
def _share(source, softening2, thread, threads, sums):
    """One thread's share of the pairs of tiles."""
    sums[:] = 0.0
    n = source.shape[1]
    tile = np.empty(TILE // LANES * BLOCK)
    pair = 0
    for b in range(0, n, TILE):
        b_end = min(b + TILE, n)
        blocks = tile[: (b_end - b) // LANES * BLOCK]
        _pack(source, b, blocks)
        for a in range(0, b + 1, TILE):
            if pair % threads == thread:
                if a == b:
                    _within(source, softening2, b, b_end, sums)
                else:
                    _between(source, softening2, a, a + TILE, blocks, sums)
            pair += 1
        _unpack(blocks, b, sums)


@njit(error_model="numpy", cache=True)
def _pack(source, first, blocks):
    """Lay particles out by blocks, on which nothing pulls yet."""
    for block in range(len(blocks) // BLOCK):
        for k in range(7):
            for lane in range(LANES):
                value = source[k, first + block * LANES + lane] if k < 4 else 0.0
                blocks[block * BLOCK + k * LANES + lane] = value


@njit(error_model="numpy", cache=True)
def _unpack(blocks, first, sums):
    """Add what pulls on the particles of blocks to the sums."""
    for block in range(len(blocks) // BLOCK):
        for k in range(3):
            for lane in range(LANES):
                sums[k, first + block * LANES + lane] += blocks[block * BLOCK + (4 + k) * LANES + lane]


@njit(error_model="numpy", cache=True)
def _between(source, softening2, first, last, blocks, sums):
    """Add the pull between each particle of one tile, whole, and each of another, in blocks, to the sums of both.

    Two particles a and b of the one are done at a time, which saves loads and stores of the other.
    """
    x, y, z, w = source[0], source[1], source[2], source[3]
    fx, fy, fz = sums[0], sums[1], sums[2]
    for a in range(first, last, 2):
        b = a + 1
        xa, ya, za, wa = x[a], y[a], z[a], w[a]
        xb, yb, zb, wb = x[b], y[b], z[b], w[b]
        ax = ay = az = bx = by = bz = zeros()
        for j in range(0, len(blocks), BLOCK):
            xj, yj, zj = load(blocks, j), load(blocks, j + LANES), load(blocks, j + 2 * LANES)
            wj = load(blocks, j + 3 * LANES)
            dax, day, daz = xj - xa, yj - ya, zj - za
            dbx, dby, dbz = xj - xb, yj - yb, zj - zb
            pull_a = inverse_cube(softening2 + dax * dax + day * day + daz * daz)
            pull_b = inverse_cube(softening2 + dbx * dbx + dby * dby + dbz * dbz)
            on_a, on_b = wj * pull_a, wj * pull_b
            ax += on_a * dax
            ay += on_a * day
            az += on_a * daz
            bx += on_b * dbx
            by += on_b * dby
            bz += on_b * dbz
            by_a, by_b = wa * pull_a, wb * pull_b
            jx, jy, jz = j + 4 * LANES, j + 5 * LANES, j + 6 * LANES
            store(blocks, jx, load(blocks, jx) - by_a * dax - by_b * dbx)
            store(blocks, jy, load(blocks, jy) - by_a * day - by_b * dby)
            store(blocks, jz, load(blocks, jz) - by_a * daz - by_b * dbz)
        fx[a] += total(ax)
        fy[a] += total(ay)
        fz[a] += total(az)
        fx[b] += total(bx)
        fy[b] += total(by)
        fz[b] += total(bz)


@njit(error_model="numpy", cache=True)
def _within(source, softening2, first, last, sums):
    """Add the pull between the particles of one tile."""
    for i in range(first, last):
        sx, sy, sz = attraction(source, first, last, softening2, source[0, i], source[1, i], source[2, i])
        sums[0, i] += sx
        sums[1, i] += sy
        sums[2, i] += sz


@njit(error_model="numpy", cache=True)
def attraction(source, first, last, softening2, xi, yi, zi):
    """The three components of the pull of a range of sources, rows x, y, z, w, on a point."""
    x, y, z, w = source[0], source[1], source[2], source[3]
    sx = sy = sz = zeros()
    for j in range(first, last, LANES):
        dx = load(x, j) - xi
        dy = load(y, j) - yi
        dz = load(z, j) - zi
        pull = load(w, j) * inverse_cube(softening2 + dx * dx + dy * dy + dz * dz)
        sx += pull * dx
        sy += pull * dy
        sz += pull * dz
    return total(sx), total(sy), total(sz)


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def gravity_force_any(x, w, softening2):
    """`gravity_force` in any number of dimensions."""
    n, dim = x.shape
    out = np.zeros_like(x)
    for i in prange(n):
        for j in range(n):
            r2 = softening2
            for k in range(dim):
                r2 += (x[j, k] - x[i, k]) ** 2
            pull = w[j] / (r2 * math.sqrt(r2))
            for k in range(dim):
                out[i, k] += pull * (x[j, k] - x[i, k])
    return out


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def gravity_energy(x, w, softening2):
    """Sum over pairs of w_i w_j / sqrt(r^2 + softening^2), in any number of dimensions."""
    n, dim = x.shape
    xs = x.T.copy()
    total = 0.0
    # a long row of the triangle with a short one, so that all take the same time
    for row in prange((n + 1) // 2):
        r2 = np.empty(n)
        for i in range(row, n - row, max(1, n - 1 - 2 * row)):
            r2[:i] = softening2
            for k in range(dim):
                for j in range(i):
                    r2[j] += (xs[k, j] - xs[k, i]) ** 2
            inner = 0.0
            for j in range(i):
                inner += w[j] / math.sqrt(r2[j])
            total += w[i] * inner
    return total
