"""Pieces of a force: each adds to it, or changes it, on one thread and without memory of its own.

`wlmsim.functionals.pieces` makes one compiled function of several of them, each for its law. All take positions x, the
time t, a tuple p of their own, and the force so far. More stand beside the sums whose text they share.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numba.cpython.unsafe.tuple import tuple_setitem

from wlmsim.kernels.direct import attraction


@njit(fastmath=True, error_model="numpy")
def add_near_pairs(x, t, p, force, derivative):
    """`laws.add_pairs` up to a cutoff, where the force is shifted to vanish, of nearest images in a box.

    p holds the weights, the parameters of the law, the cutoff and W' there, the length of each periodic axis and 0 of
    an open one, and a tuple with a zero for each axis.
    """
    w, parameters, (cutoff, slope), box, axes = p
    for i in range(len(x)):
        for j in range(i):
            step, r2 = axes, 0.0
            for k in range(len(axes)):
                d = x[j, k] - x[i, k]
                d -= box[k] * np.rint(d / box[k]) if box[k] > 0.0 else 0.0
                step = tuple_setitem(step, k, d)
                r2 += d * d
            if r2 >= cutoff * cutoff or r2 == 0.0:
                continue
            r = math.sqrt(r2)
            pull = (derivative(r, parameters) - slope) / r
            for k in range(len(axes)):
                force[i, k] += w[j] * pull * step[k]
                force[j, k] -= w[i] * pull * step[k]


@njit(error_model="numpy")
def add_near_pairs_at(x, t, p, force, derivative):
    """`add_near_pairs` of a law whose first parameter is the time."""
    w, parameters, (cutoff, _), box, axes = p
    now = tuple_setitem(parameters, 0, t)
    add_near_pairs(x, t, (w, now, (cutoff, derivative(cutoff, now)), box, axes), force, derivative)


@njit(error_model="numpy")
def add_gravity(x, t, p, force):
    """Add softened gravity, in up to three dimensions.

    p holds its strength, the squared softening, and rows x, y, z, w of the particles as `kernels.direct` has them, of
    which the weights are filled in.
    """
    strength, softening2, source = p
    for k in range(x.shape[1]):
        for i in range(len(x)):
            source[k, i] = x[i, k]
        for i in range(len(x), source.shape[1]):
            source[k, i] = x[0, k]
    for i in range(len(x)):
        pull = attraction(source, 0, source.shape[1], softening2, source[0, i], source[1, i], source[2, i])
        for k in range(x.shape[1]):
            force[i, k] += strength * pull[k]


@njit(error_model="numpy")
def divide(x, _, p, force):
    """Divide by the masses, p[0]; beside positions stand times or velocities."""
    (masses,) = p
    for i in range(force.shape[0]):
        for k in range(force.shape[1]):
            force[i, k] /= masses[i]


@njit(error_model="numpy")
def turn(x, t, p, force):
    """Turn by a right angle anticlockwise in the plane."""
    for i in range(force.shape[0]):
        force[i, 0], force[i, 1] = -force[i, 1], force[i, 0]


@njit(error_model="numpy")
def set_aside(x, t, p, force):
    """Begin a force of its own: that so far is kept in p[0] until `of_shares` adds the new one to it."""
    (kept,) = p
    kept[:] = force
    force[:] = 0.0


@njit(error_model="numpy")
def of_shares(x, t, p, force):
    """End a force that `set_aside` has begun: each particle feels its share of it; p holds what is kept and shares."""
    kept, shares = p
    for i in range(force.shape[0]):
        for k in range(force.shape[1]):
            force[i, k] = kept[i, k] + shares[i] * force[i, k]


# --- of forces that depend on the velocity: these take velocities v in the place of the time


@njit(error_model="numpy")
def add_propulsion(x, v, p, force):
    """Add (alpha - beta |v|^2) v; p holds alpha and beta."""
    alpha, beta = p
    for i in range(v.shape[0]):
        speed2 = 0.0
        for k in range(v.shape[1]):
            speed2 += v[i, k] ** 2
        for k in range(v.shape[1]):
            force[i, k] += (alpha - beta * speed2) * v[i, k]


@njit(error_model="numpy")
def add_lorentz(x, v, p, force):
    """Add v x b of steady fields, p[0], which have a row for each particle or one for all."""
    (b,) = p
    for i in range(v.shape[0]):
        row = b[i if len(b) > 1 else 0]
        if v.shape[1] == 2:
            force[i, 0] += row[0] * v[i, 1]
            force[i, 1] -= row[0] * v[i, 0]
        else:
            for k in range(3):
                after, last = (k + 1) % 3, (k + 2) % 3
                force[i, k] += v[i, after] * row[last] - v[i, last] * row[after]


# --- of magnetic fields


@njit(error_model="numpy")
def set_vectors(x, t, p, out, vector):
    """Set the vector at each particle; p holds the parameters of its law."""
    for i in range(x.shape[0]):
        vector(x[i], p[0], out[i])
