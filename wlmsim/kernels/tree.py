"""Softened gravity by a tree (Barnes and Hut), with quadrupoles, for groups of receivers at a time.

Particles are sorted along Morton's curve, which orders the cells of an octree; a node is a range of them, split in
two where the curve's keys first differ. A group of neighbouring receivers walks the tree once: nodes that are far
from its bounding box go to one list, particles of near leaves to another, and both are summed by vector code.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from wlmsim.kernels.direct import attraction
from wlmsim.kernels.lanes import LANES, inverse_root, load, total, zeros

BITS = 21
"""Bits of a coordinate in a Morton key of 64."""
LEAF = 32
"""Particles in a node that is not split."""
GROUP = 128
"""Receivers that walk the tree together."""
LIST = 256
"""Entries of the two lists, a multiple of LANES; full lists are summed and emptied."""

WEIGHT, XX, YY, ZZ, XY, XZ, YZ, TRACE = range(3, 11)
"""Columns of the table of nodes, after the three of the centre of mass.

XX ... YZ hold 3 Q, where Q = sum of w s s^T over the particles at s from the centre, and TRACE 3/2 tr Q.
"""


@njit(inline="always")
def _every_third_bit(number):
    """The lowest 21 bits of a number, two zeros after each."""
    v = np.uint64(number) & np.uint64(0x1FFFFF)
    v = (v | (v << np.uint64(32))) & np.uint64(0x1F00000000FFFF)
    v = (v | (v << np.uint64(16))) & np.uint64(0x1F0000FF0000FF)
    v = (v | (v << np.uint64(8))) & np.uint64(0x100F00F00F00F00F)
    v = (v | (v << np.uint64(4))) & np.uint64(0x10C30C30C30C30C3)
    return (v | (v << np.uint64(2))) & np.uint64(0x1249249249249249)


@njit(error_model="numpy", cache=True)
def _cube(x):
    """Lowest corner and edge of the cube that holds all particles."""
    n, dim = x.shape
    low, high = x[0].copy(), x[0].copy()
    for i in range(n):
        for k in range(dim):
            low[k], high[k] = min(low[k], x[i, k]), max(high[k], x[i, k])
    return low, (high - low).max()


@njit(parallel=True, error_model="numpy", cache=True)
def morton_keys(x):
    """Place of each particle along Morton's curve through the cube that holds them all; x of shape (n, d <= 3)."""
    low, edge = _cube(x)
    scale = ((1 << BITS) - 1) / edge if edge > 0.0 else 0.0
    keys = np.empty(x.shape[0], np.uint64)
    for i in prange(x.shape[0]):
        key = np.uint64(0)
        for k in range(x.shape[1]):
            key |= _every_third_bit(int((x[i, k] - low[k]) * scale)) << np.uint64(k)
        keys[i] = key
    return keys


@njit(parallel=True, error_model="numpy", cache=True)
def in_order(x, w, keys, order):
    """Rows x, y, z, w of the particles, and their keys, in the given order."""
    n, dim = x.shape
    source = np.zeros((4, n))
    sorted_keys = np.empty_like(keys)
    for s in prange(n):
        for k in range(dim):
            source[k, s] = x[order[s], k]
        source[3, s] = w[order[s]]
        sorted_keys[s] = keys[order[s]]
    return source, sorted_keys


@njit(error_model="numpy", cache=True)
def split(keys):
    """The tree over sorted keys: first particle of each node, one past its last, and its first child (0: a leaf).

    A node's children are two nodes in sequence; they come after it.
    """
    n = len(keys)
    # Each split makes two nodes of one and no node is empty.
    first, last, child = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64), np.zeros(2 * n, np.int64)
    first[0], last[0] = 0, n
    nodes, node = 1, 0
    while node < nodes:
        low, high = first[node], last[node]
        difference = keys[low] ^ keys[high - 1]
        if high - low > LEAF and difference != 0:
            bit = np.uint64(1)
            while difference > np.uint64(1):
                difference >>= np.uint64(1)
                bit <<= np.uint64(1)
            # the first particle with that bit set, by bisection
            while low < high:
                middle = (low + high) // 2
                if keys[middle] & bit:
                    high = middle
                else:
                    low = middle + 1
            child[node] = nodes
            first[nodes], last[nodes] = first[node], low
            first[nodes + 1], last[nodes + 1] = low, last[node]
            nodes += 2
        node += 1
    return first[:nodes].copy(), last[:nodes].copy(), child[:nodes].copy()


