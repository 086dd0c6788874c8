"""Sums over a Gaussian kernel: smoothed densities and what derives from them.

Arrays hold one coordinate a row, and rows of zeros up to a multiple of three; particles are in an order in which a tile
of `TILE` consecutive ones lies in a small box. Two tiles whose boxes are so far apart that all their kernel values
vanish beside the sum they would enter are passed over. The inner loops run over one tile of sources with three
coordinates in registers, and store nothing, so that they vectorise. In more than three dimensions they run once for
each three coordinates; what the other ones add to |z|^2 and to m.z is in the buffers `further` and `turn`.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic

TILE = 64
"""Sources in a tile: few enough that boxes are small, enough to fill the vector registers."""

NEGLIGIBLE = 1e-18
"""What is left out of a sum, as a share of it."""


@intrinsic
def _float_of_bits(typing_context, bits):
    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@njit(fastmath=True, error_model="numpy", inline="always")
def _exp_minus(y):
    """exp(-y) for 0 <= y, to 2e-15 (2e-14 for y > 100): a polynomial times a power of two, which vectorises."""
    y = min(y, 700.0)
    n = np.floor(y * 1.4426950408889634 + 0.5)
    r = n * 0.6931471805599453 - y
    p = 1 / 479001600 * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * _float_of_bits(np.int64(1023 - np.int32(n)) << 52)


@njit(error_model="numpy", cache=True)
def tiles(x, w):
    """Corners of the box of each tile, shape (d, tiles), and the sum and the minimum of its weights."""
    dim, n = x.shape
    count = (n + TILE - 1) // TILE
    low, high = np.empty((dim, count)), np.empty((dim, count))
    total, least = np.empty(count), np.empty(count)
    for tile in range(count):
        start, stop = tile * TILE, min(n, (tile + 1) * TILE)
        for k in range(dim):
            low[k, tile], high[k, tile] = x[k, start:stop].min(), x[k, start:stop].max()
        total[tile], least[tile] = w[start:stop].sum(), w[start:stop].min()
    return low, high, total, least


@njit(error_model="numpy", inline="always")
def _box_decay(low_a, high_a, a, low_b, high_b, b, scale):
    """The largest kernel value between two boxes."""
    r2 = 0.0
    for k in range(low_a.shape[0]):
        gap = max(0.0, low_a[k, a] - high_b[k, b], low_b[k, b] - high_a[k, a])
        r2 += gap * gap
    return math.exp(-scale * r2)


@njit(fastmath=True, error_model="numpy", cache=True)
def _products(a, b, sources_a, sources_b, i, first, start, out):
    """Sums of (a_kj - a_ki) (b_kj - b_ki) over the coordinates k beside the three from the first on, for one tile."""
    out[:] = 0.0
    for k in range(a.shape[0]):
        if k < first or k >= first + 3:
            for j in range(out.size):
                out[j] += (sources_a[k, start + j] - a[k, i]) * (sources_b[k, start + j] - b[k, i])


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def moments(x, own, sources, weights, bandwidth):
    """Moments of the sources as each target sees them through the kernel k = exp(-r^2 / 2 h^2).

    Returns S = sum of w_j k, the mean m = sum of w_j k z / S of the separations z = x_j - x, in rows as x, and the
    mean square q = sum of w_j k |z|^2 / S. `own` is a lower bound of S at each target, zero if none is known.
    Where all kernel values underflow, S is 0, and m and q are those of the nearest sources.
    """
    dim, n = x.shape
    scale = 0.5 / bandwidth**2
    low, high, _, least = tiles(x, own)
    source_low, source_high, share, _ = tiles(sources, weights)
    total, mean, square = np.zeros(n), np.zeros((dim, n)), np.zeros(n)
    for tile in prange(least.size):
        further = np.zeros(TILE)
        for other in range(share.size):
            decay = _box_decay(low, high, tile, source_low, source_high, other, scale)
            if share[other] * decay < NEGLIGIBLE * least[tile]:
                continue
            start, stop = other * TILE, min(weights.size, (other + 1) * TILE)
            w = weights[start:stop]
            for c in range(0, dim, 3):
                for i in range(tile * TILE, min(n, (tile + 1) * TILE)):
                    if dim > 3:
                        _products(x, x, sources, sources, i, c, start, further[: w.size])
                    # rows of contiguous memory, which a row of a slice is not to the compiler
                    x0, x1, x2 = sources[c, start:stop], sources[c + 1, start:stop], sources[c + 2, start:stop]
                    here0, here1, here2 = x[c, i], x[c + 1, i], x[c + 2, i]
                    s = q = m0 = m1 = m2 = 0.0
                    for j in range(w.size):
                        z0, z1, z2 = x0[j] - here0, x1[j] - here1, x2[j] - here2
                        r2 = z0 * z0 + z1 * z1 + z2 * z2 + further[j]
                        p = w[j] * _exp_minus(scale * r2)
                        s += p
                        q += p * r2
                        m0 += p * z0
                        m1 += p * z1
                        m2 += p * z2
                    if c == 0:
                        total[i] += s
                        square[i] += q
                    mean[c, i] += m0
                    mean[c + 1, i] += m1
                    mean[c + 2, i] += m2
        for i in range(tile * TILE, min(n, (tile + 1) * TILE)):
            if total[i] < 1e-280:
                _nearest_moments(x, i, sources, weights, scale, mean, square)
                total[i] = 0.0
            else:
                for k in range(dim):
                    mean[k, i] /= total[i]
                square[i] /= total[i]
    return total, mean, square


@njit(error_model="numpy", cache=True)
def _nearest_moments(x, i, sources, weights, scale, mean, square):
    """Moments at target i with kernel values relative to that of the nearest source."""
    dim, n = sources.shape
    nearest = np.inf
    for j in range(n):
        r2 = 0.0
        for k in range(dim):
            r2 += (sources[k, j] - x[k, i]) ** 2
        if weights[j] > 0.0:
            nearest = min(nearest, r2)
    total = 0.0
    mean[:, i] = 0.0
    square[i] = 0.0
    for j in range(n):
        r2 = 0.0
        for k in range(dim):
            r2 += (sources[k, j] - x[k, i]) ** 2
        p = weights[j] * math.exp(-scale * (r2 - nearest)) if weights[j] > 0.0 else 0.0
        total += p
        square[i] += p * r2
        for k in range(dim):
            mean[k, i] += p * (sources[k, j] - x[k, i])
    mean[:, i] /= total
    square[i] /= total


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def entropy_force(x, weights, total, bandwidth):
    """Sum over i of w_i k_ij (x_j - x_i) (1 / S_i + 1 / S_j) / h^2, in rows as x."""
    dim, n = x.shape
    scale = 0.5 / bandwidth**2
    low, high, share, _ = tiles(x, weights)
    _, _, _, least = tiles(x, total)
    inverse = 1.0 / total
    out = np.zeros((dim, n))
    for tile in prange(share.size):
        further = np.zeros(TILE)
        for other in range(share.size):
            decay = _box_decay(low, high, tile, low, high, other, scale)
            if max(share[other] / least[tile], TILE) * decay < NEGLIGIBLE:
                continue
            start, stop = other * TILE, min(n, (other + 1) * TILE)
            w, theirs = weights[start:stop], inverse[start:stop]
            for c in range(0, dim, 3):
                for j in range(tile * TILE, min(n, (tile + 1) * TILE)):
                    if dim > 3:
                        _products(x, x, x, x, j, c, start, further[: w.size])
                    x0, x1, x2 = x[c, start:stop], x[c + 1, start:stop], x[c + 2, start:stop]
                    here0, here1, here2, mine = x[c, j], x[c + 1, j], x[c + 2, j], inverse[j]
                    f0 = f1 = f2 = 0.0
                    for i in range(w.size):
                        z0, z1, z2 = x0[i] - here0, x1[i] - here1, x2[i] - here2
                        r2 = z0 * z0 + z1 * z1 + z2 * z2 + further[i]
                        p = w[i] * _exp_minus(scale * r2) * (theirs[i] + mine)
                        f0 += p * z0
                        f1 += p * z1
                        f2 += p * z2
                    out[c, j] -= 2.0 * scale * f0
                    out[c + 1, j] -= 2.0 * scale * f1
                    out[c + 2, j] -= 2.0 * scale * f2
    return out


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def quantum_force(x, weights, total, mean, square, bandwidth):
    """Sum over i of w_i (T_ij - T_ji) / h^4, where w_j T_ij is the derivative by x_j of 2 q_i - |m_i|^2.

    With z = x_i - x_j and a_i = |m_i|^2 - q_i:
    T_ij = 2 k / S_i [z (|z|^2 + m_i.z + a_i) / h^2 - 2 z - m_i],
    T_ji = 2 k / S_j [z (m_j.z - |z|^2 - a_j) / h^2 + 2 z - m_j].
    """
    dim, n = x.shape
    scale = 0.5 / bandwidth**2
    low, high, share, _ = tiles(x, weights)
    _, _, _, least = tiles(x, total)
    inverse = 1.0 / total
    offset, slope = -square, np.empty_like(mean)
    for k in range(dim):
        offset += mean[k] * mean[k]
        slope[k] = mean[k] * inverse
    offset *= inverse
    out = np.zeros((dim, n))
    for tile in prange(share.size):
        further, turn = np.zeros(TILE), np.zeros(TILE)
        for other in range(share.size):
            decay = _box_decay(low, high, tile, low, high, other, scale)
            if max(share[other] / least[tile], TILE) * decay < NEGLIGIBLE:
                continue
            start, stop = other * TILE, min(n, (other + 1) * TILE)
            w, theirs, offsets = weights[start:stop], inverse[start:stop], offset[start:stop]
            for c in range(0, dim, 3):
                for j in range(tile * TILE, min(n, (tile + 1) * TILE)):
                    if dim > 3:
                        _products(x, x, x, x, j, c, start, further[: w.size])
                        _products(slope, x, slope, x, j, c, start, turn[: w.size])
                    x0, x1, x2 = x[c, start:stop], x[c + 1, start:stop], x[c + 2, start:stop]
                    slope0, slope1, slope2 = slope[c, start:stop], slope[c + 1, start:stop], slope[c + 2, start:stop]
                    here0, here1, here2, mine, my_offset = x[c, j], x[c + 1, j], x[c + 2, j], inverse[j], offset[j]
                    mine0, mine1, mine2 = slope[c, j], slope[c + 1, j], slope[c + 2, j]
                    f0 = f1 = f2 = 0.0
                    for i in range(w.size):
                        z0, z1, z2 = x0[i] - here0, x1[i] - here1, x2[i] - here2
                        s0, s1, s2 = slope0[i] - mine0, slope1[i] - mine1, slope2[i] - mine2
                        r2 = z0 * z0 + z1 * z1 + z2 * z2 + further[i]
                        p = w[i] * _exp_minus(scale * r2)
                        both = theirs[i] + mine
                        bracket = r2 * both + offsets[i] + my_offset + s0 * z0 + s1 * z1 + s2 * z2 + turn[i]
                        pull = 2.0 * scale * bracket - 2.0 * both
                        f0 += p * (pull * z0 - s0)
                        f1 += p * (pull * z1 - s1)
                        f2 += p * (pull * z2 - s2)
                    out[c, j] += 8.0 * scale * scale * f0
                    out[c + 1, j] += 8.0 * scale * scale * f1
                    out[c + 2, j] += 8.0 * scale * scale * f2
    return out
