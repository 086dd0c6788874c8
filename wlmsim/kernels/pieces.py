"""Pieces of a force: each adds to it, or changes it, on one thread and without memory of its own.

`wlmsim.functionals.pieces` makes one compiled function of several of them, each for its law. All take positions x, the
time t, a tuple p of their own, and the force so far.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numba.cpython.unsafe.tuple import tuple_setitem

from wlmsim.kernels.direct import attraction


@njit(fastmath=True, error_model="numpy")
def add_external(x, t, p, force, gradient):
    """Take grad V(x_i, t) off; p holds the parameters of the law and room for the gradient."""
    parameters, slope = p
    for i in range(x.shape[0]):
        gradient(x[i], t, parameters, slope)
        for k in range(x.shape[1]):
            force[i, k] -= slope[k]


@njit(fastmath=True, error_model="numpy")
def add_pairs(x, t, p, force, derivative):
    """Take the sum over j of w_j grad W(|x_i - x_j|) off; a coincident pair has no direction and exerts no force.

    p holds the weights, the parameters of the law, room for the coordinates as rows, and a tuple with a zero for each
    axis.
    """
    w, parameters, xs, axes = p
    for i in range(len(x)):
        for k in range(len(axes)):
            xs[k, i] = x[i, k]
    for i in range(len(x)):
        here = total = axes
        for k in range(len(axes)):
            here = tuple_setitem(here, k, xs[k, i])
        for j in range(len(x)):
            r2 = 0.0
            for k in range(len(axes)):
                r2 += (xs[k, j] - here[k]) ** 2
            # without branches, so that the loop becomes vector instructions
            r = math.sqrt(r2 if r2 > 0.0 else 1.0)
            pull = derivative(r, parameters) / r
            pull = w[j] * pull if r2 > 0.0 else 0.0
            for k in range(len(axes)):
                total = tuple_setitem(total, k, total[k] + pull * (xs[k, j] - here[k]))
        for k in range(len(axes)):
            force[i, k] += total[k]


@njit(fastmath=True, error_model="numpy")
def add_near_pairs(x, t, p, force, derivative):
    """`add_pairs` up to a cutoff, where the force is shifted to vanish, of nearest images in a box.

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
def add_gravity(x, t, p, force):
    """Add softened gravity, in up to three dimensions.

    p holds its strength, the squared softening, and rows x, y, z, w of the particles as `kernels.direct` has them, of
    which the weights are filled in.
    """
    strength, softening2, source = p
    for i in range(source.shape[1]):
        for k in range(x.shape[1]):
            source[k, i] = x[i if i < len(x) else 0, k]
    for i in range(len(x)):
        pull = attraction(source, 0, source.shape[1], softening2, source[0, i], source[1, i], source[2, i])
        for k in range(x.shape[1]):
            force[i, k] += strength * pull[k]


@njit(error_model="numpy")
def divide(x, t, p, force):
    """Divide by the masses, p[0]."""
    (masses,) = p
    for i in range(force.shape[0]):
        for k in range(force.shape[1]):
            force[i, k] /= masses[i]


@njit(error_model="numpy")
def turn(x, t, p, force):
    """Turn by a right angle anticlockwise in the plane."""
    for i in range(force.shape[0]):
        force[i, 0], force[i, 1] = -force[i, 1], force[i, 0]