@njit(error_model="numpy", cache=True)
def groups(nodes):
    """The largest nodes of no more than GROUP particles (or leaves), in the order of the curve."""
    first, last, child = nodes
    found = np.empty(len(first), np.int64)
    stack = np.empty(3 * BITS + 2, np.int64)
    stack[0] = 0
    count, top = 0, 1
    while top > 0:
        top -= 1
        node = stack[top]
        if last[node] - first[node] <= GROUP or child[node] == 0:
            found[count] = node
            count += 1
        else:
            stack[top], stack[top + 1] = child[node] + 1, child[node]
            top += 2
    return found[:count].copy()


@njit(parallel=True, error_model="numpy", cache=True)
def multipoles(source, nodes):
    """Table of the nodes' centres and moments, see WEIGHT, and their radii about the centre."""
    first, last, child = nodes
    count = len(first)
    table, radius = np.empty((count, TRACE + 1)), np.empty(count)
    particles, points = source.T, np.zeros(source.shape[1])
    for node in prange(count):
        if child[node] == 0:
            radius[node] = _combine(particles, points, first[node], last[node], table[node])
    for node in range(count - 1, -1, -1):
        if child[node] > 0:
            radius[node] = _combine(table, radius, child[node], child[node] + 2, table[node])
    return table, radius


@njit(error_model="numpy", cache=True)
def _combine(parts, radii, first, last, out):
    """Moments about the common centre of a range of parts, particles (x, y, z, w) or nodes; return its radius."""
    out[:] = 0.0
    radius = 0.0
    for p in range(first, last):
        out[WEIGHT] += parts[p, 3]
    for k in range(3):
        for p in range(first, last):
            # where all weights are zero, any centre will do
            out[k] += parts[p, k] * (parts[p, 3] / out[WEIGHT] if out[WEIGHT] > 0.0 else 1.0 / (last - first))
    for p in range(first, last):
        dx, dy, dz = parts[p, 0] - out[0], parts[p, 1] - out[1], parts[p, 2] - out[2]
        radius = max(radius, math.sqrt(dx * dx + dy * dy + dz * dz) + radii[p])
        w = 3.0 * parts[p, 3]
        out[XX] += w * dx * dx
        out[YY] += w * dy * dy
        out[ZZ] += w * dz * dz
        out[XY] += w * dx * dy
        out[XZ] += w * dx * dz
        out[YZ] += w * dy * dz
        for q in range(XX, parts.shape[1] - 1):
            out[q] += parts[p, q]
    out[TRACE] = 0.5 * (out[XX] + out[YY] + out[ZZ])
    return radius


@njit(parallel=True, error_model="numpy", cache=True)
def walk(source, nodes, moments, receivers, opening, softening2, potential, threads):
    """Pull on each particle, rows x, y, z, or its potential sum of w_j / R in row 0, itself included.

    A node is taken as a whole when its radius is less than `opening` times its distance from the bounding box of
    the group of receivers.
    """
    out = np.empty((3, source.shape[1]))
    for thread in prange(threads):
        near, far = np.empty((4, LIST)), np.empty((TRACE + 1, LIST))
        # groups are dealt to the threads in turn: those in the crowd take longer
        for g in range(thread, len(receivers), threads):
            _walk_of(receivers[g], source, nodes, moments, opening, softening2, potential, near, far, out)
    return out


@njit(error_model="numpy", cache=True)
def _walk_of(group, source, nodes, moments, opening, softening2, potential, near, far, out):
    first, last, child = nodes
    table, radius = moments
    begin, end = first[group], last[group]
    out[:, begin:end] = 0.0
    low, high = np.empty(3), np.empty(3)
    for k in range(3):
        low[k], high[k] = source[k, begin:end].min(), source[k, begin:end].max()
    near_count = far_count = 0
    stack = np.empty(3 * BITS + 2, np.int64)
    stack[0] = 0
    top = 1
    while top > 0:
        top -= 1
        node = stack[top]
        distance2 = 0.0
        for k in range(3):
            distance2 += max(low[k] - table[node, k], table[node, k] - high[k], 0.0) ** 2
        if radius[node] ** 2 < opening**2 * distance2:
            for q in range(TRACE + 1):
                far[q, far_count] = table[node, q]
            far_count += 1
            if far_count == LIST:
                _add_nodes(far, far_count, source, begin, end, softening2, potential, out)
                far_count = 0
        elif child[node] > 0:
            stack[top], stack[top + 1] = child[node] + 1, child[node]
            top += 2
        else:
            for p in range(first[node], last[node]):
                for q in range(4):
                    near[q, near_count] = source[q, p]
                near_count += 1
                if near_count == LIST:
                    _add_particles(near, near_count, source, begin, end, softening2, potential, out)
                    near_count = 0
    _add_nodes(far, far_count, source, begin, end, softening2, potential, out)
    _add_particles(near, near_count, source, begin, end, softening2, potential, out)


