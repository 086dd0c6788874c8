"""Sums over a Gaussian kernel: smoothed densities and what derives from them.

Arrays hold one coordinate a row, shape (d, n), and the particles are in the order of `wlmsim.functionals.density`,
so that a tile of `TILE` consecutive ones lies in a small box. Two tiles whose boxes are so far apart that all their
kernel values vanish beside the sum they would enter are passed over; the inner loops run over one tile of sources.
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


@njit(fastmath=True, error_model="numpy", inline="always")
def _kernel(x, i, sources, scale, z, r2, kernel):
    """Separations z = x_j - x_i, their squares and kernel values for one target and one tile of sources."""
    for j in range(sources.shape[1]):
        r2[j] = 0.0
    for k in range(x.shape[0]):
        here, there, zk = x[k, i], sources[k], z[k]
        for j in range(there.size):
            zk[j] = there[j] - here
            r2[j] += zk[j] * zk[j]
    for j in range(sources.shape[1]):
        kernel[j] = _exp_minus(scale * r2[j])


@njit(fastmath=True, error_model="numpy", inline="always")
def _dot(a, b, n):
    total = 0.0
    for j in range(n):
        total += a[j] * b[j]
    return total


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def moments(x, own, sources, weights, bandwidth):
    """Moments of the sources as each target sees them through the kernel k = exp(-r^2 / 2 h^2).

    Returns S = sum of w_j k, the mean m = sum of w_j k z / S of the separations z = x_j - x, shape (d, targets), and
    the mean square q = sum of w_j k |z|^2 / S. `own` is a lower bound of S at each target, zero if none is known.
    Where all kernel values underflow, S is 0, and m and q are those of the nearest sources.
    """
    dim, n = x.shape
    scale = 0.5 / bandwidth**2
    low, high, _, least = tiles(x, own)
    source_low, source_high, share, _ = tiles(sources, weights)
    total, mean, square = np.zeros(n), np.zeros((dim, n)), np.zeros(n)
    for tile in prange(least.size):
        z, r2, kernel = np.empty((dim, TILE)), np.empty(TILE), np.empty(TILE)
        for other in range(share.size):
            decay = _box_decay(low, high, tile, source_low, source_high, other, scale)
            if share[other] * decay < NEGLIGIBLE * least[tile]:
                continue
            start, stop = other * TILE, min(weights.size, (other + 1) * TILE)
            there, w = sources[:, start:stop], weights[start:stop]
            for i in range(tile * TILE, min(n, (tile + 1) * TILE)):
                _kernel(x, i, there, scale, z, r2, kernel)
                s = 0.0
                for j in range(w.size):
                    kernel[j] *= w[j]
                    s += kernel[j]
                total[i] += s
                square[i] += _dot(kernel, r2, w.size)
                for k in range(dim):
                    mean[k, i] += _dot(kernel, z[k], w.size)
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
    """Sum over i of w_i k_ij (x_j - x_i) (1 / S_i + 1 / S_j) / h^2, shape (d, n)."""
    dim, n = x.shape
    scale = 0.5 / bandwidth**2
    low, high, share, _ = tiles(x, weights)
    _, _, _, least = tiles(x, total)
    inverse = 1.0 / total
    out = np.zeros((dim, n))
    for tile in prange(share.size):
        z, r2, kernel = np.empty((dim, TILE)), np.empty(TILE), np.empty(TILE)
        for other in range(share.size):
            decay = _box_decay(low, high, tile, low, high, other, scale)
            if max(share[other] / least[tile], TILE) * decay < NEGLIGIBLE:
                continue
            start, stop = other * TILE, min(n, (other + 1) * TILE)
            there, w, theirs = x[:, start:stop], weights[start:stop], inverse[start:stop]
            for j in range(tile * TILE, min(n, (tile + 1) * TILE)):
                _kernel(x, j, there, scale, z, r2, kernel)
                mine = inverse[j]
                for i in range(w.size):
                    kernel[i] *= w[i] * (theirs[i] + mine)
                for k in range(dim):
                    out[k, j] -= 2.0 * scale * _dot(kernel, z[k], w.size)
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
        z, r2, kernel, along = np.empty((dim, TILE)), np.empty(TILE), np.empty(TILE), np.empty(TILE)
        for other in range(share.size):
            decay = _box_decay(low, high, tile, low, high, other, scale)
            if max(share[other] / least[tile], TILE) * decay < NEGLIGIBLE:
                continue
            start, stop = other * TILE, min(n, (other + 1) * TILE)
            there, w, slopes = x[:, start:stop], weights[start:stop], slope[:, start:stop]
            theirs, offsets = inverse[start:stop], offset[start:stop]
            for j in range(tile * TILE, min(n, (tile + 1) * TILE)):
                _kernel(x, j, there, scale, z, r2, kernel)
                mine, my_offset = inverse[j], offset[j]
                for i in range(w.size):
                    kernel[i] *= w[i]
                    both = theirs[i] + mine
                    along[i] = 2.0 * scale * (r2[i] * both + offsets[i] + my_offset) - 2.0 * both
                for k in range(dim):
                    zk, their_slope, my_slope = z[k], slopes[k], slope[k, j]
                    for i in range(w.size):
                        along[i] += 2.0 * scale * (their_slope[i] - my_slope) * zk[i]
                for k in range(dim):
                    zk, their_slope, my_slope, s = z[k], slopes[k], slope[k, j], 0.0
                    for i in range(w.size):
                        s += kernel[i] * (along[i] * zk[i] - their_slope[i] + my_slope)
                    out[k, j] += 8.0 * scale * scale * s
    return out