@njit(error_model="numpy", cache=True)
def _fill(entries, count):
    """Complete the last vector of a list with entries that pull at nothing; return its new length."""
    full = (count + LANES - 1) // LANES * LANES
    for j in range(count, full):
        for q in range(entries.shape[0]):
            entries[q, j] = entries[q, 0] if q < 3 else 0.0
    return full


@njit(error_model="numpy", cache=True)
def _add_particles(near, count, source, begin, end, softening2, potential, out):
    count = _fill(near, count)
    for i in range(begin, end):
        x, y, z = source[0, i], source[1, i], source[2, i]
        if potential:
            out[0, i] += _potential(near, count, softening2, x, y, z)
        else:
            fx, fy, fz = attraction(near, 0, count, softening2, x, y, z)
            out[0, i] += fx
            out[1, i] += fy
            out[2, i] += fz


@njit(error_model="numpy", cache=True)
def _add_nodes(far, count, source, begin, end, softening2, potential, out):
    count = _fill(far, count)
    for i in range(begin, end):
        x, y, z = source[0, i], source[1, i], source[2, i]
        if potential:
            out[0, i] += _node_potential(far, count, softening2, x, y, z)
        else:
            fx, fy, fz = _node_attraction(far, count, softening2, x, y, z)
            out[0, i] += fx
            out[1, i] += fy
            out[2, i] += fz


@njit(error_model="numpy", cache=True)
def _potential(near, count, softening2, xi, yi, zi):
    """Sum of w / R, with R^2 = r^2 + softening^2."""
    result = zeros()
    for j in range(0, count, LANES):
        dx, dy, dz = load(near[0], j) - xi, load(near[1], j) - yi, load(near[2], j) - zi
        result += load(near[3], j) * inverse_root(dx * dx + dy * dy + dz * dz + softening2)
    return total(result)


@njit(error_model="numpy", cache=True)
def _node_potential(far, count, softening2, xi, yi, zi):
    """Sum of w / R + (3 d.Q d / R^5 - tr Q / R^3) / 2, the second-order Taylor polynomial of the sum of w / R."""
    result = zeros()
    for j in range(0, count, LANES):
        dx, dy, dz = load(far[0], j) - xi, load(far[1], j) - yi, load(far[2], j) - zi
        s = inverse_root(dx * dx + dy * dy + dz * dz + softening2)
        qx, qy, qz = _times_quadrupole(far, j, dx, dy, dz)
        square = s * s
        quadrupole = 0.5 * (qx * dx + qy * dy + qz * dz) * square - load(far[TRACE], j) * (1.0 / 3.0)
        result += s * (load(far[WEIGHT], j) + quadrupole * square)
    return total(result)


@njit(error_model="numpy", cache=True)
def _node_attraction(far, count, softening2, xi, yi, zi):
    """The gradient of `_node_potential` by the receiver's position."""
    sx = sy = sz = zeros()
    for j in range(0, count, LANES):
        dx, dy, dz = load(far[0], j) - xi, load(far[1], j) - yi, load(far[2], j) - zi
        s = inverse_root(dx * dx + dy * dy + dz * dz + softening2)
        qx, qy, qz = _times_quadrupole(far, j, dx, dy, dz)
        square = s * s
        cube = s * square
        fifth = cube * square
        radial = 2.5 * (qx * dx + qy * dy + qz * dz) * square - load(far[TRACE], j)
        pull = load(far[WEIGHT], j) * cube + radial * fifth
        sx += pull * dx - fifth * qx
        sy += pull * dy - fifth * qy
        sz += pull * dz - fifth * qz
    return total(sx), total(sy), total(sz)


@njit(error_model="numpy", cache=True)
def _times_quadrupole(far, j, dx, dy, dz):
    """3 Q d."""
    xy, xz, yz = load(far[XY], j), load(far[XZ], j), load(far[YZ], j)
    qx = load(far[XX], j) * dx + xy * dy + xz * dz
    qy = xy * dx + load(far[YY], j) * dy + yz * dz
    qz = xz * dx + yz * dy + load(far[ZZ], j) * dz
    return qx, qy, qz
